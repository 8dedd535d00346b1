//! Base64 with the standard alphabet and padding, as Go writes byte slices.

use super::JsonError;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends bytes as base64.
pub(super) fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len().div_ceil(3).saturating_mul(4));
    for chunk in bytes.chunks(3) {
        let mut group = [0; 4];
        for (place, byte) in group.iter_mut().skip(1).zip(chunk) {
            *place = *byte;
        }
        let bits = u32::from_be_bytes(group);
        for digit in 0..4 {
            let index = (bits >> (18 - 6 * digit)) & 63;
            out.push(match digit {
                digit if digit > chunk.len() => b'=',
                _ => ALPHABET.get(index as usize).copied().unwrap_or(b'='),
            });
        }
    }
}

/// Reads base64; line ends within it are skipped, as Go does.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, JsonError> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut digits, mut padding) = (0_u32, 0_u8, 0_u8);
    for (at, byte) in text.bytes().enumerate() {
        let value = match byte {
            b'\r' | b'\n' => continue,
            b'=' if digits >= 2 && digits + padding < 4 => {
                padding += 1;
                continue;
            }
            _ if padding > 0 => return Err(JsonError::Base64 { at }),
            _ => digit(byte).ok_or(JsonError::Base64 { at })?,
        };
        bits = bits << 6 | u32::from(value);
        digits += 1;
        if digits == 4 {
            out.extend(bits.to_be_bytes().iter().skip(1));
            (bits, digits) = (0, 0);
        }
    }
    match (digits, padding) {
        (0, 0) => Ok(out),
        (2, 2) => {
            out.extend((bits << 12).to_be_bytes().get(1));
            Ok(out)
        }
        (3, 1) => {
            out.extend((bits << 6).to_be_bytes().iter().skip(1).take(2));
            Ok(out)
        }
        _ => Err(JsonError::Base64 { at: text.len() }),
    }
}

/// Reads base64 in the standard alphabet or the one for URLs, with its padding or without.
pub(super) fn decode_any(text: &str) -> Result<Vec<u8>, JsonError> {
    let is_padded = text.len().is_multiple_of(4) || text.ends_with('=');
    if is_padded && !text.contains(['-', '_']) {
        return decode(text);
    }
    let mut standard = text.replace('-', "+").replace('_', "/");
    while !is_padded && !standard.len().is_multiple_of(4) {
        standard.push('=');
    }
    decode(&standard)
}

fn digit(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_whatever_their_number() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "Zg=="),
            (b"fo", "Zm8="),
            (b"foo", "Zm9v"),
            (b"foob", "Zm9vYg=="),
            (b"\xff\xfe\xfd", "//79"),
        ] {
            let mut out = Vec::new();
            encode(bytes, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
            assert_eq!(decode(text).unwrap(), bytes);
        }
    }

    #[test]
    fn text_that_is_no_base64_is_refused_where_it_goes_wrong() {
        for (text, at) in [("!!", 0), ("Zg", 2), ("Zg=", 3), ("Zg==Zg==", 4), ("Z===", 1), ("=", 0)]
        {
            assert_eq!(decode(text), Err(JsonError::Base64 { at }), "{text}");
        }
        assert_eq!(decode("Zm\r\n9v").unwrap(), b"foo");
    }
}
