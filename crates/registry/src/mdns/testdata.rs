//! What go-micro v5.30 and v2.9.1 sent when `helloworld-1` of `helloworld` was registered at
//! 192.0.2.2:36331 and deregistered, on a host called `vm`.

pub(super) const V5_PROBE: &str = include_str!("../../testdata/mdns/v5-probe.hex");
pub(super) const V5_ANNOUNCEMENT: &str = include_str!("../../testdata/mdns/v5-announcement.hex");
pub(super) const V5_GOODBYE: &str = include_str!("../../testdata/mdns/v5-goodbye.hex");
pub(super) const V5_QUERY: &str = include_str!("../../testdata/mdns/v5-query.hex");
pub(super) const V5_ANSWER: &str = include_str!("../../testdata/mdns/v5-answer.hex");
pub(super) const V5_ANSWER_INSTANCE: &str =
    include_str!("../../testdata/mdns/v5-answer-instance.hex");
pub(super) const V5_LIST: &str = include_str!("../../testdata/mdns/v5-list.hex");
pub(super) const V2_ANNOUNCEMENT: &str = include_str!("../../testdata/mdns/v2-announcement.hex");
pub(super) const V2_GOODBYE: &str = include_str!("../../testdata/mdns/v2-goodbye.hex");
pub(super) const V2_ANSWER: &str = include_str!("../../testdata/mdns/v2-answer.hex");
pub(super) const V2_LIST: &str = include_str!("../../testdata/mdns/v2-list.hex");

/// The bytes of a capture.
pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().filter(|one| !one.is_whitespace()).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}
