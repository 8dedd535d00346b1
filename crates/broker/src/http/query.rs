//! The id of a subscription in the query of a URL, as Go's `url.Values` writes and reads it.

use std::fmt::Write as _;

/// The path and query of a POST to a subscription.
pub(super) fn path(id: &str) -> String {
    let mut path = String::from("/?id=");
    for byte in id.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                path.push(char::from(byte));
            }
            b' ' => path.push('+'),
            // Writing to a String cannot fail.
            _ => write!(path, "%{byte:02X}").unwrap_or_default(),
        }
    }
    path
}

/// The value of `id`; `None` if there is none, or no text.
pub(super) fn id(query: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("id="))?;
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                high << 4 | low
            }
            _ => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn digit(byte: u8) -> Option<u8> {
    let value = char::from(byte).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_written_as_go_writes_it_and_comes_back() {
        for (text, written) in [
            ("my.topic-abc", "/?id=my.topic-abc"),
            ("a b/c+d&e=f", "/?id=a+b%2Fc%2Bd%26e%3Df"),
            ("\u{fc}", "/?id=%C3%BC"),
        ] {
            assert_eq!(path(text), written);
            assert_eq!(id(&written["/?".len()..]).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_is_no_id_is_none() {
        for query in ["", "x=1", "id", "id=%", "id=%f", "id=%zz", "id=%ff"] {
            assert_eq!(id(query), None, "{query}");
        }
        assert_eq!(id("x=1&id=7&id=8").as_deref(), Some("7"));
    }
}
