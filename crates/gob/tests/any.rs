//! Interfaces, complex numbers and big integers as fields of Rust structs.

#![expect(clippy::unwrap_used, reason = "a failure is what a test shows")]

use std::collections::BTreeMap;
use std::time::Duration;

use polywire_gob::{
    Any, BigInt, Complex, Decoder, Encoder, Schema, Value, compile, encode, from_slice, register,
    to_vec,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_gob")]
struct Point {
    x: i64,
    y: i64,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_gob")]
struct Boxed {
    first: Any,
    others: Vec<Any>,
    named: BTreeMap<String, Any>,
    last: i64,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "polywire_gob")]
struct Numbers {
    z: Complex<f64>,
    small: Complex<f32>,
    big: BigInt,
    maybe: Option<BigInt>,
}

fn point(x: i64, y: i64) -> Any {
    register::<Point>("main.Point").unwrap();
    Any::of(&Point { x, y }).unwrap()
}

#[test]
fn interfaces_in_fields_lists_and_maps_come_back_with_name_and_type() {
    let value = Boxed {
        first: point(1, 2),
        others: vec![Any::nil(), Any::of("text").unwrap(), point(3, 4)],
        named: BTreeMap::from([("took".to_owned(), Any::of(&Duration::from_secs(1)).unwrap())]),
        last: 9,
    };
    let back: Boxed = from_slice(&to_vec(&value).unwrap()).unwrap();
    assert_eq!(back, value);
    assert_eq!(back.first.name(), Some("main.Point"));
    assert_eq!(back.first.get::<Point>().unwrap(), Point { x: 1, y: 2 });
    assert_eq!(back.others[1].name(), Some("string"));
    assert_eq!(back.named["took"].name(), Some("time.Duration"));
    assert!(back.others[0].is_nil());
}

#[test]
fn a_nil_interface_is_left_out_of_a_struct_and_sent_in_a_list() {
    let nothing = Boxed { others: vec![Any::nil()], ..Boxed::default() };
    let message = encode(&nothing).unwrap().0;
    // The second field, one element, its empty name, and the end of the struct.
    assert!(message.ends_with(&[2, 1, 0, 0]), "{message:02x?}");
    assert_eq!(from_slice::<Boxed>(&to_vec(&nothing).unwrap()).unwrap(), nothing);
    let zero = encode(&Boxed::default()).unwrap().0;
    assert_eq!(zero.last_chunk::<1>(), Some(&[0]));
}

#[test]
fn each_value_brings_the_types_it_needs_and_none_twice() {
    let mut encoder = Encoder::new(Vec::new());
    let values = [Any::of(&1_i64).unwrap(), point(1, 2), Any::of(&vec!["a".to_owned()]).unwrap()];
    let lengths: Vec<usize> = values
        .iter()
        .chain(&values)
        .map(|first| {
            let value = Boxed { first: first.clone(), ..Boxed::default() };
            encoder.encode(&value).unwrap();
            encode(&value).unwrap().0.len()
        })
        .collect();
    let stream = encoder.into_inner();
    let mut decoder = Decoder::new(&stream[..]);
    for expected in values.iter().chain(&values) {
        let value: Boxed = decoder.decode().unwrap().unwrap();
        assert_eq!(value.first, *expected);
    }
    assert_eq!(decoder.decode::<Boxed>().unwrap(), None);
    // The second round is values alone.
    let second: usize = lengths[values.len()..].iter().sum();
    let last = &stream[stream.len() - second..];
    assert_eq!(usize::from(last[0]) + 1, lengths[0]);
}

/// Encodes another message in the middle of its own, and fails to.
struct Within(Any);

impl Serialize for Within {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let failing = Boxed { first: Any::new("", Value::Bool(true)), ..Boxed::default() };
        encode(&failing).unwrap_err();
        let (_, definitions) = encode(&Boxed { first: point(5, 6), ..Boxed::default() }).unwrap();
        assert!(definitions.iter().count() > 1);
        self.0.serialize(serializer)
    }
}

impl Schema for Within {
    const TYPE: &'static polywire_schema::Type = Any::TYPE;
}

#[test]
fn a_message_within_a_message_has_types_of_its_own() {
    let (_, plain) = encode(&[Within(Any::of(&1_i64).unwrap())]).unwrap();
    assert_eq!(plain.iter().count(), 1, "{plain:?}");
    let (_, pair) = encode(&[Within(point(1, 2)), Within(Any::of("x").unwrap())]).unwrap();
    assert_eq!(pair.iter().count(), 2, "{pair:?}");
}

#[test]
fn a_type_needs_a_name_to_be_put_into_an_interface() {
    #[derive(Serialize, Deserialize, Schema)]
    #[schema(crate = "polywire_gob")]
    struct Nameless {
        a: i64,
    }
    let error = Any::of(&Nameless { a: 1 }).unwrap_err();
    assert_eq!(error.to_string(), "gob: type not registered for interface: Nameless");
    register::<Nameless>("main.Nameless").unwrap();
    register::<Nameless>("main.Nameless").unwrap();
    assert_eq!(Any::of(&Nameless { a: 1 }).unwrap().name(), Some("main.Nameless"));
    let error = register::<Nameless>("main.Other").unwrap_err();
    assert_eq!(
        error.to_string(),
        "Nameless cannot travel over gob: it is registered as main.Nameless already"
    );
    // An interface holds no interface.
    Any::of(&Any::nil()).unwrap_err();
    Any::nil().get::<i64>().unwrap_err();
    assert!(point(1, 2).get::<String>().is_err());
}

#[test]
fn names_are_those_every_go_program_knows() {
    let name = |any: Any| any.name().unwrap().to_owned();
    assert_eq!(name(Any::of(&1_i32).unwrap()), "int32");
    assert_eq!(name(Any::of(&1_u64).unwrap()), "uint");
    assert_eq!(name(Any::of(&vec![1_u8]).unwrap()), "[]uint8");
    assert_eq!(name(Any::of(&vec![1.5_f32]).unwrap()), "[]float32");
    assert_eq!(name(Any::of(&Complex::new(1.0_f32, 0.0)).unwrap()), "complex64");
    assert_eq!(name(Any::of(&vec![Any::nil()]).unwrap()), "[]interface {}");
    let map = BTreeMap::from([("a".to_owned(), Any::nil())]);
    assert_eq!(name(Any::of(&map).unwrap()), "map[string]interface {}");
}

#[test]
fn an_option_of_an_interface_is_refused_since_the_interface_may_be_nil() {
    let error = compile(<(Option<Any>, i64)>::TYPE).unwrap_err();
    assert!(error.to_string().ends_with("an interface may be nil by itself"), "{error}");
}

#[test]
fn complex_numbers_and_big_integers_come_back() {
    let zero = Numbers::default();
    assert_eq!(from_slice::<Numbers>(&to_vec(&zero).unwrap()).unwrap(), zero);
    let some = Numbers {
        z: Complex::new(0.0, -1.5),
        small: Complex::new(f32::MAX, 0.0),
        big: BigInt::from(i128::MIN),
        maybe: Some(BigInt::default()),
    };
    assert_eq!(from_slice::<Numbers>(&to_vec(&some).unwrap()).unwrap(), some);
    let long = BigInt::from_magnitude(true, &[0xab; 100_000]);
    assert_eq!(from_slice::<BigInt>(&to_vec(&long).unwrap()).unwrap(), long);
}

#[test]
fn big_integers_convert_to_and_from_numbers_and_decimal_text() {
    for n in
        [0, 1, -1, 9, i128::from(u32::MAX), i128::MAX, i128::MIN, 1_000_000_000, -10_i128.pow(30)]
    {
        let big = BigInt::from(n);
        assert_eq!(big.to_i128(), Some(n));
        assert_eq!(big.to_string(), n.to_string());
        assert_eq!(n.to_string().parse::<BigInt>().unwrap(), big);
        assert_eq!(BigInt::from_gob(&big.to_gob()).unwrap(), big);
    }
    assert_eq!(BigInt::from(u128::MAX).to_u128(), Some(u128::MAX));
    assert_eq!(BigInt::from(u128::MAX).to_i128(), None);
    assert_eq!(BigInt::from(-1).to_u128(), None);
    let power = "1".to_owned() + &"0".repeat(60);
    let big: BigInt = power.parse().unwrap();
    assert_eq!(big.to_string(), power);
    assert_eq!(big.magnitude().len(), 25);
    assert_eq!("-000".parse::<BigInt>().unwrap(), BigInt::default());
    assert!(!BigInt::from_magnitude(true, &[0, 0]).is_negative());
    for refused in ["", "-", "+-1", "1.0", "0x1", " 1"] {
        refused.parse::<BigInt>().unwrap_err();
    }
    assert_eq!(
        BigInt::from_gob(&[9, 1]).unwrap_err(),
        "Int.GobDecode: encoding version 4 not supported"
    );
}
