//! What a server reads and writes of streams.

use bytes::{Buf as _, Bytes};
use polywire_core::{Body, EncodedRun, Encoding, Status};

use super::{Event, NetrpcServer};
use crate::netrpc::body::{Carried, define, definitions, named};
use crate::netrpc::header::{
    EXT_VERSION, ExtendedResponse, KIND_ASK, KIND_CANCEL, KIND_END, KIND_MESSAGE, KIND_OPEN,
    KIND_WINDOW, types,
};
use crate::netrpc::incoming::{Value, Waiting};
use crate::netrpc::plan::Header;
use crate::netrpc::run::MAX_COUNT;
use crate::{INITIAL_WINDOW, Outgoing, ReplyFrame, ServerEvent, WireError};

/// Whether a body follows a request of this kind, which is no plain call.
pub(super) const fn has_body(kind: u64) -> bool {
    matches!(kind, KIND_OPEN | KIND_ASK | KIND_MESSAGE)
}

/// What a header without a body says.
///
/// # Errors
/// When it is of a kind that is not understood.
pub(super) fn lone_header(header: &Header) -> Result<Event, WireError> {
    let key = header.seq;
    match header.kind {
        KIND_CANCEL => Ok(ServerEvent::Cancel { key }),
        KIND_END => Ok(ServerEvent::End { key }),
        KIND_WINDOW => Ok(ServerEvent::Window { key, bytes: header.window }),
        kind => {
            let why = format!("requests of kind {kind} are not understood");
            Err(WireError::Malformed { what: "netrpc header", why })
        }
    }
}

/// Turns a call into what opens a stream.
pub(super) fn opened(header: &Header, event: Event) -> Event {
    let ServerEvent::Call { ticket, key, mut request, timeout } = event else { return event };
    let arguments = (header.kind == KIND_OPEN).then(|| {
        let encoding = match std::mem::take(&mut request.body) {
            Body::Unary(payload) => payload.encoding,
            _ => Encoding::Gob,
        };
        // A caller that did not know its peer had to wait for an answer.
        let granted = if header.ext >= EXT_VERSION { 0 } else { INITIAL_WINDOW };
        (encoding, granted)
    });
    ServerEvent::Open { ticket, key, request, timeout, window: header.window, arguments }
}

impl NetrpcServer {
    /// The first argument behind a header that takes the first `at` bytes.
    #[inline]
    pub(super) fn message(&mut self, header: Header, at: usize, mut bytes: Bytes) -> Event {
        let (key, table) = (header.seq, self.splitter.table());
        let waiting = Waiting::of(header, &bytes, at);
        bytes.advance(at);
        let value = waiting.message(Value { bytes, table });
        self.waiting = waiting.rest();
        ServerEvent::Message { key, value }
    }

    pub(super) fn put_frame(
        &mut self,
        key: u64,
        frame: ReplyFrame<'_>,
        dst: &mut Outgoing,
    ) -> Result<(), Status> {
        let mut header = ExtendedResponse::of_kind(KIND_OPEN, key);
        let error;
        match frame {
            ReplyFrame::Message(payload) => {
                let carried = Carried::payload(payload, true)?;
                self.put_message(key, payload.encoding, &carried, dst);
                return Ok(());
            }
            ReplyFrame::Run(run) => return self.put_run(key, run, dst),
            ReplyFrame::Head(metadata, encoding) => {
                header.meta = metadata;
                header.encoding = named(encoding);
            }
            ReplyFrame::End(metadata) => (header.kind, header.meta) = (KIND_END, metadata),
            ReplyFrame::Failed(status) => {
                error = super::text(status);
                header.kind = KIND_END;
                header.error = error;
                header.meta = status.metadata();
                header.code = u64::from(status.code().number());
                header.details = status.details();
            }
            ReplyFrame::Window(bytes) => (header.kind, header.window) = (KIND_WINDOW, bytes),
            ReplyFrame::Stop => header.kind = KIND_CANCEL,
        }
        self.put_lone(header, dst);
        Ok(())
    }

    fn put_message(
        &mut self,
        key: u64,
        encoding: Encoding,
        carried: &Carried<'_>,
        dst: &mut Outgoing,
    ) {
        if self.run.grow(key, encoding, 1, dst) == 1 {
            carried.define_body(&mut self.sent, dst);
        } else {
            carried.define(types().extended_response, &mut self.sent, dst);
            self.put_header(key, encoding, 1, dst);
        }
        self.run.put(dst, |dst| carried.put(dst));
    }

    /// Appends values, those in gob as they lie.
    ///
    /// # Errors
    /// When they are of a type that is defined nowhere.
    fn put_run(&mut self, key: u64, run: &EncodedRun, dst: &mut Outgoing) -> Result<(), Status> {
        let encoding = run.encoding();
        if encoding != Encoding::Gob {
            for value in run.values() {
                self.put_message(key, encoding, &Carried::lent(value)?, dst);
            }
            return Ok(());
        }
        run.contexts().try_for_each(|context| definitions(context).map(drop))?;
        let (mut ends, mut start) = (run.ends(), 0);
        while !ends.is_empty() {
            let mut count = self.run.grow(key, encoding, ends.len(), dst);
            let begins = count == 0;
            if begins {
                define(types().extended_response.definitions(), &mut self.sent, dst);
            }
            for context in run.contexts() {
                define(definitions(context)?, &mut self.sent, dst);
            }
            if begins {
                count = ends.len().min(MAX_COUNT);
                self.put_header(key, encoding, count, dst);
            }
            let (these, rest) = ends.split_at_checked(count).unwrap_or((ends, &[]));
            let end = these.last().copied().unwrap_or(start);
            let values = run.bytes().get(start..end).unwrap_or_default();
            self.run.put(dst, |dst| dst.put_slice(values));
            (ends, start) = (rest, end);
        }
        Ok(())
    }

    /// Appends a header that so many values follow, at most [`MAX_COUNT`].
    fn put_header(&mut self, key: u64, encoding: Encoding, count: usize, dst: &mut Outgoing) {
        let mut header = ExtendedResponse::of_kind(KIND_MESSAGE, key);
        header.encoding = named(encoding);
        header.count = u64::try_from(count).unwrap_or(u64::MAX);
        header.ext = self.owed_ext();
        header.put(dst.tail());
        self.run.begin(key, encoding, count, dst);
    }

    /// Appends a header that no body follows.
    fn put_lone(&mut self, mut header: ExtendedResponse<'_>, dst: &mut Outgoing) {
        self.run.close();
        header.ext = self.owed_ext();
        define(types().extended_response.definitions(), &mut self.sent, dst);
        header.put(dst.tail());
    }

    /// What the next frame says of the extension: only the first after a request that asked.
    fn owed_ext(&mut self) -> u64 {
        if std::mem::take(&mut self.owes_ext) { EXT_VERSION } else { 0 }
    }
}
