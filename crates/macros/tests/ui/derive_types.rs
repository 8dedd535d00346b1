//! Fields of types that cannot travel: the error is at the field.

use polywire_macros::Schema;

struct Plain;

#[derive(Schema)]
#[schema(crate = "polywire_schema")]
struct Holder {
    id: u64,
    plain: Vec<Plain>,
    text: &'static str,
}

#[derive(Schema)]
#[schema(crate = "polywire_schema")]
enum Choice {
    A(u8),
    B(std::rc::Weak<u8>),
}

fn main() {}
