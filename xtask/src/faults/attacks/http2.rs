//! HTTP/2 by the frame, for whoever keeps to no rule of it.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// What kinds of frames there are.
pub(super) mod kind {
    pub(in super::super) const DATA: u8 = 0;
    pub(in super::super) const HEADERS: u8 = 1;
    pub(in super::super) const PRIORITY: u8 = 2;
    pub(in super::super) const RST_STREAM: u8 = 3;
    pub(in super::super) const SETTINGS: u8 = 4;
    pub(in super::super) const PING: u8 = 6;
    pub(in super::super) const GOAWAY: u8 = 7;
    pub(in super::super) const WINDOW_UPDATE: u8 = 8;
    pub(in super::super) const CONTINUATION: u8 = 9;
}

pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;
const ACK: u8 = 1;
/// What a connection begins with.
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// What a ping says that asks whether everything before it was read.
const SYNC: [u8; 8] = *b"polywire";
/// How long the server may take to read what was sent.
const PATIENCE: Duration = Duration::from_secs(15);

/// A frame as it is sent.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let [_, a, b, c] = len.to_be_bytes();
    [&[a, b, c, kind, flags], &stream.to_be_bytes()[..], payload].concat()
}

/// A header as it is sent without compression.
pub(super) fn literal(name: &str, value: &str) -> Vec<u8> {
    let len = |text: &str| u8::try_from(text.len()).unwrap_or(126).min(126);
    [&[0, len(name)], name.as_bytes(), &[len(value)], value.as_bytes()].concat()
}

/// The head of a call over gRPC to this path, and of what type its messages are.
pub(super) fn head(path: &str, content_type: &str) -> Vec<u8> {
    head_at("target", path, content_type)
}

/// The same to a host.
pub(super) fn head_at(authority: &str, path: &str, content_type: &str) -> Vec<u8> {
    [
        literal(":method", "POST"),
        literal(":scheme", "http"),
        literal(":authority", authority),
        literal(":path", path),
        literal("content-type", content_type),
        literal("te", "trailers"),
    ]
    .concat()
}

/// The frame that opens a stream for a call that is never answered.
pub(super) fn open(stream: u32) -> Vec<u8> {
    frame(kind::HEADERS, END_HEADERS, stream, &head("/Target/Wait", "application/grpc"))
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The server said so, and why.
    Goodbye(u32),
    /// It said nothing.
    Closed,
}

impl End {
    pub(super) fn text(self) -> String {
        match self {
            Self::Goodbye(1) => "goodbye PROTOCOL_ERROR".to_owned(),
            Self::Goodbye(9) => "goodbye COMPRESSION_ERROR".to_owned(),
            Self::Goodbye(11) => "goodbye ENHANCE_YOUR_CALM".to_owned(),
            Self::Goodbye(code) => format!("goodbye with code {code}"),
            Self::Closed => "closed without a goodbye".to_owned(),
        }
    }
}

/// A frame that came.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

/// What came first on a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// A head; whether that was all.
    Head { ended: bool },
    /// A reset with this code.
    Reset(u32),
    /// Nothing before the connection ended.
    End(End),
}

impl Answer {
    pub(super) fn text(self) -> String {
        match self {
            Self::Head { .. } => "answered".to_owned(),
            Self::Reset(1) => "reset with PROTOCOL_ERROR".to_owned(),
            Self::Reset(code) => format!("reset with code {code}"),
            Self::End(end) => end.text(),
        }
    }
}

/// A connection that has said its preface.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
}

impl Connection {
    pub(super) fn open(address: &str) -> Result<Self, String> {
        let stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
        let timeouts = stream
            .set_nodelay(true)
            .and_then(|()| stream.set_read_timeout(Some(PATIENCE)))
            .and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
        timeouts.map_err(|error| error.to_string())?;
        let mut connection = Self { stream };
        connection.send(&[PREFACE, &frame(kind::SETTINGS, 0, 0, &[])].concat());
        Ok(connection)
    }

    /// Sends bytes; whether they went shows when the answers are read.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        drop(self.stream.write_all(bytes));
    }

    /// Waits until the server has read everything, or has ended the connection.
    pub(super) fn sync(&mut self) -> Result<Option<End>, String> {
        self.send(&frame(kind::PING, 0, 0, &SYNC));
        loop {
            match self.read()? {
                Ok(frame)
                    if frame.kind == kind::PING
                        && frame.flags & ACK != 0
                        && frame.payload == SYNC =>
                {
                    return Ok(None);
                }
                Ok(frame) if frame.kind == kind::GOAWAY => return Ok(Some(goodbye(&frame))),
                Ok(_other) => {}
                Err(end) => return Ok(Some(end)),
            }
        }
    }

    /// Waits for the first that the server has to say on a stream.
    pub(super) fn answer(&mut self, stream: u32) -> Result<Answer, String> {
        loop {
            match self.read()? {
                Ok(frame) if frame.kind == kind::GOAWAY => return Ok(Answer::End(goodbye(&frame))),
                Ok(frame) if frame.stream == stream && frame.kind == kind::RST_STREAM => {
                    let code = frame.payload.first_chunk().copied().unwrap_or_default();
                    return Ok(Answer::Reset(u32::from_be_bytes(code)));
                }
                Ok(frame) if frame.stream == stream && frame.kind == kind::HEADERS => {
                    return Ok(Answer::Head { ended: frame.flags & END_STREAM != 0 });
                }
                Ok(_other) => {}
                Err(end) => return Ok(Answer::End(end)),
            }
        }
    }

    /// Waits until the server ends the connection.
    pub(super) fn end(&mut self) -> Result<End, String> {
        loop {
            match self.read()? {
                Ok(frame) if frame.kind == kind::GOAWAY => return Ok(goodbye(&frame)),
                Ok(_other) => {}
                Err(end) => return Ok(end),
            }
        }
    }

    /// The next frame, or that there is none any more.
    ///
    /// # Errors
    /// Nothing came for 15 s.
    pub(super) fn read(&mut self) -> Result<Result<Frame, End>, String> {
        match self.frame() {
            Ok(frame) => Ok(Ok(frame)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Err(format!("the server says nothing for {} s", PATIENCE.as_secs()))
            }
            Err(_closed) => Ok(Err(End::Closed)),
        }
    }

    fn frame(&mut self) -> io::Result<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head)?;
        let [a, b, c, kind, flags, s, t, u, v] = head;
        let len = u32::from_be_bytes([0, a, b, c]);
        let mut payload = vec![0; usize::try_from(len).map_err(io::Error::other)?];
        self.stream.read_exact(&mut payload)?;
        Ok(Frame { kind, flags, stream: u32::from_be_bytes([s, t, u, v]), payload })
    }
}

fn goodbye(frame: &Frame) -> End {
    let code = frame.payload.get(4..8).and_then(|code| code.try_into().ok());
    code.map_or(End::Closed, |code| End::Goodbye(u32::from_be_bytes(code)))
}
