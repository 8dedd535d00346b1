//! One call: its arguments in time, its replies, and its cancellation.

use std::error::Error;
use std::future::pending;
use std::mem;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use polywire::core::{
    Body, Deadline, Encoding, Metadata, MethodName, Payload, PayloadStream, Request, Response,
};
use polywire::{CallKind, Channel, Code, Service as _, Status};
use polywire_conformance::echo::{entries, error, headers};
use polywire_conformance::proto::client_compat_request::cancel::CancelTiming;
use polywire_conformance::proto::{ClientCompatRequest, ClientResponseResult, StreamType};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::channels::Channels;
use crate::messages;

/// Makes a call.
///
/// # Errors
/// When it cannot be made as the runner wants it.
pub async fn make(
    channels: &Channels,
    wanted: ClientCompatRequest,
) -> Result<ClientResponseResult, Box<dyn Error>> {
    let channel = channels.channel(&wanted)?;
    let encoding = polywire::Service::encoding(&channel);
    let arguments = wanted.request_messages.iter().map(|any| messages::argument(any, encoding));
    let mut plan = Plan {
        arguments: arguments.collect::<Result<_, _>>()?,
        delay: Duration::from_millis(wanted.request_delay_ms.into()),
        cancel: wanted.cancel.map(|cancel| cancel.cancel_timing.unwrap_or(AT_ONCE)),
    };
    let kind = kind(wanted.stream_type());
    let (sender, receiver) = mpsc::channel(1);
    let takes_turns = wanted.stream_type() == StreamType::FullDuplexBidiStream;
    let body = if kind.client_streams() && !takes_turns && plan.is_immediate() {
        let arguments = mem::take(&mut plan.arguments).into_iter().map(Ok);
        Body::Stream(PayloadStream::new(encoding, stream::iter(arguments)))
    } else if kind.client_streams() {
        Body::Stream(arguments_of(receiver, encoding))
    } else {
        if plan.arguments.len() != 1 {
            return Err("not exactly one message".into());
        }
        sleep(plan.delay).await;
        Body::Unary(plan.arguments.remove(0))
    };
    let call =
        Call { channel, request: request(&wanted, kind, body), method: wanted.method().into() };
    let mut result = ClientResponseResult::default();
    let ended = if takes_turns {
        call.in_turns(plan, sender, &mut result).await
    } else {
        let cancel_after = plan.replies_before_cancel();
        tokio::select! {
            ended = call.at_once(cancel_after, &mut result) => ended,
            () = plan.follow(sender) => Err(cancelled()),
        }
    };
    if let Err(status) = ended {
        result.error = Some(error(&status));
        if result.response_trailers.is_empty() {
            result.response_trailers = headers(status.metadata());
        }
    }
    Ok(result)
}

/// What is sent when.
struct Plan {
    arguments: Vec<Payload>,
    delay: Duration,
    cancel: Option<CancelTiming>,
}

impl Plan {
    /// Whether the arguments are all there from the start, and nothing more after them: then they go
    /// out together. The runner's servers begin to answer at the first one, and Go's net/http closes
    /// a request of HTTP/1.1 that has not come as a whole by then.
    const fn is_immediate(&self) -> bool {
        self.delay.is_zero() && !matches!(self.cancel, Some(CancelTiming::BeforeCloseSend(())))
    }

    /// Sends the arguments, and returns when the call is to be cancelled.
    async fn follow(self, sender: mpsc::Sender<Payload>) {
        for argument in self.arguments {
            sleep(self.delay).await;
            if sender.send(argument).await.is_err() {
                break;
            }
        }
        until_cancel(self.cancel, sender).await;
    }

    const fn replies_before_cancel(&self) -> Option<usize> {
        match self.cancel {
            Some(CancelTiming::AfterNumResponses(number)) => Some(number as usize),
            _ => None,
        }
    }
}

/// Ends the arguments, and returns when the call is to be cancelled.
async fn until_cancel(cancel: Option<CancelTiming>, sender: mpsc::Sender<Payload>) {
    match cancel {
        Some(CancelTiming::BeforeCloseSend(())) => {}
        Some(CancelTiming::AfterCloseSendMs(milliseconds)) => {
            drop(sender);
            sleep(Duration::from_millis(milliseconds.into())).await;
        }
        Some(CancelTiming::AfterNumResponses(_)) | None => {
            drop(sender);
            pending::<()>().await;
        }
    }
}

/// One call and what is to come back from it.
struct Call {
    channel: Channel,
    request: Request,
    method: String,
}

impl Call {
    /// Makes the call and takes all that comes back.
    async fn at_once(
        self,
        cancel_after: Option<usize>,
        result: &mut ClientResponseResult,
    ) -> Result<(), Status> {
        let response = self.channel.call(self.request).await?;
        result.response_headers = headers(&response.metadata);
        let mut replies = Replies::new(self.method, response)?;
        while cancel_after.is_none_or(|number| result.payloads.len() < number) {
            if !replies.next(result).await? {
                return Ok(());
            }
        }
        Err(cancelled())
    }

    /// Makes the call, and waits for a reply to each argument.
    async fn in_turns(
        self,
        plan: Plan,
        sender: mpsc::Sender<Payload>,
        result: &mut ClientResponseResult,
    ) -> Result<(), Status> {
        let cancel_after = plan.replies_before_cancel();
        let mut call = Some((self.channel, self.request));
        let mut replies = None;
        for argument in plan.arguments {
            sleep(plan.delay).await;
            if sender.send(argument).await.is_err() {
                break;
            }
            if let Some((channel, request)) = call.take() {
                replies = Some(begun(&channel, request, &self.method, result).await?);
            }
            let Some(replies) = &mut replies else { break };
            if !replies.next(result).await? {
                return Ok(());
            }
            if cancel_after.is_some_and(|number| result.payloads.len() >= number) {
                return Err(cancelled());
            }
        }
        let rest = async {
            if let Some((channel, request)) = call.take() {
                replies = Some(begun(&channel, request, &self.method, result).await?);
            }
            let Some(mut replies) = replies else { return Ok(()) };
            while replies.next(result).await? {
                if cancel_after.is_some_and(|number| result.payloads.len() >= number) {
                    return Err(cancelled());
                }
            }
            Ok(())
        };
        tokio::select! {
            ended = rest => ended,
            () = until_cancel(plan.cancel, sender) => Err(cancelled()),
        }
    }
}

async fn begun(
    channel: &Channel,
    request: Request,
    method: &str,
    result: &mut ClientResponseResult,
) -> Result<Replies, Status> {
    let response = channel.call(request).await?;
    result.response_headers = headers(&response.metadata);
    Replies::new(method.to_owned(), response)
}

/// What comes back from a call.
struct Replies {
    method: String,
    values: PayloadStream,
    trailers: polywire::Trailers,
}

impl Replies {
    fn new(method: String, response: Response) -> Result<Self, Status> {
        let values = match response.body {
            Body::Stream(values) => values,
            Body::Unary(payload) => {
                PayloadStream::new(payload.encoding, stream::iter([Ok(payload)]))
            }
            _ => return Err(Status::new(Code::Internal, "a reply without a body")),
        };
        Ok(Self { method, values, trailers: response.trailers.unwrap_or_default() })
    }

    /// Takes the next one, if there is one.
    async fn next(&mut self, result: &mut ClientResponseResult) -> Result<bool, Status> {
        let next = self.values.next().await.transpose();
        result.response_trailers = headers(&self.trailers.snapshot());
        let Some(payload) = next? else { return Ok(false) };
        result.payloads.push(messages::reply(&self.method, &payload)?);
        Ok(true)
    }
}

fn arguments_of(mut receiver: mpsc::Receiver<Payload>, encoding: Encoding) -> PayloadStream {
    let arguments = stream::poll_fn(move |cx| receiver.poll_recv(cx).map(|next| next.map(Ok)));
    PayloadStream::new(encoding, arguments)
}

fn request(wanted: &ClientCompatRequest, kind: CallKind, body: Body) -> Request {
    let mut request = Request::new(MethodName::new(wanted.service(), wanted.method()), body);
    request.metadata = entries(wanted.request_headers.clone()).collect::<Metadata>();
    request.hints.kind = kind;
    request.hints.idempotent = wanted.use_get_http_method;
    request.deadline = wanted.timeout_ms.and_then(|milliseconds| {
        Deadline::after(Instant::now().into_std(), Duration::from_millis(milliseconds.into()))
    });
    request
}

const fn kind(stream_type: StreamType) -> CallKind {
    match stream_type {
        StreamType::ClientStream => CallKind::ClientStreaming,
        StreamType::ServerStream => CallKind::ServerStreaming,
        StreamType::HalfDuplexBidiStream | StreamType::FullDuplexBidiStream => {
            CallKind::BidiStreaming
        }
        StreamType::Unary | StreamType::Unspecified => CallKind::Unary,
    }
}

fn cancelled() -> Status {
    Status::new(Code::Cancelled, "the caller has left")
}

/// Where nothing else is said: when everything was sent.
const AT_ONCE: CancelTiming = CancelTiming::AfterCloseSendMs(0);
