//! The escapes of `grpc-message`.

use std::borrow::Cow;

/// Escapes a status message: all but printable ASCII, the percent sign, and a space at either end,
/// which HTTP would take off.
#[must_use]
pub fn encode(message: &str) -> Cow<'_, str> {
    let bytes = message.as_bytes();
    let plain = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b'%';
    let at_end = [bytes.first(), bytes.last()].contains(&Some(&b' '));
    if !at_end && bytes.iter().all(plain) {
        return Cow::Borrowed(message);
    }
    let last = bytes.len().saturating_sub(1);
    let mut escaped = String::with_capacity(bytes.len().saturating_mul(3));
    for (at, byte) in bytes.iter().enumerate() {
        if plain(byte) && !(*byte == b' ' && (at == 0 || at == last)) {
            escaped.push(char::from(*byte));
        } else {
            escaped.push('%');
            escaped.push(hex_digit(byte >> 4));
            escaped.push(hex_digit(byte & 0xf));
        }
    }
    Cow::Owned(escaped)
}

/// Undoes the escapes. Nothing is an error, as the protocol demands: an escape that is none stays
/// as it is, bytes that are no UTF-8 become replacement characters.
#[must_use]
pub fn decode(value: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&first, tail)) = rest.split_first() {
        if let Some((byte, behind)) = escape(rest) {
            bytes.push(byte);
            rest = behind;
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    match String::from_utf8(bytes) {
        Ok(message) => message,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

/// Takes one escape off, if there is one in front.
pub(crate) fn escape(from: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, behind @ ..] = from else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let value = (digit(high)? << 4) | digit(low)?;
    Some((u8::try_from(value).ok()?, behind))
}

pub(crate) fn hex_digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or('0').to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The message of gRPC's interop case `special_status_message`.
    const SPECIAL: &str = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";

    #[test]
    fn messages_are_escaped_as_grpc_does() {
        for (message, escaped) in [
            ("", ""),
            ("plain text, with ~ and !", "plain text, with ~ and !"),
            ("100%", "100%25"),
            ("a\nb", "a%0Ab"),
            ("\u{7f}", "%7F"),
            (" padded ", "%20padded%20"),
            (" ", "%20"),
            (
                SPECIAL,
                "%09%0Atest with whitespace%0D%0Aand Unicode BMP %E2%98%BA and non-BMP \
                 %F0%9F%98%88%09%0A",
            ),
        ] {
            assert_eq!(encode(message), escaped);
            assert_eq!(decode(escaped.as_bytes()), message);
        }
    }

    #[test]
    fn escapes_that_are_none_stay() {
        for (value, message) in [
            (&b"%"[..], "%"),
            (b"%4", "%4"),
            (b"%zz%41", "%zzA"),
            (b"%%41", "%A"),
            (b"%e2%98%ba", "☺"),
            (b"%ff", "\u{fffd}"),
            (b"\xc3\xa9", "é"),
        ] {
            assert_eq!(decode(value), message);
        }
    }

    proptest! {
        #[test]
        fn any_message_comes_back_and_travels_in_a_header(message in any::<String>()) {
            let escaped = encode(&message);
            prop_assert!(escaped.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            prop_assert_eq!(decode(escaped.as_bytes()), message);
        }

        #[test]
        fn no_value_panics(value in any::<Vec<u8>>()) {
            prop_assert!(decode(&value).len() <= 3 * value.len());
        }
    }
}
