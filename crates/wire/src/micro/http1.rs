//! Messages of HTTP/1.1, one after another: heads, and bodies with a length or in chunks.

mod answers;

use bytes::{Buf as _, Bytes, BytesMut};

pub(super) use self::answers::{AnswerReader, Received};
use super::head::{Head, is_micro};
use crate::http1::end_of_head;
use crate::{Limits, WireError};

/// One message.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) head: Head,
    pub(super) body: Bytes,
    /// Whether it is the connection's last one.
    pub(super) closes: bool,
}

/// What comes next on a connection.
#[derive(Debug)]
pub(super) enum Next {
    /// More is to be read.
    More,
    Message(Box<Message>),
    /// A body that is too large, of which nothing more is read.
    TooLarge(Box<Message>),
    /// A head for whoever serves HTTP at large: it is not of this wire, or asks for more than this
    /// reader knows. It was left where it is.
    Foreign,
}

/// Takes messages off a connection.
#[derive(Debug)]
pub(super) struct Reader {
    max_head: usize,
    max_body: usize,
    begun: Option<Box<Begun>>,
    /// Whether part of a head has come.
    in_head: bool,
}

/// A message whose head was read.
#[derive(Debug)]
struct Begun {
    message: Message,
    rest: Rest,
}

#[derive(Debug)]
enum Rest {
    /// So many bytes.
    Length(usize),
    Chunks(Chunks),
}

/// `Size -> Data -> DataEnd -> Size`, and at last `Size -> Trailers`.
#[derive(Debug)]
struct Chunks {
    gathered: BytesMut,
    stage: Stage,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Size,
    /// So much of the chunk is missing.
    Data(usize),
    DataEnd,
    /// So many bytes of trailers were passed over.
    Trailers(usize),
}

impl Reader {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            max_head: limits.head_bytes,
            max_body: limits.message_bytes,
            begun: None,
            in_head: false,
        }
    }

    /// Whether part of a message has come.
    pub(super) const fn is_within(&self) -> bool {
        self.in_head || self.begun.is_some()
    }

    pub(super) fn next(&mut self, src: &mut BytesMut) -> Result<Next, WireError> {
        if self.begun.is_none() {
            let head = self.head(src);
            self.in_head = matches!(head, Ok(None)) && !src.is_empty();
            self.begun = match head {
                Ok(Some(begun)) => Some(begun),
                Ok(None) => return Ok(Next::More),
                Err(Foreign) => return Ok(Next::Foreign),
            };
        }
        let Some(begun) = &mut self.begun else { return Ok(Next::More) };
        let body = match &mut begun.rest {
            Rest::Length(length) if src.len() < *length => None,
            Rest::Length(length) => Some(src.split_to(*length).freeze()),
            Rest::Chunks(chunks) => match chunks.read(src, self.max_body, self.max_head)? {
                Taken::All => Some(chunks.gathered.split().freeze()),
                Taken::Some => None,
                Taken::TooMuch => {
                    let message = self.begun.take().map(|begun| Box::new(begun.message));
                    return Ok(message.map_or(Next::More, Next::TooLarge));
                }
            },
        };
        let Some(body) = body else { return Ok(Next::More) };
        let Some(begun) = self.begun.take() else { return Ok(Next::More) };
        Ok(Next::Message(Box::new(Message { body, ..begun.message })))
    }

    /// Takes a head, unless it is foreign.
    fn head(&self, src: &mut BytesMut) -> Result<Option<Box<Begun>>, Foreign> {
        // Some peers end a body by an empty line too many.
        while src.first().is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
            src.advance(1);
        }
        let Some(end) = end_of_head(src, self.max_head).map_err(|_too_large| Foreign)? else {
            return Ok(None);
        };
        let head = src.get_mut(..end).unwrap_or_default();
        in_lower_case(head);
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        if !request.parse(head).is_ok_and(|parsed| parsed.is_complete()) {
            return Err(Foreign);
        }
        if request.version != Some(1) || !is_micro(request.headers.iter().map(|header| header.name))
        {
            return Err(Foreign);
        }
        let Transfer { rest, closes } = Transfer::read(request.headers, self.max_body)?;
        let head = Head::read(|| request.headers.iter().map(|header| (header.name, header.value)));
        src.advance(end);
        let message = Message { head, body: Bytes::new(), closes };
        Ok(Some(Box::new(Begun { message, rest })))
    }
}

/// A head that is left to others.
#[derive(Debug)]
struct Foreign;

/// What a head says of its body and its connection.
struct Transfer {
    rest: Rest,
    closes: bool,
}

impl Transfer {
    /// Anything unusual, and a body that is announced to be too large, is for others to answer.
    fn read(headers: &[httparse::Header<'_>], max_body: usize) -> Result<Self, Foreign> {
        let mut length = None;
        let (mut chunked, mut closes) = (false, false);
        for httparse::Header { name, value } in headers {
            match *name {
                "content-length" if length.is_none() => {
                    length = Some(number(value, 10).ok_or(Foreign)?);
                }
                "transfer-encoding" if !chunked && value.eq_ignore_ascii_case(b"chunked") => {
                    chunked = true;
                }
                "connection" => {
                    let mut tokens = value.split(|byte| *byte == b',');
                    closes |= tokens.any(|token| token.trim_ascii().eq_ignore_ascii_case(b"close"));
                }
                // A browser's page; whether it may call is decided elsewhere, as is what else
                // stands here.
                "content-length" | "transfer-encoding" | "origin" | "expect" | "upgrade" => {
                    return Err(Foreign);
                }
                _ => {}
            }
        }
        let rest = match (length, chunked) {
            (Some(_), true) => return Err(Foreign),
            (Some(length), false) if length > max_body => return Err(Foreign),
            (length, false) => Rest::Length(length.unwrap_or_default()),
            (None, true) => Rest::Chunks(Chunks { gathered: BytesMut::new(), stage: Stage::Size }),
        };
        Ok(Self { rest, closes })
    }
}

/// How far chunks were read.
enum Taken {
    Some,
    All,
    TooMuch,
}

impl Chunks {
    fn read(
        &mut self,
        src: &mut BytesMut,
        max_body: usize,
        max_head: usize,
    ) -> Result<Taken, WireError> {
        loop {
            self.stage = match self.stage {
                Stage::Size => {
                    let Some(line) = line(src, MAX_SIZE_LINE)? else { return Ok(Taken::Some) };
                    let size = line.iter().position(|byte| *byte == b';').unwrap_or(line.len());
                    let size = line.get(..size).unwrap_or_default().trim_ascii();
                    let size = number(size, 16);
                    let size = size.ok_or_else(|| malformed("a chunk without a size"))?;
                    if size > max_body.saturating_sub(self.gathered.len()) {
                        return Ok(Taken::TooMuch);
                    }
                    if size == 0 { Stage::Trailers(0) } else { Stage::Data(size) }
                }
                Stage::Data(missing) => {
                    let taken = src.split_to(missing.min(src.len()));
                    self.gathered.extend_from_slice(&taken);
                    match missing.saturating_sub(taken.len()) {
                        0 => Stage::DataEnd,
                        missing => {
                            self.stage = Stage::Data(missing);
                            return Ok(Taken::Some);
                        }
                    }
                }
                Stage::DataEnd => match line(src, LINE_END)? {
                    Some(rest) if rest.is_empty() => Stage::Size,
                    Some(_) => return Err(malformed("a chunk longer than its size")),
                    None => return Ok(Taken::Some),
                },
                Stage::Trailers(passed) => {
                    let Some(line) = line(src, max_head.saturating_sub(passed))? else {
                        return Ok(Taken::Some);
                    };
                    if line.is_empty() {
                        return Ok(Taken::All);
                    }
                    Stage::Trailers(passed.saturating_add(line.len()).saturating_add(LINE_END))
                }
            };
        }
    }
}

/// Takes a line without its end; `None` if the end is still to come.
fn line(src: &mut BytesMut, max: usize) -> Result<Option<BytesMut>, WireError> {
    let within = src.get(..max).unwrap_or(src);
    let Some(end) = within.iter().position(|byte| *byte == b'\n') else {
        return if src.len() < max { Ok(None) } else { Err(malformed("a line that is too long")) };
    };
    let mut line = src.split_to(end);
    src.advance(1);
    if line.last() == Some(&b'\r') {
        line.truncate(end.saturating_sub(1));
    }
    Ok(Some(line))
}

/// A number of digits alone.
fn number(digits: &[u8], radix: u32) -> Option<usize> {
    let text = std::str::from_utf8(digits).ok()?;
    // The parser takes a sign, too.
    let is_number = !text.is_empty() && text.chars().all(|char| char.is_digit(radix));
    is_number.then(|| usize::from_str_radix(text, radix).ok()).flatten()
}

/// Brings the names of headers to lower case.
fn in_lower_case(head: &mut [u8]) {
    for line in head.split_mut(|byte| *byte == b'\n').skip(1) {
        let name = line.iter().position(|byte| *byte == b':').unwrap_or_default();
        if let Some(name) = line.get_mut(..name) {
            name.make_ascii_lowercase();
        }
    }
}

fn malformed(why: &str) -> WireError {
    WireError::Malformed { what: "HTTP body", why: why.to_owned() }
}

/// As many as elsewhere.
const MAX_HEADERS: usize = 100;

/// A size of 16 digits, and what may stand behind it.
const MAX_SIZE_LINE: usize = 256;

/// CR and LF.
const LINE_END: usize = 2;

#[cfg(test)]
mod tests;
