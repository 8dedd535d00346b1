//! What goes wrong beneath a call, as its status.

use std::error::Error as _;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use h2::Reason;
use polywire_core::{Code, Deadline, Origin, Status};
use polywire_wire::WireError;
use polywire_wire::grpc::code_from_reset;
use tokio::time::Instant;

use super::connection::State;
use crate::ClientError;
use crate::error::Sent;

/// Says why a call failed, from what HTTP/2 says of its stream.
#[derive(Debug, Clone)]
pub(super) struct Diagnosis {
    state: Arc<State>,
    deadline: Option<Deadline>,
    argument: ArgumentFailure,
}

/// Why the stream of arguments ended before its time, if it did.
#[derive(Debug, Clone, Default)]
pub(super) struct ArgumentFailure(Arc<Mutex<Option<Status>>>);

impl ArgumentFailure {
    pub(super) fn set(&self, status: Status) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(status);
    }

    pub(super) fn take(&self) -> Option<Status> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// How far the reply had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing of it was there.
    Waiting,
    /// Its head was.
    Replying,
}

impl Diagnosis {
    pub(super) fn new(
        state: Arc<State>,
        deadline: Option<Deadline>,
        argument: ArgumentFailure,
    ) -> Self {
        Self { state, deadline, argument }
    }

    /// The status of a call whose stream failed.
    pub(super) fn status(&self, error: &h2::Error, stage: Stage) -> Status {
        if let Some(status) = self.argument.take() {
            return status;
        }
        if error.is_reset() {
            return self.reset(error, stage);
        }
        // Only streams that the peer says it has not looked at end by its GOAWAY.
        if error.is_go_away() && error.is_remote() && stage == Stage::Waiting {
            return unprocessed("the peer is going away");
        }
        self.lost(error).into_status(Sent::Perhaps)
    }

    fn reset(&self, error: &h2::Error, stage: Stage) -> Status {
        let reason = error.reason().unwrap_or(Reason::INTERNAL_ERROR);
        if !error.is_remote() {
            let error = malformed("HTTP/2", reason.to_string());
            return Status::new(Code::Internal, error.to_string())
                .with_origin(Origin::Lost)
                .with_source(error);
        }
        if reason == Reason::REFUSED_STREAM && stage == Stage::Waiting {
            return unprocessed("the peer refused the call");
        }
        let late = self.deadline.is_some_and(|end| end.has_passed(Instant::now().into_std()));
        if reason == Reason::CANCEL && late {
            return ClientError::Timeout.into_status(Sent::Perhaps);
        }
        let code = code_from_reset(reason.into());
        Status::new(code, format!("the peer reset the call: {reason}")).with_origin(Origin::Lost)
    }

    /// Why the connection ended.
    fn lost(&self, error: &h2::Error) -> ClientError {
        if let Some(ended) = self.state.ended() {
            return ended;
        }
        from_connection(error)
    }
}

/// Why a connection failed, as far as HTTP/2 says.
pub(super) fn from_connection(error: &h2::Error) -> ClientError {
    match error.get_io() {
        // What h2 makes of the end of the stream; the operating system's has a number.
        Some(io) if io.kind() == io::ErrorKind::BrokenPipe && io.raw_os_error().is_none() => {
            ClientError::UnexpectedEof
        }
        Some(io) => broken(io),
        None => malformed("HTTP/2", error.to_string()),
    }
}

/// Why a connection of HTTP/1.1 failed.
pub(super) fn from_http1(error: &hyper::Error) -> ClientError {
    let mut source = error.source();
    while let Some(inner) = source {
        match inner.downcast_ref::<io::Error>() {
            Some(io) if io.kind() == io::ErrorKind::UnexpectedEof => break,
            Some(io) => return broken(io),
            None => {}
        }
        source = inner.source();
    }
    if error.is_parse() {
        return malformed("HTTP/1.1", error.to_string());
    }
    ClientError::UnexpectedEof
}

fn broken(error: &io::Error) -> ClientError {
    ClientError::Io(Arc::new(io::Error::new(error.kind(), error.to_string())))
}

/// A call that the peer has not looked at: it may be made again.
pub(super) fn unprocessed(why: &'static str) -> Status {
    ClientError::Unprocessed { why }.into_status(Sent::No)
}

fn malformed(what: &'static str, why: String) -> ClientError {
    ClientError::Wire(Arc::new(WireError::Malformed { what, why }))
}
