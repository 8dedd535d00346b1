//! Mistakes in `#[schema(...)]`.

use polywire_macros::Schema;

#[derive(Schema)]
#[schema(proto = "user")]
struct NoSuchKey {
    id: u64,
}

#[derive(Schema)]
struct LowerCase {
    #[schema(go = "id")]
    id: u64,
}

#[derive(Schema)]
#[schema(java = "org..User")]
struct NoClass {
    id: u64,
}

#[derive(Schema)]
struct TagRange {
    #[schema(tag = 0)]
    id: u64,
}

#[derive(Schema)]
struct ReservedTag {
    #[schema(tag = 19500)]
    id: u64,
}

#[derive(Schema)]
struct Twice {
    #[schema(go = "A", go = "B")]
    id: u64,
}

#[derive(Schema)]
struct SameTag {
    id: u64,
    #[schema(tag = 1)]
    name: String,
}

#[derive(Schema)]
struct SameGoName {
    user_id: u64,
    user_i_d: u64,
    #[serde(rename = "user_id")]
    other: u64,
}

#[derive(Schema)]
struct SameGoNameOnly {
    user_id: u64,
    #[schema(go = "UserID")]
    other: u64,
}

#[derive(Schema)]
enum SameNumber {
    A,
    #[schema(tag = 0)]
    B,
}

#[derive(Schema)]
#[schema(go = "ID")]
struct NamelessNewtype(u64);

fn main() {}
