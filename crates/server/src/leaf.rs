//! Where bytes become values: the handlers of the four kinds of methods, and of events.

use std::pin::Pin;
use std::sync::Arc;

use futures_core::Stream;
use futures_util::{StreamExt as _, stream};
use polywire_codec::{Message, Streaming, encode_stream};
use polywire_core::{
    Body, Code, Context, Encoding, Method, MethodDescriptor, Payload, PayloadStream, Reply,
    ReplyFuture, ReplyMetadata, Request, Response, Status, Subscriber, SubscriberDescriptor,
};

use crate::detached::Detached;

/// What a typed function answers: its result, and the metadata it set for the reply.
#[derive(Debug)]
pub struct Answer<T> {
    result: Result<T, Status>,
    metadata: ReplyMetadata,
}

impl<T> Answer<T> {
    /// A result, with what was set on the call's context.
    #[must_use]
    pub fn new(result: Result<T, Status>, context: Context) -> Self {
        Self { result, metadata: context.into_reply_metadata() }
    }

    fn into_reply(self, body: impl FnOnce(T) -> Result<Body, Status>) -> Reply {
        match self.result.and_then(body) {
            Ok(body) => {
                let mut response = Response::new(body);
                self.metadata.apply(&mut response);
                Ok(response)
            }
            Err(status) => Err(self.metadata.apply_to_status(status)),
        }
    }
}

impl<T> From<Result<T, Status>> for Answer<T> {
    fn from(result: Result<T, Status>) -> Self {
        Self { result, metadata: ReplyMetadata::new() }
    }
}

/// A stream of values without a type of its own.
pub type BoxStream<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// A method answered by a typed function: decodes the argument, calls, encodes the result in the
/// encoding that the argument had.
pub fn unary<A, R, F, Fut>(descriptor: &'static MethodDescriptor, call: F) -> Method
where
    A: Message,
    R: Message,
    F: Fn(Context, A) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Into<Answer<R>>> + Send + 'static,
{
    let call = Arc::new(call);
    leaf(descriptor, move |request| {
        let call = Arc::clone(&call);
        async move {
            let (context, body) = request.into_parts();
            let (argument, encoding) = match body {
                Body::Unary(payload) => decoded(&payload)?,
                // Rare, so that its room is not part of every call's future.
                body => decoded(&Box::pin(one(body)).await?)?,
            };
            call(context, argument).await.into().into_reply(|value| encoded(&value, encoding))
        }
    })
}

/// A method that takes one value and answers with any number.
pub fn server_streaming<A, R, S, F, Fut>(descriptor: &'static MethodDescriptor, call: F) -> Method
where
    A: Message,
    R: Message,
    S: Stream<Item = Result<R, Status>> + Send + 'static,
    F: Fn(Context, A) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Into<Answer<S>>> + Send + 'static,
{
    let call = Arc::new(call);
    leaf(descriptor, move |request| {
        let call = Arc::clone(&call);
        async move {
            let (context, body) = request.into_parts();
            let (argument, encoding) = match body {
                Body::Unary(payload) => decoded(&payload)?,
                // Rare, so that its room is not part of every call's future.
                body => decoded(&Box::pin(one(body)).await?)?,
            };
            call(context, argument)
                .await
                .into()
                .into_reply(|values| Ok(Body::Stream(encode_stream(values, encoding))))
        }
    })
}

/// A method that takes any number of values and answers with one.
pub fn client_streaming<A, R, F, Fut>(descriptor: &'static MethodDescriptor, call: F) -> Method
where
    A: Message,
    R: Message,
    F: Fn(Context, Streaming<A>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Into<Answer<R>>> + Send + 'static,
{
    let call = Arc::new(call);
    leaf(descriptor, move |request| {
        let call = Arc::clone(&call);
        async move {
            let (context, body) = request.into_parts();
            let arguments = many(body)?;
            let encoding = arguments.encoding();
            call(context, Streaming::arguments(arguments))
                .await
                .into()
                .into_reply(|value| encoded(&value, encoding))
        }
    })
}

/// A method that takes any number of values and answers with any number.
pub fn bidi_streaming<A, R, S, F, Fut>(descriptor: &'static MethodDescriptor, call: F) -> Method
where
    A: Message,
    R: Message,
    S: Stream<Item = Result<R, Status>> + Send + 'static,
    F: Fn(Context, Streaming<A>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Into<Answer<S>>> + Send + 'static,
{
    let call = Arc::new(call);
    leaf(descriptor, move |request| {
        let call = Arc::clone(&call);
        async move {
            let (context, body) = request.into_parts();
            let arguments = many(body)?;
            let encoding = arguments.encoding();
            call(context, Streaming::arguments(arguments))
                .await
                .into()
                .into_reply(|values| Ok(Body::Stream(encode_stream(values, encoding))))
        }
    })
}

/// A subscriber whose events a typed function handles: each is decoded, and handed over.
pub fn event<A, F, Fut>(descriptor: &'static SubscriberDescriptor, handle: F) -> Subscriber
where
    A: Message,
    F: Fn(Context, A) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Status>> + Send + 'static,
{
    let handle = Arc::new(handle);
    let handler = Arc::new(move |request: Request| {
        let handle = Arc::clone(&handle);
        let handled = async move {
            let (context, body) = request.into_parts();
            let payload = match body {
                Body::Unary(payload) => payload,
                body => Box::pin(one(body)).await?,
            };
            let event = A::decode(&payload).map_err(|error| error.into_argument_status())?;
            handle(context, event).await.map(|()| Response::default())
        };
        Box::pin(handled) as ReplyFuture
    });
    Subscriber { descriptor, handler }
}

fn leaf<Fut>(
    descriptor: &'static MethodDescriptor,
    answer: impl Fn(Request) -> Fut + Send + Sync + 'static,
) -> Method
where
    Fut: Future<Output = Reply> + Send + 'static,
{
    let detached = descriptor.detached.then(|| Arc::new(Detached::default()));
    let handler = Arc::new(move |request: Request| {
        let answer = answer(request);
        match &detached {
            None => Box::pin(answer) as ReplyFuture,
            Some(detached) => {
                let detached = Arc::clone(detached);
                Box::pin(async move { detached.run(answer).await })
            }
        }
    });
    Method { descriptor, handler }
}

fn decoded<A: Message>(payload: &Payload) -> Result<(A, Encoding), Status> {
    let argument = A::decode(payload).map_err(|error| error.into_argument_status())?;
    Ok((argument, payload.encoding))
}

/// The one value of a body that is not plainly one: a stream of exactly one value will do.
async fn one(body: Body) -> Result<Payload, Status> {
    let missing = || Status::new(Code::InvalidArgument, "the argument is missing");
    let Body::Stream(mut values) = body else { return Err(missing()) };
    let first = values.next().await.transpose()?.ok_or_else(missing)?;
    match values.next().await.transpose()? {
        None => Ok(first),
        Some(_) => {
            let text = "the method takes one argument, and more were sent";
            Err(Status::new(Code::InvalidArgument, text))
        }
    }
}

/// A body as a stream: one value is a stream of one.
fn many(body: Body) -> Result<PayloadStream, Status> {
    match body {
        Body::Stream(values) => Ok(values),
        Body::Unary(payload) => {
            Ok(PayloadStream::new(payload.encoding, stream::iter([Ok(payload)])))
        }
        _ => Err(Status::new(Code::InvalidArgument, "the arguments are missing")),
    }
}

fn encoded<R: Message>(value: &R, to: Encoding) -> Result<Body, Status> {
    value.encode(to).map(Body::Unary).map_err(|error| error.into_reply_status())
}
