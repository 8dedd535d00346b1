//! The runner's service: it answers what it is told to, and repeats what it was sent.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use polywire::{BoxStream, Code, Context, Status, Streaming};
use polywire_conformance::echo::{entries, headers, pack, status};
use polywire_conformance::proto::conformance_payload::RequestInfo;
use polywire_conformance::proto::unary_response_definition::Response;
use polywire_conformance::proto::{
    BidiStreamRequest, BidiStreamResponse, ClientStreamRequest, ClientStreamResponse,
    ConformancePayload, ConformanceService, Error, Header, IdempotentUnaryRequest,
    IdempotentUnaryResponse, ServerStreamRequest, ServerStreamResponse, StreamResponseDefinition,
    UnaryRequest, UnaryResponse, UnaryResponseDefinition, UnimplementedRequest,
    UnimplementedResponse,
};
use prost_types::Any;
use tokio::time::{Instant, sleep};

/// Does as it is told.
pub struct Conformance;

impl ConformanceService for Conformance {
    async fn unary(&self, cx: &Context, request: UnaryRequest) -> Result<UnaryResponse, Status> {
        let info = seen(cx, vec![pack("UnaryRequest", &request)]);
        let payload = Some(one(cx, request.response_definition, info).await?);
        Ok(UnaryResponse { payload })
    }

    async fn server_stream(
        &self,
        cx: &Context,
        request: ServerStreamRequest,
    ) -> Result<BoxStream<ServerStreamResponse>, Status> {
        let info = seen(cx, vec![pack("ServerStreamRequest", &request)]);
        let replies = Replies::new(cx, request.response_definition, info);
        Ok(replies
            .stream()
            .map(|item| item.map(|payload| ServerStreamResponse { payload }))
            .boxed())
    }

    async fn client_stream(
        &self,
        cx: &Context,
        mut requests: Streaming<ClientStreamRequest>,
    ) -> Result<ClientStreamResponse, Status> {
        let (mut definition, mut packed) = (None, Vec::new());
        while let Some(request) = requests.message().await? {
            packed.push(pack("ClientStreamRequest", &request));
            if packed.len() == 1 {
                definition = request.response_definition;
            }
        }
        let payload = Some(one(cx, definition, seen(cx, packed)).await?);
        Ok(ClientStreamResponse { payload })
    }

    async fn bidi_stream(
        &self,
        cx: &Context,
        mut requests: Streaming<BidiStreamRequest>,
    ) -> Result<BoxStream<BidiStreamResponse>, Status> {
        let Some(first) = requests.message().await? else { return Ok(stream::empty().boxed()) };
        let info = seen(cx, vec![pack("BidiStreamRequest", &first)]);
        let mut replies = Replies::new(cx, first.response_definition, info);
        let payloads = if first.full_duplex {
            Duplex { requests, replies, has_request: true }.stream()
        } else {
            while let Some(request) = requests.message().await? {
                replies.info.requests.push(pack("BidiStreamRequest", &request));
            }
            replies.stream()
        };
        Ok(payloads.map(|item| item.map(|payload| BidiStreamResponse { payload })).boxed())
    }

    async fn unimplemented(
        &self,
        _: &Context,
        _: UnimplementedRequest,
    ) -> Result<UnimplementedResponse, Status> {
        Err(Status::new(Code::Unimplemented, "nobody has written this"))
    }

    async fn idempotent_unary(
        &self,
        cx: &Context,
        request: IdempotentUnaryRequest,
    ) -> Result<IdempotentUnaryResponse, Status> {
        let info = seen(cx, vec![pack("IdempotentUnaryRequest", &request)]);
        let payload = Some(one(cx, request.response_definition, info).await?);
        Ok(IdempotentUnaryResponse { payload })
    }
}

/// What came of a call so far.
fn seen(cx: &Context, requests: Vec<Any>) -> RequestInfo {
    let remaining = cx.deadline.map(|deadline| deadline.remaining(Instant::now().into_std()));
    RequestInfo {
        request_headers: headers(&cx.metadata),
        timeout_ms: remaining.map(|time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX)),
        requests,
        connect_get_info: None,
    }
}

fn announce(cx: &Context, headers: Vec<Header>, trailers: Vec<Header>) {
    for (name, value) in entries(headers) {
        cx.reply_metadata(name, value);
    }
    for (name, value) in entries(trailers) {
        cx.trailers().append(name, value);
    }
}

/// The answer of a method that has one.
async fn one(
    cx: &Context,
    definition: Option<UnaryResponseDefinition>,
    info: RequestInfo,
) -> Result<ConformancePayload, Status> {
    let Some(definition) = definition else { return Ok(payload(Vec::new(), Some(info))) };
    announce(cx, definition.response_headers, definition.response_trailers);
    sleep(milliseconds(definition.response_delay_ms)).await;
    match definition.response {
        Some(Response::Error(error)) => Err(failure(error, Some(info))),
        Some(Response::ResponseData(data)) => Ok(payload(data, Some(info))),
        None => Ok(payload(Vec::new(), Some(info))),
    }
}

const fn payload(data: Vec<u8>, request_info: Option<RequestInfo>) -> ConformancePayload {
    ConformancePayload { data, request_info }
}

/// The error, which tells of the call if no payload did.
fn failure(mut error: Error, info: Option<RequestInfo>) -> Status {
    error.details.extend(info.map(|info| pack("ConformancePayload.RequestInfo", &info)));
    status(error)
}

fn milliseconds(number: u32) -> Duration {
    Duration::from_millis(number.into())
}

/// The answers of a method that has many.
struct Replies {
    info: RequestInfo,
    data: VecDeque<Vec<u8>>,
    delay: Duration,
    error: Option<Error>,
    is_first: bool,
}

type Payloads = BoxStream<Option<ConformancePayload>>;

impl Replies {
    fn new(cx: &Context, definition: Option<StreamResponseDefinition>, info: RequestInfo) -> Self {
        let definition = definition.unwrap_or_default();
        announce(cx, definition.response_headers, definition.response_trailers);
        Self {
            info,
            data: definition.response_data.into(),
            delay: milliseconds(definition.response_delay_ms),
            error: definition.error,
            is_first: true,
        }
    }

    /// One answer after another, then the error if there is one.
    fn stream(self) -> Payloads {
        stream::try_unfold(self, |mut replies| async move {
            Ok(replies.next().await?.map(|payload| (Some(payload), replies)))
        })
        .boxed()
    }

    async fn next(&mut self) -> Result<Option<ConformancePayload>, Status> {
        let Some(data) = self.data.pop_front() else { return self.end() };
        sleep(self.delay).await;
        Ok(Some(payload(data, self.once())))
    }

    fn end(&mut self) -> Result<Option<ConformancePayload>, Status> {
        let info = self.once();
        self.error.take().map_or(Ok(None), |error| Err(failure(error, info)))
    }

    /// What came of the call, if nothing has told of it yet.
    fn once(&mut self) -> Option<RequestInfo> {
        std::mem::take(&mut self.is_first).then(|| std::mem::take(&mut self.info))
    }
}

/// An answer to each request as it comes, and the others when there are no more.
struct Duplex {
    requests: Streaming<BidiStreamRequest>,
    replies: Replies,
    /// Whether a request waits for its answer.
    has_request: bool,
}

impl Duplex {
    fn stream(self) -> Payloads {
        stream::try_unfold(self, |mut duplex| async move {
            Ok(duplex.next().await?.map(|payload| (Some(payload), duplex)))
        })
        .boxed()
    }

    async fn next(&mut self) -> Result<Option<ConformancePayload>, Status> {
        if !self.has_request
            && let Some(request) = self.requests.message().await?
        {
            self.has_request = true;
            self.replies.info.requests.push(pack("BidiStreamRequest", &request));
        }
        // Answers after the first repeat the request only.
        let is_answer = std::mem::take(&mut self.has_request);
        self.replies.is_first |= is_answer && !self.replies.data.is_empty();
        self.replies.next().await
    }
}
