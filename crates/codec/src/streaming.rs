//! Typed streams over encoded ones.

use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use polywire_core::{
    AppendStream, Appended, Body, Encoding, Metadata, Payload, PayloadStream, Reencode, Response,
    Status, Trailers,
};

use crate::{CodecError, Message};

/// Values that a peer sends one after another, decoded as they are taken.
///
/// `None` is the orderly end; an `Err` is the last item. Dropping it before the end cancels what
/// is still on its way.
pub struct Streaming<T> {
    source: Source<T>,
    trailers: Option<Trailers>,
}

enum Source<T> {
    /// Off a wire; the function says whose fault bytes are that cannot be decoded.
    Encoded(PayloadStream, fn(CodecError) -> Status),
    Values(Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>),
    Ended,
}

impl<T: Message> Streaming<T> {
    /// Values from within the process that cannot fail to come.
    pub fn from_values(values: impl Stream<Item = T> + Send + 'static) -> Self {
        Self::from_stream(Values(Box::pin(values)))
    }

    /// The values that a caller sends.
    #[must_use]
    pub const fn arguments(stream: PayloadStream) -> Self {
        let source = Source::Encoded(stream, CodecError::into_argument_status);
        Self { source, trailers: None }
    }

    /// The values that a callee sends, and what follows them.
    #[must_use]
    pub const fn replies(stream: PayloadStream, trailers: Option<Trailers>) -> Self {
        Self { source: Source::Encoded(stream, CodecError::into_reply_status), trailers }
    }

    /// Values from within the process, such as in a test that calls a handler itself.
    pub fn from_stream(stream: impl Stream<Item = Result<T, Status>> + Send + 'static) -> Self {
        Self { source: Source::Values(Box::pin(stream)), trailers: None }
    }

    /// The next value; `None` at the end.
    ///
    /// **Cancel safe**: no value is lost.
    ///
    /// # Errors
    /// What ended the stream before its time; after it comes `None`.
    pub fn message(&mut self) -> impl Future<Output = Result<Option<T>, Status>> {
        std::future::poll_fn(|cx| self.poll_message(cx))
    }

    #[inline]
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<T>, Status>> {
        // A value goes back at once: each place it is kept in on the way is a copy of it.
        let end = match &mut self.source {
            Source::Encoded(stream, blame) if T::DECODES_LENT => {
                match ready!(stream.poll_lend(cx)) {
                    Some(Ok(value)) => match T::decode_lent(value) {
                        Ok(value) => return Poll::Ready(Ok(Some(value))),
                        Err(error) => Err(blame(error)),
                    },
                    Some(Err(status)) => Err(status),
                    None => Ok(()),
                }
            }
            Source::Encoded(stream, blame) => match ready!(Pin::new(stream).poll_next(cx)) {
                Some(Ok(payload)) => match T::decode(&payload) {
                    Ok(value) => return Poll::Ready(Ok(Some(value))),
                    Err(error) => Err(blame(error)),
                },
                Some(Err(status)) => Err(status),
                None => Ok(()),
            },
            Source::Values(stream) => match ready!(stream.as_mut().poll_next(cx)) {
                Some(Ok(value)) => return Poll::Ready(Ok(Some(value))),
                Some(Err(status)) => Err(status),
                None => Ok(()),
            },
            Source::Ended => Ok(()),
        };
        self.source = Source::Ended;
        Poll::Ready(end.map(|()| None))
    }
}

impl<T> Streaming<T> {
    /// Metadata that follows the last value; whole once the stream has ended.
    #[must_use]
    pub fn trailers(&self) -> Metadata {
        self.trailers.as_ref().map(Trailers::snapshot).unwrap_or_default()
    }
}

impl<T: Message> Stream for Streaming<T> {
    type Item = Result<T, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_message(cx).map(Result::transpose)
    }
}

// Nothing in it is pinned in place: both kinds of stream are boxed.
impl<T> Unpin for Streaming<T> {}

impl<T> fmt::Debug for Streaming<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Streaming")
    }
}

struct Values<S>(Pin<Box<S>>);

impl<S: Stream> Stream for Values<S> {
    type Item = Result<S::Item, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx).map(|item| item.map(Ok))
    }
}

/// What a caller sends: one value, or a stream of them.
pub trait IntoBody: Send + 'static {
    /// Encodes it; the values of a stream as they are taken.
    ///
    /// # Errors
    /// As [`Message::encode`].
    fn into_body(self, to: Encoding) -> Result<Body, CodecError>;

    /// As [`into_body`](Self::into_body), and keeps the value for peers that take another encoding.
    /// Streams need nothing kept: their values are encoded as they are taken.
    ///
    /// # Errors
    /// As [`Message::encode`].
    fn into_kept_body(self, to: Encoding) -> Result<(Body, Option<Reencode>), CodecError>
    where
        Self: Sized,
    {
        self.into_body(to).map(|body| (body, None))
    }
}

impl<T: Message> IntoBody for T {
    fn into_body(self, to: Encoding) -> Result<Body, CodecError> {
        self.encode(to).map(Body::Unary)
    }

    fn into_kept_body(self, to: Encoding) -> Result<(Body, Option<Reencode>), CodecError> {
        let payload = self.encode(to)?;
        // Values need not be `Sync`; nobody waits here unless two nodes are tried at once.
        let value = Mutex::new(self);
        let again = Reencode::new(move |to| {
            let value = value.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(value.encode(to)?)
        });
        Ok((Body::Unary(payload), Some(again)))
    }
}

impl<T: Message> IntoBody for Streaming<T> {
    fn into_body(self, to: Encoding) -> Result<Body, CodecError> {
        Ok(Body::Stream(encode_stream(self, to)))
    }
}

/// What a caller gets back: one value, or a stream of them.
pub trait FromResponse: Sized + Send + 'static {
    /// Decodes it; the values of a stream as they are taken.
    ///
    /// # Errors
    /// As [`Message::decode`], and when there is no value where one was expected.
    fn from_response(response: Response) -> Result<Self, CodecError>;
}

impl<T: Message> FromResponse for T {
    fn from_response(response: Response) -> Result<Self, CodecError> {
        match &response.body {
            Body::Unary(payload) => T::decode(payload),
            Body::Stream(_) => Err(CodecError::Stream),
            _ => Err(CodecError::Empty),
        }
    }
}

impl<T: Message> FromResponse for Streaming<T> {
    fn from_response(response: Response) -> Result<Self, CodecError> {
        match response.body {
            Body::Stream(values) => Ok(Self::replies(values, response.trailers)),
            Body::Unary(payload) => {
                let once = Once(Some(Ok(payload.clone())));
                let values = PayloadStream::new(payload.encoding, once);
                Ok(Self::replies(values, response.trailers))
            }
            _ => Ok(Self { source: Source::Ended, trailers: response.trailers }),
        }
    }
}

struct Once<T>(Option<T>);

impl<T: Unpin> Stream for Once<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.take())
    }
}

/// Encodes the values of a stream as they are taken; one that cannot be encoded ends it.
pub fn encode_stream<T: Message>(
    stream: impl Stream<Item = Result<T, Status>> + Send + 'static,
    to: Encoding,
) -> PayloadStream {
    PayloadStream::appending(to, Encoded { inner: Some(Box::pin(stream)), to })
}

struct Encoded<S> {
    /// Gone once an error has ended it.
    inner: Option<Pin<Box<S>>>,
    to: Encoding,
}

impl<S> Encoded<S> {
    /// The next value as `encode` makes it; the stream is gone after an error and at the end.
    #[inline]
    fn poll_encoded<T, R>(
        &mut self,
        cx: &mut Context<'_>,
        encode: impl FnOnce(T, Encoding) -> Result<R, CodecError>,
    ) -> Poll<Option<Result<R, Status>>>
    where
        S: Stream<Item = Result<T, Status>>,
    {
        let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
        let next = match ready!(inner.as_mut().poll_next(cx)) {
            Some(Ok(value)) => Some(encode(value, self.to).map_err(CodecError::into_reply_status)),
            Some(Err(status)) => Some(Err(status)),
            None => None,
        };
        if !matches!(next, Some(Ok(_))) {
            self.inner = None;
        }
        Poll::Ready(next)
    }
}

impl<T: Message, S: Stream<Item = Result<T, Status>>> Stream for Encoded<S> {
    type Item = Result<Payload, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_encoded(cx, |value: T, to| value.encode(to))
    }
}

impl<T: Message, S: Stream<Item = Result<T, Status>>> AppendStream for Encoded<S> {
    #[inline]
    fn poll_append(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut Vec<u8>,
    ) -> Poll<Option<Result<Appended, Status>>> {
        let start = out.len();
        self.get_mut().poll_encoded(cx, |value: T, to| {
            // Half a value must not stay.
            value.append(to, out).inspect_err(|_| out.truncate(start))
        })
    }

    fn reencode(self: Pin<&mut Self>, to: Encoding) -> bool {
        self.get_mut().to = to;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use polywire_core::{Code, EncodedRun, Payload, RunBudget, RunEnd};

    use super::*;

    struct Items<T>(Vec<Result<T, Status>>);

    impl<T: Unpin> Stream for Items<T> {
        type Item = Result<T, Status>;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            let items = &mut self.0;
            Poll::Ready((!items.is_empty()).then(|| items.remove(0)))
        }
    }

    fn poll<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
        match Pin::new(stream).poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(item) => item,
            Poll::Pending => panic!("the stream waits"),
        }
    }

    #[test]
    fn an_undecodable_value_is_the_senders_fault_and_the_last() {
        let good = 7_i64.encode(Encoding::Json).unwrap();
        let bad = Payload::new(Encoding::Json, "seven".into());
        let items = vec![Ok(good.clone()), Ok(bad), Ok(good)];
        for (stream, code) in [
            (Streaming::arguments as fn(PayloadStream) -> Streaming<i64>, Code::InvalidArgument),
            (|stream| Streaming::replies(stream, None), Code::Internal),
        ] {
            let mut stream = stream(PayloadStream::new(Encoding::Json, Items(items.clone())));
            assert_eq!(poll(&mut stream).unwrap().unwrap(), 7);
            assert_eq!(poll(&mut stream).unwrap().unwrap_err().code(), code);
            assert!(poll(&mut stream).is_none());
        }
    }

    #[test]
    fn values_are_encoded_as_they_are_taken_and_an_error_is_the_last() {
        let numbers = Streaming::from_stream(Streaming::<f64>::replies(
            PayloadStream::new(
                Encoding::Json,
                Items(vec![
                    Ok(1.5_f64.encode(Encoding::Json).unwrap()),
                    Ok(2.5_f64.encode(Encoding::Json).unwrap()),
                    Err(Status::new(Code::Aborted, "enough")),
                ]),
            ),
            None,
        ));
        let mut encoded = encode_stream(numbers, Encoding::GoJson);
        assert_eq!(encoded.encoding(), Encoding::GoJson);
        assert_eq!(&*poll(&mut encoded).unwrap().unwrap().bytes, b"1.5");
        assert_eq!(&*poll(&mut encoded).unwrap().unwrap().bytes, b"2.5");
        assert_eq!(poll(&mut encoded).unwrap().unwrap_err().code(), Code::Aborted);
        assert!(poll(&mut encoded).is_none());
    }

    #[test]
    fn an_argument_that_is_kept_can_be_had_in_every_encoding_again() {
        let (body, again) = 7_i64.into_kept_body(Encoding::Gob).unwrap();
        let Body::Unary(payload) = body else { panic!("no value") };
        assert_eq!(payload.encoding, Encoding::Gob);
        let again = again.unwrap();
        assert_eq!(again.to(Encoding::Json).unwrap().bytes, "7");
        assert_eq!(again.to(Encoding::ProtoJson).unwrap().bytes, "\"7\"");
        let (_, again) = f64::NAN.into_kept_body(Encoding::Gob).unwrap();
        assert!(again.unwrap().to(Encoding::GoJson).is_err());
    }

    #[test]
    fn values_of_a_stream_can_be_had_in_another_encoding_before_they_are_taken() {
        let values = encode_stream(Items(vec![Ok(7_i64)]), Encoding::Gob);
        let mut taken = values.take_as(Encoding::Json).unwrap();
        assert!(values.is_taken());
        assert_eq!(taken.encoding(), Encoding::Json);
        assert_eq!(poll(&mut taken).unwrap().unwrap().bytes, "7");
        let payloads = PayloadStream::new(Encoding::Gob, Items(Vec::new()));
        assert!(payloads.take_as(Encoding::Json).is_none());
        assert!(!payloads.is_taken());
    }

    #[test]
    fn values_that_nobody_used_are_given_back_whole_or_not_at_all() {
        let values = encode_stream(Items(vec![Ok(7_i64), Ok(8)]), Encoding::Gob);
        let unused = values.take_as(Encoding::Json).unwrap();
        assert!(values.give_back(unused));
        let mut taken = values.take().unwrap();
        assert_eq!(taken.encoding(), Encoding::Gob);
        let first = poll(&mut taken).unwrap().unwrap();
        let seven = 7_i64.encode(Encoding::Gob).unwrap().bytes;
        assert_eq!(first.bytes, seven);

        // A value is missing, even if the rest is handed on.
        assert!(!values.give_back(taken.take_as(Encoding::Json).unwrap()));
        assert!(values.is_taken());

        let values = encode_stream(Items(vec![Ok(7_i64)]), Encoding::Gob);
        let unused = values.take_as(Encoding::Json).unwrap();
        assert!(unused.take().is_some());
        assert!(!values.give_back(unused), "somebody else has them");
        let whole = encode_stream(Items(vec![Ok(7_i64)]), Encoding::Gob);
        assert!(!whole.give_back(encode_stream(Items(vec![Ok(8_i64)]), Encoding::Gob)));
        assert_eq!(poll(&mut whole.take().unwrap()).unwrap().unwrap().bytes, seven);
    }

    #[test]
    fn values_come_in_runs_as_they_come_one_by_one() {
        let budget = RunBudget { values: 2, bytes: 1000, per_value: 1, large: 1000 };
        let three = || Items(vec![Ok(1_i64), Ok(2), Ok(3)]);
        let encoded = || {
            Items(
                vec![1_i64, 2, 3]
                    .into_iter()
                    .map(|n| Ok(n.encode(Encoding::Gob).unwrap()))
                    .collect(),
            )
        };
        let alone: Vec<_> = [1_i64, 2, 3].map(|n| n.encode(Encoding::Gob).unwrap().bytes).to_vec();
        for mut stream in
            [encode_stream(three(), Encoding::Gob), PayloadStream::new(Encoding::Gob, encoded())]
        {
            let mut run = EncodedRun::new(Encoding::Gob);
            let mut cx = Context::from_waker(Waker::noop());
            assert!(matches!(stream.poll_append_run(&mut cx, &mut run, budget), RunEnd::Budget));
            assert_eq!(run.len(), 2);
            let end = stream.poll_append_run(&mut cx, &mut run, budget);
            assert!(matches!(end, RunEnd::Ended(Ok(()))), "{end:?}");
            let came: Vec<_> = run.values().map(|value| value.bytes.to_vec()).collect();
            assert_eq!(came, alone);
            assert!(run.contexts().all(|context| context.is_some()));
        }
    }

    #[test]
    fn values_are_appended_as_they_are_encoded_and_half_a_value_is_not() {
        let values = || Items(vec![Ok(1.5), Ok(2.5), Ok(f64::NAN), Ok(3.5)]);
        let to = Encoding::GoJson;
        let payloads = PayloadStream::new(to, encode_stream(values(), to));
        for mut stream in [encode_stream(values(), to), payloads] {
            let mut cx = Context::from_waker(Waker::noop());
            let mut out = b"[".to_vec();
            for expected in ["[1.5", "[1.52.5"] {
                let Poll::Ready(Some(Ok(None))) = stream.poll_append(&mut cx, &mut out) else {
                    panic!("no value, or one that needs more than its bytes");
                };
                assert_eq!(out, expected.as_bytes());
            }
            let Poll::Ready(Some(Err(status))) = stream.poll_append(&mut cx, &mut out) else {
                panic!("Go's JSON has no NaN");
            };
            assert_eq!(status.code(), Code::Internal);
            assert_eq!(out, b"[1.52.5");
            assert!(matches!(stream.poll_append(&mut cx, &mut out), Poll::Ready(None)));
        }
    }

    #[test]
    fn a_payload_in_another_encoding_than_its_stream_is_not_appended() {
        let items = Items(vec![Ok(7_i64.encode(Encoding::Json).unwrap())]);
        let mut stream = PayloadStream::new(Encoding::Gob, items);
        let mut out = Vec::new();
        let Poll::Ready(Some(Err(status))) =
            stream.poll_append(&mut Context::from_waker(Waker::noop()), &mut out)
        else {
            panic!("JSON is no gob");
        };
        assert_eq!(status.message(), "a value in json in a stream of gob");
        assert!(out.is_empty());
    }
}
