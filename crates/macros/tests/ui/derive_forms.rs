//! Types that cannot be described at all.

use polywire_macros::Schema;

#[derive(Schema)]
struct Borrowed<'a> {
    name: &'a str,
}

#[derive(Schema)]
union Either {
    a: u32,
    b: f32,
}

#[derive(Schema)]
#[serde(transparent)]
struct Two {
    a: u32,
    b: u32,
}

#[derive(Schema)]
struct Skipped(#[serde(skip)] u32);

fn main() {}
