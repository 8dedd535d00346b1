use super::*;

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// The first chunks of every captured connection, with what they are.
fn captured() -> Vec<(String, Vec<u8>, Option<Row>)> {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../tests/vectors/rpc.json")).unwrap();
    let mut found = Vec::new();
    for entry in vectors.as_array().unwrap() {
        let name = entry["name"].as_str().unwrap();
        let category = entry["category"].as_str().unwrap();
        let hexes = [&entry["hex"], &entry["hex_go1_27"]];
        for bytes in hexes.into_iter().filter_map(|hex| hex.as_str()).map(unhex) {
            let row = match (category, bytes.first()) {
                _ if UNKNOWN.contains(&name) => None,
                (_, Some(b'C' | b'G')) => Some(Row::Http1),
                (_, Some(b'{' | b'[')) => Some(Row::Jsonrpc),
                _ => Some(Row::Netrpc),
            };
            found.push((name.to_owned(), bytes, row));
        }
    }
    found
}

/// Captured garbage: Go closes, or waits for ever, without an answer.
const UNKNOWN: [&str; 4] =
    ["raw_gob_header_wrong_type", "raw_gob_zero_len", "raw_gob_huge_len", "raw_json_malformed"];

fn corpus() -> Vec<(String, Vec<u8>, Option<Row>)> {
    let mut all = captured();
    let mut add = |name: &str, bytes: &[u8], row| all.push((name.to_owned(), bytes.to_vec(), row));
    add("tls 1.3 client hello", &unhex("1603010200010001fc0303"), Some(Row::Tls));
    add("tls 1.0 record", &unhex("160301004a0100004603"), Some(Row::Tls));
    add("h2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04", Some(Row::Http2));
    add("options", b"OPTIONS * HTTP/1.1\r\n\r\n", Some(Row::Http1));
    add("post", b"POST /greeter.Greeter/Hello HTTP/1.1\r\nHost: x\r\n\r\n", Some(Row::Http1));
    add("dubbo", &unhex("dabbc20000000000000000010000000a"), None);
    add("batch", b" \r\n[ {\"jsonrpc\":\"2.0\"", Some(Row::Jsonrpc));
    add("spaced object", b"\n\n{ \"method\":\"A.B\"}", Some(Row::Jsonrpc));
    add("ssh", b"SSH-2.0-OpenSSH_9.2\r\n", None);
    add("memcached", b"get key\r\n", None);
    add("long word", &[b'A'; 64], None);
    add("blanks", &[b' '; 2 * MAX_SNIFF_BYTES], None);
    add("gob slice first", &unhex("0cff81020102ff820001040000"), None);
    add("struct id of 2 bytes", &unhex("30fe3881030102"), Some(Row::Netrpc));
    add("a value, not a definition", &unhex("30fe3880030102"), None);
    add("struct id of 3 bytes", &unhex("30fd01388103010107"), Some(Row::Netrpc));
    add("long definition", &unhex("fe0130ff81030101"), Some(Row::Netrpc));
    // A length that is also the first byte of another protocol.
    for first in [b'{', b'[', b' ', b'\n', b'G', 0x16] {
        let mut bytes = vec![first];
        bytes.extend_from_slice(&unhex("ff8103010107"));
        add("gob whose length reads otherwise", &bytes, Some(Row::Netrpc));
        bytes[1..3].copy_from_slice(&unhex("7f03"));
        bytes[3..5].copy_from_slice(&unhex("0101"));
        add("the same with id 64", &bytes, Some(Row::Netrpc));
    }
    // A small generator is enough for noise, and gives the same noise every time.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..3000 {
        let mut bytes = Vec::new();
        for _ in 0..24 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            bytes.push(state.to_be_bytes()[0]);
        }
        let row = match sniff(&bytes) {
            Verdict::Row(row) => Some(row),
            _ => None,
        };
        all.push((format!("{bytes:02x?}"), bytes, row));
    }
    all
}

#[test]
fn no_two_rows_say_yes_to_the_same_bytes_however_they_are_cut() {
    for (name, bytes, row) in corpus() {
        for cut in 0..=bytes.len() {
            let first = &bytes[..cut];
            let yes: Vec<Row> = ROWS
                .iter()
                .filter(|(_, predicate)| predicate(first) == Sniff::Yes)
                .map(|(row, _)| *row)
                .collect();
            assert!(yes.len() <= 1, "{name} cut at {cut}: {yes:?}");
            if let Some(found) = yes.first() {
                assert_eq!(Some(*found), row, "{name} cut at {cut}");
            }
        }
    }
}

#[test]
fn a_row_once_found_or_ruled_out_stays_so_as_more_bytes_come() {
    for (name, bytes, _) in corpus() {
        for (row, predicate) in ROWS {
            let mut settled = None;
            for cut in 0..=bytes.len() {
                let says = predicate(&bytes[..cut]);
                if let Some(settled) = settled {
                    assert_eq!(says, settled, "{name} cut at {cut}: {row:?}");
                } else if !matches!(says, Sniff::Need(_)) {
                    settled = Some(says);
                }
            }
        }
    }
}

#[test]
fn every_captured_connection_is_found_within_its_first_bytes() {
    let mut count = 0;
    for (name, bytes, row) in captured() {
        let verdict = sniff(&bytes);
        match row {
            Some(row) => assert_eq!(verdict, Verdict::Row(row), "{name}"),
            None => assert_eq!(verdict, Verdict::Unknown, "{name}"),
        }
        count += 1;
    }
    assert_eq!(count, CAPTURED);
}

/// The 123 entries in their Go 1.19 form, and those that differ in Go 1.27's.
const CAPTURED: usize = 185;

#[test]
fn every_need_is_resolved_within_the_bound() {
    for (name, bytes, _) in corpus() {
        let mut have = 0;
        let mut padded = bytes;
        padded.resize(2 * MAX_SNIFF_BYTES, 0x80);
        while let Verdict::Need(more) = sniff(&padded[..have]) {
            have += more.get();
            assert!(have <= MAX_SNIFF_BYTES + 1, "{name} asks for byte {have}");
        }
    }
}

#[test]
fn what_a_need_asks_for_is_never_more_than_it_takes() {
    for (name, bytes, row) in corpus() {
        for cut in 0..bytes.len() {
            if let (Verdict::Need(more), Some(row)) = (sniff(&bytes[..cut]), row) {
                let before = cut + more.get() - 1;
                let early = sniff(&bytes[..before.min(bytes.len())]);
                assert_ne!(early, Verdict::Row(row), "{name} cut at {cut}");
            }
        }
    }
}
