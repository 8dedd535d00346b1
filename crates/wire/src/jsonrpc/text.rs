//! JSON text: taken apart without copying, and written as Go writes it.

use std::borrow::Cow;
use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use serde::Deserializer as _;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The values of an object's members by the names that were asked for, as they stand in the text.
/// Of several members with one name the last counts, as in Go.
#[derive(Debug)]
pub(super) struct Members<'a, const N: usize> {
    names: [&'static str; N],
    exact: [Option<&'a str>; N],
    folded: [Option<&'a str>; N],
}

impl<'a, const N: usize> Members<'a, N> {
    /// Reads an object. Everything in it is checked to be JSON.
    pub(super) fn read(text: &'a [u8], names: [&'static str; N]) -> serde_json::Result<Self> {
        let members = Self { names, exact: [None; N], folded: [None; N] };
        let mut from = serde_json::Deserializer::from_slice(text);
        let members = from.deserialize_map(members)?;
        from.end()?;
        Ok(members)
    }

    /// The value of the member with exactly this name.
    pub(super) fn exact(&self, name: &str) -> Option<&'a str> {
        Self::find(&self.names, &self.exact, name)
    }

    /// The value of the member with this name in any case: how Go matches.
    pub(super) fn folded(&self, name: &str) -> Option<&'a str> {
        Self::find(&self.names, &self.folded, name)
    }

    fn find(names: &[&str; N], values: &[Option<&'a str>; N], name: &str) -> Option<&'a str> {
        names.iter().zip(values).find(|(known, _)| **known == name).and_then(|(_, value)| *value)
    }
}

impl<'a, const N: usize> Visitor<'a> for Members<'a, N> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some((key, value)) = map.next_entry::<Key<'a>, &'a RawValue>()? {
            let slots = self.names.iter().zip(self.exact.iter_mut().zip(&mut self.folded));
            for (name, (exact, folded)) in slots {
                if key.0 == *name {
                    *exact = Some(value.get());
                }
                if key.0.eq_ignore_ascii_case(name) {
                    *folded = Some(value.get());
                }
            }
        }
        Ok(self)
    }
}

/// A text that is borrowed unless it has escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Key<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_str(Text)
    }
}

/// The text that a JSON string stands for; `None` if it is no string.
pub(super) fn string(raw: &str) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Key<'_>>(raw).ok().map(|key| key.0)
}

/// The elements of an array as they stand in the text, at most `max` of them, and how many there
/// are.
pub(super) fn elements(text: &[u8], max: usize) -> serde_json::Result<(Vec<&str>, usize)> {
    struct Elements(usize);
    impl<'a> Visitor<'a> for Elements {
        type Value = (Vec<&'a str>, usize);

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let (mut found, mut count) = (Vec::new(), 0_usize);
            while let Some(raw) = seq.next_element::<&'a RawValue>()? {
                count = count.saturating_add(1);
                if found.len() < self.0 {
                    found.push(raw.get());
                }
            }
            Ok((found, count))
        }
    }
    let mut from = serde_json::Deserializer::from_slice(text);
    let elements = from.deserialize_seq(Elements(max))?;
    from.end()?;
    Ok(elements)
}

/// Shares a part of a message; `part` must be a slice of `text`.
pub(super) fn share(text: &Bytes, part: &str) -> Bytes {
    text.slice_ref(part.as_bytes())
}

/// Appends a text as a JSON string, with Go's escapes.
pub(super) fn put_string(text: &str, dst: &mut BytesMut) {
    dst.put_u8(b'"');
    for c in text.chars() {
        match c {
            '"' => dst.put_slice(b"\\\""),
            '\\' => dst.put_slice(b"\\\\"),
            '\n' => dst.put_slice(b"\\n"),
            '\r' => dst.put_slice(b"\\r"),
            '\t' => dst.put_slice(b"\\t"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => put_escape(c, dst),
            plain => dst.put_slice(plain.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    dst.put_u8(b'"');
}

/// JSON without white space between its parts and with Go's escapes: how Go echoes an id.
pub(super) fn compact(raw: &str) -> Bytes {
    let mut dst = BytesMut::with_capacity(raw.len());
    let (mut inside, mut escaped) = (false, false);
    for c in raw.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => put_escape(c, &mut dst),
            ' ' | '\t' | '\r' | '\n' if !inside => {}
            plain => dst.put_slice(plain.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        inside ^= c == '"' && !escaped;
        escaped = inside && c == '\\' && !escaped;
    }
    dst.freeze()
}

fn put_escape(c: char, dst: &mut BytesMut) {
    dst.put_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
}

/// White space between JSON's parts.
pub(super) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// What kind of value a text is, in the words of Go's errors.
pub(super) fn kind(raw: &str) -> &'static str {
    match raw.as_bytes().first() {
        Some(b'{') => "object",
        Some(b'[') => "array",
        Some(b'"') => "string",
        Some(b't' | b'f') => "bool",
        Some(b'n') | None => "null",
        Some(_) => "number",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_matched_exactly_or_as_go_does_and_the_last_counts() {
        let text = br#"{"METHOD":"a","method":"b","Method":"c","x":[{"method":"d"}]}"#;
        let members = Members::read(text, ["method", "id"]).unwrap();
        assert_eq!(members.exact("method"), Some("\"b\""));
        assert_eq!(members.folded("method"), Some("\"c\""));
        assert_eq!(members.folded("id"), None);
    }

    #[test]
    fn an_escaped_name_is_the_same_name() {
        let members = Members::read(br#"{"\u0069d":1}"#, ["id"]).unwrap();
        assert_eq!(members.exact("id"), Some("1"));
    }

    #[test]
    fn what_is_no_json_anywhere_in_an_object_is_refused() {
        for text in ["{id:1}", r#"{"id":01}"#, r#"{"id":[}"#, r#"{"x":{"y":tru}}"#, "{}}", "[]"] {
            assert!(Members::read(text.as_bytes(), ["id"]).is_err(), "{text}");
        }
        assert!(Members::read(b"{\"a\":\"\xff\"}", ["a"]).is_err());
    }

    #[test]
    fn strings_have_gos_escapes() {
        let mut dst = BytesMut::new();
        put_string("<a&b>\u{2028}é\u{1}\"\\\n", &mut dst);
        assert_eq!(dst, "\"\\u003ca\\u0026b\\u003e\\u2028é\\u0001\\\"\\\\\\n\"");
    }

    #[test]
    fn compacting_leaves_strings_alone_but_for_escapes() {
        assert_eq!(compact("{ \"x y\\\" \" : [ 1,\n2 ] }"), "{\"x y\\\" \":[1,2]}");
        assert_eq!(compact(r#""a\\" "#), r#""a\\""#);
        assert_eq!(compact("\"<\""), "\"\\u003c\"");
    }
}
