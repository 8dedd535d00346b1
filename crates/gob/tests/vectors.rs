//! Bytes captured from Go: every entry of `vectors/gob_vectors.json` is accounted for.

#![expect(clippy::unwrap_used, reason = "a failure is what a test shows")]

mod vectors {
    mod interfaces;
    pub(crate) mod notation;
    pub(crate) mod stream;
    mod typed;
}

use serde_json::Value as Json;
use vectors::notation::matches;
use vectors::stream::{bodies, entries, frames, hex, hex_of};

use polywire_gob::{Encoder, Value, decode_value};

/// Categories whose entries are streams of one value, or several, of any type.
const PLAIN: &[&str] = &[
    "uint",
    "int",
    "bool",
    "float",
    "complex",
    "string",
    "bytes",
    "slice",
    "array",
    "map",
    "struct",
    "recursive",
    "external",
    "time",
    "interface",
    "stream",
    "rpc_header",
    "encode_error",
    "decode",
];

fn plain() -> impl Iterator<Item = Json> {
    entries().into_iter().filter(|entry| PLAIN.contains(&entry["category"].as_str().unwrap()))
}

/// The streams of both Go versions, whose ids differ.
fn streams(entry: &Json) -> Vec<Vec<u8>> {
    ["hex", "hex_go1_27"].iter().filter_map(|key| Some(hex(entry[key].as_str()?))).collect()
}

fn values(stream: &[u8]) -> Vec<Value> {
    frames(stream).unwrap().iter().map(|frame| decode_value(frame).unwrap()).collect()
}

/// Entries with gob in them. Scripted servers that answered a Go client in JSON or HTTP have none.
fn is_conversation(entry: &Json) -> bool {
    let name = entry["name"].as_str().unwrap();
    let has_gob = !name.starts_with("clientraw_json") && !name.starts_with("clientraw_http");
    match entry["category"].as_str().unwrap() {
        "conversation_gob" | "raw_gob" | "conversation_http" => true,
        "client_raw" => has_gob,
        _ => false,
    }
}

#[test]
fn every_entry_belongs_to_a_test() {
    let (mut plain, mut raw, mut talk, mut left_out) = (0, 0, 0, 0);
    for entry in entries() {
        match entry["category"].as_str().unwrap() {
            category if PLAIN.contains(&category) => plain += 1,
            "raw_decode" => raw += 1,
            _ if is_conversation(&entry) => talk += 1,
            // These carry no gob: JSON-RPC, HTTP heads and refusals, texts of registration errors.
            "raw_json"
            | "conversation_json"
            | "raw_http"
            | "conversation_httppath"
            | "registration"
            | "client_raw" => left_out += 1,
            other => panic!("no test takes category {other}"),
        }
    }
    assert_eq!((plain, raw, talk, left_out), (395, 49, 44, 70));
}

#[test]
fn every_well_formed_stream_decodes_to_its_value() {
    let (mut checked, mut failed) = (0, Vec::new());
    for entry in plain() {
        let name = entry["name"].as_str().unwrap();
        for stream in streams(&entry) {
            let decoded = values(&stream);
            let expected = match &entry["value"] {
                Json::Array(all) if entry["go_type"].as_str().unwrap().starts_with("stream(") => {
                    all.clone()
                }
                one => vec![one.clone()],
            };
            // Go stopped at a value it could not encode; what it had sent is definitions only.
            let is_whole = decoded.len() == expected.len();
            if !is_whole && entry.get("error").is_none() {
                failed.push(format!("{name}: {} values, not {}", decoded.len(), expected.len()));
            }
            if is_whole && entry["category"] != "encode_error" {
                for (value, expected) in decoded.iter().zip(&expected) {
                    if !matches(Some(value), expected) {
                        failed.push(format!("{name}: {value:?} is not {expected}"));
                    }
                    checked += 1;
                }
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!(checked, 679);
}

#[test]
fn every_value_encodes_to_bytes_that_decode_to_it_again() {
    let (mut same_bytes, mut all) = (0, 0);
    for entry in plain() {
        for stream in streams(&entry) {
            let decoded = values(&stream);
            let mut encoder = Encoder::new(Vec::new());
            for value in &decoded {
                encoder.encode_value(value).unwrap();
            }
            let again = encoder.into_inner();
            let twice = values(&again);
            // Text, since NaN equals nothing.
            assert_eq!(format!("{twice:?}"), format!("{decoded:?}"), "{}", entry["name"]);
            all += 1;
            same_bytes += usize::from(bodies(&again) == bodies(&stream));
        }
    }
    // The others hold interfaces, whose types Go defines within the value.
    assert_eq!((same_bytes, all), (592, 654));
}

/// Streams that were made to be refused, and what they are refused with.
const REFUSED: &[(&str, &str, &str)] = &[
    ("raw_gob_garbage", "hex", "unexpected EOF"),
    ("raw_gob_zero_len", "hex", "EOF"),
    ("raw_gob_huge_len", "hex", "invalid message length"),
    ("raw_gob_fresh_encoder_per_call", "hex", "gob: duplicate type received"),
    ("raw_gob_fresh_encoder_per_call", "hex_go1_27", "gob: duplicate type received"),
    ("raw_gob_body_duplicate_typedef", "hex", "gob: duplicate type received"),
    ("raw_gob_body_duplicate_typedef", "hex_go1_27", "gob: duplicate type received"),
    ("clientraw_truncated_body_close", "hex_reply", "unexpected EOF"),
    ("clientraw_truncated_body_close", "hex_reply_go1_27", "unexpected EOF"),
    ("clientraw_garbage", "hex_reply", "unexpected EOF"),
    ("clientraw_garbage", "hex_reply_go1_27", "unexpected EOF"),
];

#[test]
fn both_directions_of_every_conversation_split_into_values() {
    let (mut directions, mut refused) = (0, Vec::new());
    for entry in entries().iter().filter(|entry| is_conversation(entry)) {
        let name = entry["name"].as_str().unwrap();
        for key in ["hex", "hex_go1_27", "hex_reply", "hex_reply_go1_27"] {
            let Some(text) = entry[key].as_str() else { continue };
            let mut stream = hex(text);
            if entry["category"] == "conversation_http" {
                let head = stream.windows(2).position(|two| two == b"\n\n").unwrap();
                stream.drain(..head + 2);
            }
            directions += 1;
            match frames(&stream) {
                Ok(frames) => {
                    for frame in frames {
                        decode_value(&frame).unwrap();
                    }
                }
                Err(error) => refused.push((name.to_owned(), key, error.to_string())),
            }
        }
    }
    let refused: Vec<_> =
        refused.iter().map(|(name, key, text)| (name.as_str(), *key, text.as_str())).collect();
    assert_eq!(refused, REFUSED);
    assert_eq!(directions, 168);
}

#[test]
fn raw_bytes_are_taken_or_refused_as_go_does() {
    let (mut taken, mut differing) = (0, Vec::new());
    for entry in entries().iter().filter(|entry| entry["category"] == "raw_decode") {
        let name = entry["name"].as_str().unwrap();
        let stream = hex_of(entry);
        let outcome = match frames(&stream) {
            Err(error) => error.to_string(),
            Ok(frames) => match frames.first().map(decode_value) {
                None => "EOF".to_owned(),
                Some(Err(error)) => error.to_string(),
                Some(Ok(_)) => "taken".to_owned(),
            },
        };
        let expected = entry["error"].as_str().unwrap_or("taken");
        if outcome == expected {
            taken += 1;
        } else {
            differing.push((name.to_owned(), outcome));
        }
    }
    let differing: Vec<_> =
        differing.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(differing, DIFFERING);
    assert_eq!(taken, 30);
}

/// Entries whose error comes from Go's local type, which a value has not, or which this crate
/// refuses earlier or takes where Go's decoder has a bug.
const DIFFERING: &[(&str, &str)] = &[
    // The stream goes on after the first value, where Go's test stopped.
    ("raw_duplicate_definition", "gob: duplicate type received"),
    ("raw_typedef_no_value_eof", "EOF"),
    // A limit of ours.
    (
        "raw_huge_length_minus1",
        "gob: exceeds the limit of 67108864 bytes of a message (message_bytes)",
    ),
    // Go forgets the length it complains about.
    ("raw_string_too_long", "gob: bad string slice length: 127"),
    // Only a typed decoder names the element.
    (
        "raw_slice_count_too_big",
        "gob: decoding array or slice: length exceeds input size (549755813887 elements)",
    ),
    (
        "raw_slice_count_over_input",
        "gob: decoding array or slice: length exceeds input size (200 elements)",
    ),
    // Go hangs.
    ("raw_map_count_cpu_burn", "EOF"),
    ("raw_slice_zero_size_count", "EOF"),
    // Go takes the kind it needs.
    ("raw_wiretype_two_kinds_struct", "gob: type definition of two kinds"),
    ("raw_wiretype_two_kinds_slice", "gob: type definition of two kinds"),
    ("raw_wiretype_empty", "gob: bad data: ignore can't handle type <nil>"),
    // Refused earlier or later than Go does.
    ("raw_go_badData_2", "unexpected EOF"),
    ("raw_go_badData_3", "gob: unknown type id or corrupted data"),
    ("raw_go_badData_4", "invalid message length"),
    ("raw_go_badData_5", "invalid message length"),
    ("raw_go_badData_6", "invalid message length"),
    ("raw_go_badData_7", "invalid message length"),
    ("raw_go_badData_8", "unexpected EOF"),
    // Any name is taken into a value.
    ("raw_iface_unknown_name", "taken"),
];

#[test]
fn byte_by_byte_gives_the_same_values() {
    for entry in entries() {
        for key in ["hex", "hex_reply"] {
            let Some(text) = entry[key].as_str() else { continue };
            let stream = hex(text);
            let whole = vectors::stream::split(&stream, stream.len().max(1));
            assert_eq!(vectors::stream::split(&stream, 1), whole, "{} {key}", entry["name"]);
        }
    }
}

#[test]
fn every_truncation_and_every_flipped_byte_is_survived() {
    for entry in entries() {
        let stream = hex_of(&entry);
        for cut in 0..stream.len() {
            drop(vectors::stream::attempt(&stream[..cut]));
        }
        if stream.len() > 200 {
            continue;
        }
        for at in 0..stream.len() {
            for flip in [1, 0x80, 0xff, 0x7f] {
                let mut flipped = stream.clone();
                flipped[at] ^= flip;
                drop(vectors::stream::attempt(&flipped));
            }
        }
    }
}
