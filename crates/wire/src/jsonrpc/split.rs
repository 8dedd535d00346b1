//! Where one JSON message ends and the next begins.

use bytes::{Buf, Bytes, BytesMut};

use super::text::is_space;
use crate::{Limits, WireError};

/// Cuts a byte stream into JSON objects and arrays. Remembers how far it has looked, so that a
/// message which comes byte by byte is looked at once.
#[derive(Debug)]
pub(super) struct Splitter {
    max_bytes: usize,
    max_depth: usize,
    /// How much of the unfinished message has been looked at.
    looked: usize,
    depth: usize,
    inside: Inside,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Plain,
    Text,
    /// Behind a backslash in a text.
    Escape,
}

impl Splitter {
    pub(super) const fn new(limits: &Limits) -> Self {
        let (max_bytes, max_depth) = (limits.message_bytes, limits.json_depth);
        Self { max_bytes, max_depth, looked: 0, depth: 0, inside: Inside::Plain }
    }

    /// Takes the next object or array off `src`; what is in it may still be malformed.
    pub(super) fn next(&mut self, src: &mut BytesMut) -> Result<Option<Bytes>, WireError> {
        if self.looked == 0 {
            let blank = src.iter().take_while(|byte| is_space(**byte)).count();
            src.advance(blank);
            match src.first() {
                None => return Ok(None),
                Some(b'{' | b'[') => {}
                Some(_) => {
                    let why = "it is neither an object nor an array".to_owned();
                    return Err(WireError::Malformed { what: MESSAGE, why });
                }
            }
        }
        let Some(end) = self.look(src)? else { return Ok(None) };
        self.looked = 0;
        Ok(Some(src.split_to(end).freeze()))
    }

    /// Looks at what is new; gives the length of the message once its last bracket has come.
    fn look(&mut self, src: &[u8]) -> Result<Option<usize>, WireError> {
        for byte in src.get(self.looked..).unwrap_or_default() {
            self.looked = self.looked.saturating_add(1);
            self.inside = match (self.inside, byte) {
                (Inside::Escape, _) => Inside::Text,
                (Inside::Text, b'\\') => Inside::Escape,
                (Inside::Text, b'"') => Inside::Plain,
                (Inside::Plain, b'"') => Inside::Text,
                (Inside::Plain, b'{' | b'[') => {
                    self.depth = self.depth.saturating_add(1);
                    Inside::Plain
                }
                (Inside::Plain, b'}' | b']') => {
                    self.depth = self.depth.saturating_sub(1);
                    Inside::Plain
                }
                (inside, _) => inside,
            };
            if self.looked > self.max_bytes {
                return Err(over("message bytes", src.len(), self.max_bytes, "message_bytes"));
            }
            if self.depth > self.max_depth {
                return Err(over("levels of JSON", self.depth, self.max_depth, "json_depth"));
            }
            if self.depth == 0 {
                return Ok(Some(self.looked));
            }
        }
        Ok(None)
    }
}

fn over(what: &'static str, size: usize, limit: usize, setting: &'static str) -> WireError {
    let number = |count| u64::try_from(count).unwrap_or(u64::MAX);
    WireError::TooLarge { what, size: number(size), limit: number(limit), setting }
}

/// What errors call a message.
pub(super) const MESSAGE: &str = "JSON message";

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut src: BytesMut, limits: &Limits) -> Result<Vec<Bytes>, WireError> {
        let mut splitter = Splitter::new(limits);
        let mut found = Vec::new();
        while let Some(message) = splitter.next(&mut src)? {
            found.push(message);
        }
        Ok(found)
    }

    #[test]
    fn messages_are_found_however_the_stream_is_cut() {
        let parts = [r#"{"a":"}{\"]["}"#, "[[],{}]", r#"{"\\":"\\"}"#, "{}"];
        let stream = format!(" {}\n{}{}\r\n\t{}", parts[0], parts[1], parts[2], parts[3]);
        let mut splitter = Splitter::new(&Limits::default());
        let (mut src, mut found) = (BytesMut::new(), Vec::new());
        for byte in stream.bytes() {
            src.extend_from_slice(&[byte]);
            found.extend(splitter.next(&mut src).unwrap());
        }
        assert_eq!(found, parts);
        assert_eq!(all(BytesMut::from(&*stream), &Limits::default()).unwrap(), parts);
    }

    #[test]
    fn a_message_over_a_limit_is_refused_by_its_name() {
        let limits = Limits::default().message_bytes(8).json_depth(2);
        let refuse = |text: &str| all(BytesMut::from(text), &limits).unwrap_err().to_string();
        assert_eq!(
            refuse(r#"{"a":"long"#),
            "message bytes of 10 is over the limit of 8 (message_bytes)"
        );
        assert_eq!(refuse("[[["), "levels of JSON of 3 is over the limit of 2 (json_depth)");
        assert!(all(BytesMut::from("[[1,2]]"), &limits).is_ok());
    }

    #[test]
    fn what_is_no_message_is_refused_at_its_first_byte() {
        for text in ["x", "1", "\"a\"", "}", "null"] {
            assert!(all(BytesMut::from(text), &Limits::default()).is_err(), "{text}");
        }
    }
}
