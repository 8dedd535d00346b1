//! Ids that no two things share.

use std::fmt::Write as _;

/// A random UUID, version 4, as go-micro gives events.
pub(crate) fn uuid() -> String {
    let random = fastrand::u128(..);
    // RFC 9562, section 5.4: four bits of version and two of variant, the rest random.
    let bits = random & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let mut text = String::with_capacity(36);
    for (shift, digits) in [(96, 8), (80, 4), (64, 4), (48, 4), (0, 12)] {
        let part = (bits >> shift) & ((1 << (4 * digits)) - 1);
        let dash = if text.is_empty() { "" } else { "-" };
        // Writing to a String cannot fail.
        let _ = write!(text, "{dash}{part:0digits$x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_uuid_of_version_4_and_another_one_each_time() {
        let id = uuid();
        let parts: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{id}");
        assert_eq!(id.as_bytes()[14], b'4', "{id}");
        assert!(b"89ab".contains(&id.as_bytes()[19]), "{id}");
        assert_ne!(id, uuid());
    }
}
