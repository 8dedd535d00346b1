use polywire_core::Code;
use proptest::prelude::*;

use super::*;

/// A `google.rpc.Status` as protobuf for Python serialises it: code 8, a message and a RetryInfo
/// of 30 seconds.
const OF_PYTHON: &[u8] = b"\x08\x08\x12\x14overloaded: back off\x1a0\
    \n(type.googleapis.com/google.rpc.RetryInfo\x12\x04\n\x02\x08\x1e";

fn retry() -> Detail {
    Detail::new("google.rpc.RetryInfo", Bytes::from_static(b"\n\x02\x08\x1e"))
}

#[test]
fn what_protobuf_serialises_is_read_and_written_alike() {
    let status = Status::new(Code::ResourceExhausted, "overloaded: back off");
    assert_eq!(parse(&Bytes::from_static(OF_PYTHON)), Ok(vec![retry()]));
    let status = status.with_details(build(&[retry()]));
    assert_eq!(status_message(&status).unwrap(), OF_PYTHON);
    // Details that are a whole google.rpc.Status already are not sent twice.
    let whole = status.with_details(Bytes::from_static(OF_PYTHON));
    assert_eq!(status_message(&whole).unwrap(), OF_PYTHON);
}

#[test]
fn an_empty_message_has_a_type_and_nothing_else() {
    let empty = Detail::new("google.protobuf.StringValue", Bytes::new());
    let bytes = build(std::slice::from_ref(&empty));
    // As protobuf for Python serialises it.
    assert_eq!(&bytes[..], b"\x1a1\n/type.googleapis.com/google.protobuf.StringValue");
    assert_eq!(parse(&bytes), Ok(vec![empty]));
}

#[test]
fn no_details_are_no_bytes() {
    assert!(build(&[]).is_empty());
    assert_eq!(parse(&Bytes::new()), Ok(Vec::new()));
    assert_eq!(status_message(&Status::new(Code::Aborted, "x")), None);
}

#[test]
fn the_name_of_a_type_is_behind_the_last_slash() {
    assert_eq!(retry().type_name(), "google.rpc.RetryInfo");
    let bare = Detail { type_url: "a.B".to_owned(), value: Bytes::new() };
    assert_eq!(bare.type_name(), "a.B");
}

#[test]
fn fields_that_are_not_known_are_passed_over() {
    let mut bytes = b"\x20\x96\x01\x29abcdefgh\x35abcd\x3a\x02xy".to_vec();
    bytes.extend_from_slice(OF_PYTHON);
    assert_eq!(parse(&Bytes::from(bytes)), Ok(vec![retry()]));
}

#[test]
fn a_message_cut_inside_a_field_is_malformed() {
    // Where a field ends the rest may be missing.
    let whole = [0, 2, 24, OF_PYTHON.len()];
    for cut in 0..=OF_PYTHON.len() {
        let cut_off = parse(&Bytes::from_static(&OF_PYTHON[..cut]));
        assert_eq!(cut_off.is_ok(), whole.contains(&cut), "cut at {cut}");
    }
}

#[test]
fn what_is_no_message_is_malformed() {
    for bytes in [
        &b"\x1b"[..],                                     // a group
        b"\x18\x01",                                      // the list as a number
        b"\x1a\x02\x08\x01",                              // the type as a number
        b"\x1a\x03\x0a\x01\xff",                          // the type in no UTF-8
        b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",  // eleven bytes of a number
        b"\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x", // as long as can be said
    ] {
        assert_eq!(parse(&Bytes::copy_from_slice(bytes)), Err(MalformedDetails), "{bytes:x?}");
    }
}

proptest! {
    #[test]
    fn any_details_come_back(
        given in prop::collection::vec(("[ -~]{0,200}", any::<Vec<u8>>()), 0..5),
    ) {
        let given: Vec<_> = given
            .into_iter()
            .map(|(type_url, value)| Detail { type_url, value: Bytes::from(value) })
            .collect();
        prop_assert_eq!(parse(&build(&given)), Ok(given));
    }

    #[test]
    fn no_bytes_panic(bytes in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut damaged = OF_PYTHON.to_vec();
        *at.get_mut(&mut damaged) = byte;
        for bytes in [bytes, damaged] {
            let bytes = Bytes::from(bytes);
            if let Ok(list) = parse(&bytes) {
                prop_assert_eq!(parse(&build(&list)), Ok(list));
            }
        }
    }
}
