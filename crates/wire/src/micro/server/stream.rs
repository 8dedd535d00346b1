//! One stream of a connection.

use std::time::Duration;

use polywire_core::{Body, Code, Encoding, Metadata, Payload, Reply, Request, Status, Trailers};

use crate::micro::{Answer, Echo};
use crate::{INITIAL_WINDOW, Outgoing};

/// One stream of a connection: what its answers repeat, and how far it has come.
pub(super) struct Stream {
    /// What the peer calls it.
    pub(super) name: String,
    pub(super) echo: Echo,
    pub(super) stage: Stage,
    /// What precedes the reply, until its first message goes out.
    leading: Metadata,
}

/// `Opened -> Called`, or `Called` from the start if the argument is a stream.
pub(super) enum Stage {
    /// The message that opens a stream is no argument: that is the next one.
    Opened { request: Box<Request>, timeout: Option<Duration> },
    /// So many bytes of arguments may wait.
    Called { credit: i64, streams_in: bool },
}

impl Stream {
    pub(super) const fn new(name: String, echo: Echo, stage: Stage) -> Self {
        Self { name, echo, stage, leading: Metadata::new() }
    }

    /// Adds to what may wait, or takes from it; says whether there is room for more.
    pub(super) fn credit(&mut self, bytes: i64) -> bool {
        let Stage::Called { credit, .. } = &mut self.stage else { return true };
        *credit = credit.saturating_add(bytes);
        *credit > 0
    }

    /// What precedes the reply.
    pub(super) fn lead(&mut self, metadata: &Metadata, encoding: Encoding) -> Result<(), Status> {
        let expected = self.echo.codec();
        if encoding != expected {
            let text = format!("a reply in {encoding} where {expected} was asked for");
            return Err(Status::new(Code::Internal, text));
        }
        self.leading = metadata.clone();
        Ok(())
    }

    /// A message of the reply.
    pub(super) fn put(&mut self, payload: &Payload, dst: &mut Outgoing) -> Result<(), Status> {
        let leading = std::mem::take(&mut self.leading);
        put(self.echo.value(payload, leading)?, dst);
        Ok(())
    }

    /// The orderly end of the reply.
    pub(super) fn end(mut self, trailers: Metadata, dst: &mut Outgoing) {
        let mut metadata = std::mem::take(&mut self.leading);
        metadata.extend(trailers);
        put(self.echo.end(metadata), dst);
    }

    /// The end by an error.
    pub(super) fn fail(self, status: &Status, dst: &mut Outgoing) {
        put(self.echo.failure(status), dst);
    }

    /// The whole of a reply that is one message, and its end; or an error.
    pub(super) fn only(mut self, reply: Reply, dst: &mut Outgoing) {
        let written = reply.and_then(|response| {
            let Body::Unary(payload) = &response.body else {
                return Err(Status::new(Code::Internal, "a reply of no message"));
            };
            self.leading = response.metadata;
            self.put(payload, dst)?;
            Ok(response.trailers.as_ref().map(Trailers::snapshot))
        });
        match written {
            Ok(trailers) => self.end(trailers.unwrap_or_default(), dst),
            Err(status) => self.fail(&status, dst),
        }
    }
}

impl Stage {
    /// The argument is a stream.
    pub(super) fn streaming() -> Self {
        Self::Called { credit: signed(INITIAL_WINDOW), streams_in: true }
    }

    /// Whatever else the caller says is for no handler; `streams_in` as it was.
    pub(super) const fn unheard(streams_in: bool) -> Self {
        Self::Called { credit: i64::MAX, streams_in }
    }
}

pub(super) fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn put(answer: Answer, dst: &mut Outgoing) {
    let body = answer.put_head(false, dst.tail());
    dst.put_bytes(&body);
}
