//! Any first bytes: at most one row says yes, whatever is said stays said, and questions end.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use polywire_wire::http1::read_head;
use polywire_wire::sniff::{MAX_SNIFF_BYTES, ROWS, Sniff, Verdict, sniff};

fuzz_target!(|input: &[u8]| {
    let mut settled = [None; ROWS.len()];
    for cut in 0..=input.len().min(2 * MAX_SNIFF_BYTES) {
        let first = &input[..cut];
        let mut yes = 0;
        for ((_, predicate), settled) in ROWS.iter().zip(&mut settled) {
            let says = predicate(first);
            yes += usize::from(says == Sniff::Yes);
            match settled {
                Some(before) => assert_eq!(*before, says),
                None if matches!(says, Sniff::Need(_)) => {}
                None => *settled = Some(says),
            }
        }
        assert!(yes <= 1, "{yes} rows say yes");
        assert!(cut <= MAX_SNIFF_BYTES || !matches!(sniff(first), Verdict::Need(_)));
    }
    let _head = read_head(&mut BytesMut::from(input), 1024);
});
