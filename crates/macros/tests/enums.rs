//! What the derive says about enums.
#![deny(missing_docs, unused_qualifications, unreachable_pub, warnings)]

use polywire_macros::Schema;
use polywire_schema::{EnumType, Kind, Schema, Type, Variant, VariantShape};
use serde::{Deserialize, Serialize};

fn enum_of(ty: &'static Type) -> &'static EnumType {
    let Kind::Enum(described) = ty.kind else { panic!("{ty} is not an enum") };
    described
}

fn variant(ty: &'static Type, serde: &str) -> &'static Variant {
    let found = enum_of(ty).variants.iter().find(|variant| variant.serde == serde);
    found.unwrap_or_else(|| panic!("{ty} has no variant {serde}"))
}

/// How urgent it is.
#[derive(Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_schema", go = "Prio")]
#[serde(rename_all = "snake_case")]
enum Priority {
    VeryLow,
    /// As soon as possible.
    #[schema(tag = 10)]
    High,
    #[serde(skip)]
    Hidden,
    #[serde(rename = "NOW")]
    #[schema(go = "Immediately")]
    Now,
}

#[test]
fn a_unit_only_enum_is_its_names() {
    let priority = enum_of(Priority::TYPE);
    assert!(priority.is_unit_only());
    assert_eq!(
        (priority.name, priority.go, priority.docs),
        ("Priority", "Prio", "How urgent it is.")
    );
    let names: Vec<_> = priority
        .variants
        .iter()
        .map(|variant| (variant.serde, variant.go, variant.number))
        .collect();
    assert_eq!(
        names,
        [("very_low", "VeryLow", 0), ("high", "High", 10), ("NOW", "Immediately", 2)]
    );
    assert_eq!(variant(Priority::TYPE, "high").docs, "As soon as possible.");
    assert!(Priority::TYPE.slot.is_some());
}

#[derive(Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_schema")]
#[serde(rename_all = "camelCase", rename_all_fields = "UPPERCASE")]
enum Shape {
    Empty,
    Circle(f64),
    Box(f64, f32),
    Free {
        /// Corners in order.
        corner_points: Vec<(f64, f64)>,
        #[serde(skip)]
        cache: u8,
    },
    #[serde(rename_all = "PascalCase")]
    Mesh {
        node_count: u32,
    },
    Group(Vec<Self>),
    Gone(#[serde(skip)] u8),
    #[serde(with = "text")]
    #[schema(as = "String")]
    Text(u8),
}

mod text {
    //! A number as text.
    use super::{Deserialize, Serialize};

    pub(super) fn serialize<S: serde::Serializer>(n: &u8, s: S) -> Result<S::Ok, S::Error> {
        n.to_string().serialize(s)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(d: D) -> Result<u8, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[test]
fn each_variant_has_the_shape_serde_writes() {
    let shape = |name| variant(Shape::TYPE, name).shape;
    assert!(!enum_of(Shape::TYPE).is_unit_only());
    assert!(matches!(shape("empty"), VariantShape::Unit));
    assert!(matches!(shape("gone"), VariantShape::Unit));
    let VariantShape::Newtype(radius) = shape("circle") else { panic!("circle") };
    assert!(matches!(radius().kind, Kind::Float(64)));
    let VariantShape::Tuple([width, height]) = shape("box") else { panic!("box") };
    assert_eq!((width().to_string(), height().to_string()), ("f64".into(), "f32".into()));
    let VariantShape::Newtype(group) = shape("group") else { panic!("group") };
    assert_eq!(group().to_string(), "Vec<Shape>");
    let VariantShape::Newtype(text) = shape("text") else { panic!("text") };
    assert!(matches!(text().kind, Kind::String));
}

#[test]
fn a_variants_struct_is_named_after_both_and_renames_its_own_fields() {
    let VariantShape::Struct(free) = variant(Shape::TYPE, "free").shape else { panic!("free") };
    assert_eq!((free.name, free.go, free.fields.len()), ("ShapeFree", "ShapeFree", 1));
    assert_eq!((free.fields[0].serde, free.fields[0].go), ("CORNER_POINTS", "CornerPoints"));
    assert_eq!(free.fields[0].docs, "Corners in order.");
    let VariantShape::Struct(mesh) = variant(Shape::TYPE, "mesh").shape else { panic!("mesh") };
    assert_eq!(mesh.fields[0].serde, "NodeCount");
}

#[derive(Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_schema")]
enum Either<L, R> {
    Left(L),
    Right { value: R },
}

#[test]
fn a_generic_enum_is_described_per_instance() {
    let VariantShape::Newtype(left) = variant(<Either<u8, bool>>::TYPE, "Left").shape else {
        panic!("left")
    };
    assert!(matches!(left().kind, Kind::Uint(8)));
    let VariantShape::Struct(right) = variant(<Either<u8, bool>>::TYPE, "Right").shape else {
        panic!("right")
    };
    assert!(matches!((right.fields[0].ty)().kind, Kind::Bool));
}

#[test]
fn every_case_of_serde_gives_the_names_serde_writes() {
    macro_rules! case {
        ($($case:literal)*) => {$({
            #[derive(Serialize, Deserialize, Schema)]
            #[schema(crate = "polywire_schema")]
            #[serde(rename_all = $case, rename_all_fields = $case)]
            enum Cased {
                HttpRequest { user_id: u8, _odd_name: u8, x: u8 },
                V2,
            }

            let one = serde_json::to_value(Cased::HttpRequest { user_id: 1, _odd_name: 2, x: 3 });
            let one = one.unwrap();
            let (name, fields) = one.as_object().unwrap().iter().next().unwrap();
            let VariantShape::Struct(described) = variant(Cased::TYPE, name).shape else {
                panic!("{name}")
            };
            for field in described.fields {
                assert!(fields.get(field.serde).is_some(), "{} of {}", field.serde, $case);
            }
            let two = serde_json::to_value(Cased::V2).unwrap();
            assert_eq!(enum_of(Cased::TYPE).variants[1].serde, two.as_str().unwrap());
        })*};
    }
    case!("lowercase" "UPPERCASE" "PascalCase" "camelCase" "snake_case" "SCREAMING_SNAKE_CASE"
        "kebab-case" "SCREAMING-KEBAB-CASE");
}

#[test]
fn every_part_is_used() {
    let shapes = [
        Shape::Empty,
        Shape::Circle(1.0),
        Shape::Box(1.0, 2.0),
        Shape::Free { corner_points: Vec::new(), cache: 0 },
        Shape::Mesh { node_count: 1 },
        Shape::Group(Vec::new()),
        Shape::Gone(1),
        Shape::Text(7),
    ];
    let written: Vec<serde_json::Value> =
        shapes.iter().map(|shape| serde_json::to_value(shape).unwrap()).collect();
    assert_eq!(written[6], "gone");
    assert_eq!(written[7]["text"], "7");
    let either: [Either<u8, bool>; 2] = [Either::Left(1), Either::Right { value: true }];
    assert_eq!(serde_json::to_value(either).unwrap()[1]["Right"]["value"], true);
    let low = [Priority::VeryLow, Priority::High, Priority::Now, Priority::Hidden];
    assert_eq!(low.map(|one| serde_json::to_value(one).is_ok()), [true, true, true, false]);
}
