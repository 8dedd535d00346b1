//! A place in JSON text, and the tokens that stand there.

use std::borrow::Cow;

use super::{JsonError, Style};

/// Levels of arrays and objects within each other.
pub(super) const MAX_DEPTH: usize = 128;

/// Walks over the text once; cheap to copy, for the few values that must be looked at twice.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
    pub(super) style: Style,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(text: &'a [u8], style: Style) -> Self {
        Self { text, at: 0, depth: 0, style }
    }

    /// The first byte behind white space.
    pub(super) fn peek(&mut self) -> Result<u8, JsonError> {
        while let Some(byte) = self.text.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                byte => return Ok(*byte),
            }
        }
        Err(JsonError::End)
    }

    /// Nothing may be left but white space.
    pub(super) fn end(mut self) -> Result<(), JsonError> {
        match self.peek() {
            Ok(_) => Err(self.unexpected("after top-level value")),
            Err(_) => Ok(()),
        }
    }

    /// What stands here, in Go's word for it.
    pub(super) fn found(&mut self) -> &'static str {
        match self.peek() {
            Ok(b'"') => "string",
            Ok(b'{') => "object",
            Ok(b'[') => "array",
            Ok(b't' | b'f') => "bool",
            Ok(b'n') => "null",
            _ => "number",
        }
    }

    /// Takes a null if one is here.
    pub(super) fn null(&mut self) -> Result<bool, JsonError> {
        let here = self.peek()? == b'n';
        if here {
            self.word("null", "in literal null (expecting 'null')")?;
        }
        Ok(here)
    }

    pub(super) fn bool(&mut self) -> Result<bool, JsonError> {
        let value = self.peek()? == b't';
        if value {
            self.word("true", "in literal true (expecting 'true')")?;
        } else {
            self.word("false", "in literal false (expecting 'false')")?;
        }
        Ok(value)
    }

    /// The digits of a number as they stand.
    pub(super) fn number(&mut self) -> Result<&'a str, JsonError> {
        self.peek()?;
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits("looking for beginning of value")?;
        }
        if self.take(b'.') {
            self.digits("after decimal point in numeric literal")?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits("in exponent of numeric literal")?;
        }
        let digits = self.text.get(start..self.at).unwrap_or_default();
        Ok(std::str::from_utf8(digits).unwrap_or_default())
    }

    /// Text; borrowed unless it holds escapes or is not UTF-8, which becomes U+FFFD as in Go.
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        if self.peek()? != b'"' {
            return Err(self.unexpected("looking for beginning of string"));
        }
        self.at += 1;
        let run = self.run()?;
        if self.take(b'"') {
            return Ok(String::from_utf8_lossy(run));
        }
        let mut text = String::from_utf8_lossy(run).into_owned();
        loop {
            text.push_str(&String::from_utf8_lossy(self.run()?));
            if self.take(b'"') {
                return Ok(Cow::Owned(text));
            }
            self.at += 1;
            text.push(self.escape()?);
        }
    }

    /// Steps over one whole value.
    pub(super) fn skip(&mut self) -> Result<(), JsonError> {
        match self.peek()? {
            b'"' => self.skip_string(),
            b'{' => {
                self.enter()?;
                let mut first = true;
                while self.key_follows(&mut first)? {
                    self.skip_string()?;
                    self.colon()?;
                    self.skip()?;
                }
                Ok(())
            }
            b'[' => {
                self.enter()?;
                let mut first = true;
                while self.item_follows(&mut first)? {
                    self.skip()?;
                }
                Ok(())
            }
            b't' | b'f' => self.bool().map(drop),
            b'n' => self.null().map(drop),
            _ => self.number().map(drop),
        }
    }

    /// Goes into the array or object that begins here.
    pub(super) fn enter(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(JsonError::TooDeep { limit: MAX_DEPTH });
        }
        Ok(())
    }

    /// Whether one more element follows; at the end, leaves the array.
    pub(super) fn item_follows(&mut self, first: &mut bool) -> Result<bool, JsonError> {
        self.follows(b']', first, "after array element")
    }

    /// Whether one more key follows; at the end, leaves the object.
    pub(super) fn key_follows(&mut self, first: &mut bool) -> Result<bool, JsonError> {
        let more = self.follows(b'}', first, "after object key:value pair")?;
        if more && self.peek()? != b'"' {
            return Err(self.unexpected("looking for beginning of object key string"));
        }
        Ok(more)
    }

    /// A key and the colon behind it.
    pub(super) fn key(&mut self) -> Result<Cow<'a, str>, JsonError> {
        let key = self.string()?;
        self.colon()?;
        Ok(key)
    }

    fn follows(
        &mut self,
        close: u8,
        first: &mut bool,
        expected: &'static str,
    ) -> Result<bool, JsonError> {
        let next = self.peek()?;
        let is_first = std::mem::replace(first, false);
        if next == close {
            self.at += 1;
            self.depth = self.depth.saturating_sub(1);
            return Ok(false);
        }
        if is_first {
            return Ok(true);
        }
        if next != b',' {
            return Err(self.unexpected(expected));
        }
        self.at += 1;
        if self.peek()? == close {
            return Err(self.unexpected("looking for beginning of value"));
        }
        Ok(true)
    }

    fn colon(&mut self) -> Result<(), JsonError> {
        if self.peek()? != b':' {
            return Err(self.unexpected("after object key"));
        }
        self.at += 1;
        Ok(())
    }

    fn skip_string(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        loop {
            self.run()?;
            if self.take(b'"') {
                return Ok(());
            }
            self.at += 1;
            self.escape()?;
        }
    }

    /// The bytes up to the next quote or backslash.
    fn run(&mut self) -> Result<&'a [u8], JsonError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let len = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..0x20));
        let Some((run, behind)) = len.and_then(|len| rest.split_at_checked(len)) else {
            return Err(JsonError::End);
        };
        self.at += run.len();
        if behind.first().is_some_and(|byte| *byte < 0x20) {
            return Err(self.unexpected("in string literal"));
        }
        Ok(run)
    }

    /// What a backslash, already taken, stands for. Half a surrogate pair is U+FFFD, as in Go.
    fn escape(&mut self) -> Result<char, JsonError> {
        let byte = *self.text.get(self.at).ok_or(JsonError::End)?;
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.hex()?;
                let before = *self;
                let second = match first {
                    0xD800..0xDC00 if self.take(b'\\') && self.take(b'u') => Some(self.hex()?),
                    _ => None,
                };
                let units = [Some(first), second].into_iter().flatten();
                match char::decode_utf16(units).next() {
                    Some(Ok(c)) => c,
                    _ => {
                        *self = before;
                        char::REPLACEMENT_CHARACTER
                    }
                }
            }
            _ => {
                self.at -= 1;
                return Err(self.unexpected("in string escape code"));
            }
        })
    }

    fn hex(&mut self) -> Result<u16, JsonError> {
        let mut unit = 0;
        for _ in 0..4 {
            let byte = *self.text.get(self.at).ok_or(JsonError::End)?;
            let Some(digit) = char::from(byte).to_digit(16) else {
                return Err(self.unexpected("in \\u hexadecimal character escape"));
            };
            unit = unit << 4 | u16::try_from(digit).unwrap_or_default();
            self.at += 1;
        }
        Ok(unit)
    }

    fn take(&mut self, byte: u8) -> bool {
        let here = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(here);
        here
    }

    fn digits(&mut self, expected: &'static str) -> Result<(), JsonError> {
        let start = self.at;
        while self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if start == self.at { Err(self.unexpected(expected)) } else { Ok(()) }
    }

    fn word(&mut self, word: &str, expected: &'static str) -> Result<(), JsonError> {
        for byte in word.bytes() {
            if !self.take(byte) {
                return Err(self.unexpected(expected));
            }
        }
        Ok(())
    }

    /// The error for whatever stands here.
    pub(super) fn unexpected(&self, expected: &'static str) -> JsonError {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let rest = rest.get(..rest.len().min(4)).unwrap_or_default();
        match String::from_utf8_lossy(rest).chars().next() {
            Some(found) => JsonError::Syntax { found, expected, at: self.at },
            None => JsonError::End,
        }
    }
}
