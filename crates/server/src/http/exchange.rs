//! What the dialects have in common: from a head to a call, from a reply to a response.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use ::http::request::Parts;
use ::http::{HeaderMap, HeaderValue, Response, StatusCode};
use polywire_codec::compression::Compression;
use polywire_core::{
    Body, CallKind, Code, ConnectionInfo, Deadline, Encoding, MessageCompression, MethodDescriptor,
    MethodName, PayloadStream, Reply, Request, Status,
};
use polywire_wire::http::try_metadata_from_headers;
use polywire_wire::micro::GrpcCaller;
use tokio::time::Instant;

use super::RequestBody;
use super::body::ReplyBody;
use super::incoming::{Incoming, Reading};
use crate::connection::Shared;
use crate::drive::{contained, panicked};

/// A call whose head has been read.
pub(super) struct Call<'a> {
    pub(super) shared: &'a Shared,
    pub(super) method: MethodName,
    /// `None` if nobody offers the method.
    pub(super) descriptor: Option<&'static MethodDescriptor>,
    request: Request,
    /// What a caller of go-micro's says of itself.
    caller: Option<GrpcCaller>,
}

impl<'a> Call<'a> {
    /// # Errors
    /// When the path names no method, or the metadata is malformed.
    pub(super) fn new(
        shared: &'a Shared,
        info: Arc<ConnectionInfo>,
        head: &Parts,
        timeout: Option<Duration>,
    ) -> Result<Self, Status> {
        let method = method_of(head)?;
        let descriptor = shared.router.descriptor(&method);
        Self::of((method, descriptor), shared, info, head, timeout)
    }

    /// As [`new`](Self::new), but whatever stands before the type's name will do if nobody offers the
    /// service in that package: go-micro's callers put the name there by which they found it.
    pub(super) fn in_any_package(
        shared: &'a Shared,
        info: Arc<ConnectionInfo>,
        head: &Parts,
        timeout: Option<Duration>,
        caller: Option<GrpcCaller>,
    ) -> Result<Self, Status> {
        let mut method = method_of(head)?;
        let mut descriptor = shared.router.descriptor(&method);
        // Others mean the package that they name: v2 of a service is not v1.
        if caller.is_some()
            && descriptor.is_none()
            && let Some((_package, name)) = method.service().rsplit_once('.')
        {
            let bare = MethodName::new(name, method.method());
            descriptor = shared.router.descriptor(&bare);
            method = if descriptor.is_some() { bare } else { method };
        }
        let mut call = Self::of((method, descriptor), shared, info, head, timeout)?;
        if let Some(caller) = caller {
            call.request.metadata = caller.metadata(&call.request.metadata);
        }
        call.caller = caller;
        Ok(call)
    }

    fn of(
        (method, descriptor): (MethodName, Option<&'static MethodDescriptor>),
        shared: &'a Shared,
        info: Arc<ConnectionInfo>,
        head: &Parts,
        timeout: Option<Duration>,
    ) -> Result<Self, Status> {
        let mut request = Request::new(method.clone(), Body::Empty);
        request.metadata = try_metadata_from_headers(&head.headers)?;
        request.connection = Some(info);
        request.deadline =
            timeout.and_then(|timeout| Deadline::after(Instant::now().into_std(), timeout));
        Ok(Self { shared, method, descriptor, request, caller: None })
    }

    pub(super) fn kind(&self) -> CallKind {
        self.descriptor.map_or(CallKind::Unary, |method| method.kind)
    }

    pub(super) const fn deadline(&self) -> Option<Deadline> {
        self.request.deadline
    }

    /// Reads a body of messages with prefixes, as many of them as the method takes, and calls.
    pub(super) async fn enveloped<B: RequestBody>(
        mut self,
        body: B,
        reading: Reading,
        text: bool,
    ) -> Reply {
        let mut incoming = Incoming::new(body, reading, text);
        if reading.compression != Compression::Identity {
            self.request.extensions.insert(incoming.watched());
        }
        self.request.body = match self.descriptor {
            // The router says so, without any of the body.
            None => Body::Empty,
            Some(method) if method.kind.client_streams() => {
                Body::Stream(PayloadStream::new(reading.codec, incoming))
            }
            // go-micro has one kind of stream, which its callers leave open.
            Some(method) if self.caller.is_some() && method.kind.server_streams() => {
                Body::Unary(self.in_time(incoming.first()).await?)
            }
            Some(_) => Body::Unary(self.in_time(incoming.only()).await?),
        };
        self.run().await
    }

    /// Reads a body that is one message, and calls.
    pub(super) async fn plain<B: RequestBody>(mut self, body: B, reading: Reading) -> Reply {
        if self.descriptor.is_some() {
            if reading.compression != Compression::Identity {
                let compression = MessageCompression::default();
                compression.received(true);
                self.request.extensions.insert(compression);
            }
            self.request.body = Body::Unary(self.in_time(reading.whole(body)).await?);
        }
        self.run().await
    }

    /// Calls with an argument that the head had.
    pub(super) async fn with(mut self, body: Body) -> Reply {
        self.request.body = body;
        self.run().await
    }

    /// Waits for the argument no longer than the call may take.
    async fn in_time<T>(
        &self,
        argument: impl Future<Output = Result<T, Status>>,
    ) -> Result<T, Status> {
        let Some(deadline) = self.request.deadline else { return argument.await };
        tokio::time::timeout_at(Instant::from_std(deadline.instant()), argument)
            .await
            .unwrap_or_else(|_elapsed| {
                let text = "the deadline passed before the argument had come";
                Err(Status::new(Code::DeadlineExceeded, text))
            })
    }

    async fn run(self) -> Reply {
        let Self { shared, method, request, .. } = self;
        let deadline = request.deadline;
        match catch_unwind(AssertUnwindSafe(|| shared.start(request))) {
            Ok(answer) => contained(answer, method, deadline).await,
            Err(_panic) => Err(panicked(&method)),
        }
    }
}

/// The method that a path names.
pub(super) fn method_of(head: &Parts) -> Result<MethodName, Status> {
    MethodName::from_path(head.uri.path())
        .map_err(|error| Status::new(Code::Unimplemented, error.to_string()))
}

/// The value of a header, if it is text.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// How a request is compressed, by the header that says so.
///
/// # Errors
/// When it is in no way that is known here; the text lists those that are.
pub(super) fn compression(headers: &HeaderMap, name: &str) -> Result<Compression, Status> {
    let Some(value) = headers.get(name) else { return Ok(Compression::Identity) };
    let value = value.to_str().unwrap_or_default();
    Compression::from_name(value).ok_or_else(|| {
        let text =
            format!("compression `{value}` is not known here; there are {}", Compression::NAMES);
        Status::new(Code::Unimplemented, text)
    })
}

pub(super) const fn reading(shared: &Shared, codec: Encoding, compression: Compression) -> Reading {
    let max_message_bytes = shared.limits.wire.max_message_bytes();
    Reading { codec, compression, max_message_bytes, body_stall: shared.limits.body_stall }
}

/// What a head takes as HTTP/2 counts it: names, values, and 32 bytes for each.
pub(super) fn head_bytes(head: &Parts) -> usize {
    let path = head.uri.path_and_query().map_or(0, |path| path.as_str().len());
    let bytes = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32);
    bytes.fold(path, usize::saturating_add)
}

/// A response with nothing but a status and a text.
pub(super) fn plain(status: StatusCode, text: impl Into<bytes::Bytes>) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::data(text));
    *response.status_mut() = status;
    response.headers_mut().insert(
        ::http::header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

/// The refusal of a content type, with those that a method takes.
pub(super) fn unsupported() -> Response<ReplyBody> {
    let mut response =
        plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the content type is none of a call's\n");
    response.headers_mut().insert("accept-post", HeaderValue::from_static(ACCEPT_POST));
    response
}

/// The refusal of an HTTP method.
pub(super) fn only_post(allowed: &'static str) -> Response<ReplyBody> {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "calls are made by POST\n");
    response.headers_mut().insert(::http::header::ALLOW, HeaderValue::from_static(allowed));
    response
}

const ACCEPT_POST: &str = "application/grpc, application/grpc-web, application/grpc-web-text, \
                           application/json, application/proto, application/connect+json, \
                           application/connect+proto";
