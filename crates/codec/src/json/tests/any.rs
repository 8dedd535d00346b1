//! Gob's own types: interfaces, complex numbers, big integers.

use polywire_gob::{Any, BigInt, Complex, Value};
use polywire_macros::Schema;
use serde::{Deserialize, Serialize};

use super::super::Style::{Go, Proto, Serde};
use super::super::{from_bytes, to_bytes};
use super::{go, round};

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
struct Event {
    user_id: u8,
    detail: Any,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
struct Numbers {
    big: BigInt,
    point: Complex<f32>,
    maybe: Option<BigInt>,
}

fn event(detail: Any) -> Event {
    Event { user_id: 7, detail }
}

#[test]
fn an_interface_is_the_plain_value_in_every_style() {
    let text = r#"[1,-2.5,"a",null,true,{"k":[18446744073709551615]}]"#;
    for style in [Serde, Go, Proto] {
        let any: Any = from_bytes(text.as_bytes(), style).unwrap();
        assert_eq!(any.name(), Some("[]interface {}"), "{style:?}");
        assert_eq!(to_bytes(&any, style).unwrap(), text, "{style:?}");
    }
    round(&event(Any::of(&5_i64).unwrap()), r#"{"UserID":7,"Detail":5}"#);
    round(&event(Any::nil()), r#"{"UserID":7,"Detail":null}"#);
    let missing: Event = from_bytes(br#"{"UserID":7}"#, Go).unwrap();
    assert_eq!(missing, event(Any::nil()));
}

#[test]
fn what_came_over_gob_goes_on_as_plain_json() {
    let held = Value::record(
        "Point",
        vec![("X", Value::Int(1)), ("Raw", Value::Bytes([1, 2, 255].into()))],
    );
    let detail = Any::new("main.Point", held);
    assert_eq!(go(&event(detail.clone())), r#"{"UserID":7,"Detail":{"Raw":"AQL/","X":1}}"#);
    let serde = to_bytes(&event(detail), Serde).unwrap();
    assert_eq!(serde, r#"{"user_id":7,"detail":{"X":1,"Raw":[1,2,255]}}"#);
    let keys = std::collections::BTreeMap::from([(-1_i64, true)]);
    assert_eq!(go(&Any::of(&keys).unwrap()), r#"{"-1":true}"#);
    assert_eq!(go(&Any::of(&Complex::new(1.0, -2.5)).unwrap()), "[1,-2.5]");
    assert_eq!(go(&Any::of(&BigInt::from(-5)).unwrap()), "-5");
    to_bytes(&Any::of(&f64::NAN).unwrap(), Go).unwrap_err();
}

#[test]
fn an_interface_is_bounded_in_depth() {
    let text = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for style in [Serde, Go, Proto] {
        from_bytes::<Any>(text.as_bytes(), style).unwrap_err();
    }
}

#[test]
fn big_integers_are_numbers_for_go_and_text_for_others() {
    let big: BigInt = "-340282366920938463463374607431768211456".parse().unwrap();
    let numbers = Numbers { big, point: Complex::new(1.5, -2.0), maybe: None };
    round(
        &numbers,
        r#"{"Big":-340282366920938463463374607431768211456,"Point":[1.5,-2],"Maybe":null}"#,
    );
    let proto = to_bytes(&numbers, Proto).unwrap();
    assert_eq!(from_bytes::<Numbers>(&proto, Proto).unwrap(), numbers);
    let text = String::from_utf8(to_bytes(&numbers, Serde).unwrap().to_vec()).unwrap();
    assert!(text.contains(r#""big":"-340282366920938463463374607431768211456""#), "{text}");
    assert_eq!(from_bytes::<Numbers>(b"{}", Go).unwrap(), Numbers::default());
    for refused in ["1.5", "1e3", "\"\"", "\"x\"", "true"] {
        from_bytes::<BigInt>(refused.as_bytes(), Go).unwrap_err();
    }
}

#[test]
fn a_big_integer_beyond_the_limit_has_no_text() {
    let long = BigInt::from_magnitude(false, &[1; 4_097]);
    for style in [Serde, Go, Proto] {
        to_bytes(&long, style).unwrap_err();
        from_bytes::<BigInt>("9".repeat(10_000).as_bytes(), style).unwrap_err();
    }
}
