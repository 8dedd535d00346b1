//! Any bytes as a Protocol Buffers message, binary or JSON, of a known type: no panic, and what was
//! read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use polywire_codec::json::{self, Style};
use polywire_codec::protobuf;
use polywire_schema::Schema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::values::{Clock, Drawing, Lists, Maps, Optional, Scalars};

/// The types that the tests of the crate exchange.
#[path = "../../crates/codec/tests/protobuf/values.rs"]
#[expect(dead_code, reason = "the tests build values, which are read only here")]
mod values;

fuzz_target!(|input: &[u8]| {
    both::<Scalars>(input);
    both::<Optional>(input);
    both::<Lists>(input);
    both::<Maps>(input);
    both::<Clock>(input);
    both::<Drawing>(input);
});

fn both<T: Serialize + DeserializeOwned + Schema>(input: &[u8]) {
    binary::<T>(input);
    text::<T>(input);
}

/// Written twice the bytes are the same; values are not compared, as NaN is none like another.
fn binary<T: Serialize + DeserializeOwned + Schema>(input: &[u8]) {
    let Ok(value) = protobuf::from_bytes::<T>(input) else { return };
    let Ok(written) = protobuf::to_bytes(&value) else { return };
    let again = protobuf::from_bytes::<T>(&written).expect("what was written is read");
    let rewritten = protobuf::to_bytes(&again).expect("what was written once is written again");
    assert_eq!(written, rewritten);
}

fn text<T: Serialize + DeserializeOwned + Schema>(input: &[u8]) {
    let Ok(value) = json::from_bytes::<T>(input, Style::Proto) else { return };
    let Ok(written) = json::to_bytes(&value, Style::Proto) else { return };
    let again = json::from_bytes::<T>(&written, Style::Proto).expect("what was written is read");
    let rewritten = json::to_bytes(&again, Style::Proto).expect("and is written again");
    assert_eq!(written, rewritten);
}
