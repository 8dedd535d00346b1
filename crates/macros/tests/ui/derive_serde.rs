//! serde's attributes that leave no fixed shape, or hide it.

use polywire_macros::Schema;

#[derive(Schema)]
#[schema(crate = "polywire_schema")]
struct Flattened {
    id: u64,
    #[serde(flatten)]
    rest: Vec<u8>,
}

#[derive(Schema)]
#[serde(tag = "type", content = "value")]
enum Tagged {
    A(u8),
}

#[derive(Schema)]
#[serde(untagged)]
enum Untagged {
    A(u8),
}

#[derive(Schema)]
enum WithOther {
    A,
    #[serde(other)]
    B,
}

#[derive(Schema)]
struct OneSided {
    #[serde(skip_serializing)]
    id: u64,
}

#[derive(Schema)]
struct OneSidedName {
    #[serde(rename(serialize = "a", deserialize = "b"))]
    id: u64,
}

#[derive(Schema)]
struct OneSidedCase {
    #[serde(rename(serialize = "a"))]
    id: u64,
}

#[derive(Schema)]
struct Custom {
    #[serde(with = "elsewhere")]
    id: u64,
}

#[derive(Schema)]
#[serde(from = "String")]
struct Converted(u64);

#[derive(Schema)]
#[serde(rename_all = "camel_case")]
struct UnknownCase {
    id: u64,
}

#[derive(Schema)]
struct Unknown {
    #[serde(compress)]
    id: u64,
}

fn main() {}
