//! The messages of a request's body.

use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use polywire_codec::compression::{Compression, DecompressError};
use polywire_core::{Code, Encoding, MessageCompression, Payload, Status};
use polywire_wire::grpc::{COMPRESSED, Envelope, Envelopes, web::TextDecoder};
use tokio::time::{Sleep, sleep, timeout};

use super::RequestBody;

/// How the messages of a body are to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub(super) codec: Encoding,
    pub(super) compression: Compression,
    /// Bytes of one message, as it comes and decompressed.
    pub(super) max_message_bytes: usize,
    /// How long a body that is one message may pause.
    pub(super) body_stall: Duration,
}

/// Bounds the pauses of a body.
#[derive(Debug)]
struct Pauses {
    stall: Duration,
    /// Runs while nothing comes.
    pause: Option<Pin<Box<Sleep>>>,
}

impl Pauses {
    const fn new(stall: Duration) -> Self {
        Self { stall, pause: None }
    }

    /// Passes on what was polled; an error if that has been pending for too long.
    fn poll<T>(&mut self, cx: &mut Context<'_>, next: Poll<T>) -> Poll<Result<T, Status>> {
        if let Poll::Ready(next) = next {
            self.pause = None;
            return Poll::Ready(Ok(next));
        }
        let stall = self.stall;
        ready!(self.pause.get_or_insert_with(|| Box::pin(sleep(stall))).as_mut().poll(cx));
        let text = format!("nothing more of the argument has come for {stall:?} (body_stall)");
        Poll::Ready(Err(Status::new(Code::DeadlineExceeded, text)))
    }
}

/// The messages of a body in which each has a prefix.
#[derive(Debug)]
pub(super) struct Incoming<B> {
    body: B,
    envelopes: Envelopes,
    reading: Reading,
    /// Takes base64 off, where the body is that.
    text: Option<TextDecoder>,
    ended: bool,
    /// Told of each message whether it came compressed.
    watched: Option<MessageCompression>,
    /// Streams may pause as long as they like.
    pauses: Option<Pauses>,
}

impl<B: RequestBody> Incoming<B> {
    pub(super) fn new(body: B, reading: Reading, text: bool) -> Self {
        Self {
            body,
            envelopes: Envelopes::new(reading.max_message_bytes),
            reading,
            text: text.then(TextDecoder::default),
            ended: false,
            watched: None,
            pauses: None,
        }
    }

    /// What tells from now on which messages came compressed.
    pub(super) fn watched(&mut self) -> MessageCompression {
        self.watched.get_or_insert_default().clone()
    }

    /// The only message; another one, or none, is an error.
    pub(super) async fn only(mut self) -> Result<Payload, Status> {
        self.pauses = Some(Pauses::new(self.reading.body_stall));
        let mut next = async || poll_fn(|cx| Pin::new(&mut self).poll_next(cx)).await.transpose();
        let first = next().await?;
        let Some(first) = first else {
            return Err(no_message());
        };
        match next().await? {
            None => Ok(first),
            Some(_) => {
                let text = "the method takes one message, and more were sent";
                Err(Status::new(Code::Unimplemented, text))
            }
        }
    }

    /// The first message, whatever follows: callers of go-micro's do not say that nothing does.
    pub(super) async fn first(mut self) -> Result<Payload, Status> {
        self.pauses = Some(Pauses::new(self.reading.body_stall));
        let first = poll_fn(|cx| Pin::new(&mut self).poll_next(cx)).await.transpose()?;
        first.ok_or_else(no_message)
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Payload>, Status>> {
        loop {
            if let Some(envelope) = self.envelopes.next()? {
                if let Some(watched) = &self.watched {
                    watched.received(envelope.flags & COMPRESSED != 0);
                }
                return Poll::Ready(self.reading.payload(envelope).map(Some));
            }
            if self.ended {
                self.envelopes.finish()?;
                return Poll::Ready(Ok(None));
            }
            let frame = Pin::new(&mut self.body).poll_frame(cx);
            let frame = match &mut self.pauses {
                Some(pauses) => ready!(pauses.poll(cx, frame))?,
                None => ready!(frame),
            };
            match frame {
                Some(Ok(frame)) => {
                    if let Ok(chunk) = frame.into_data() {
                        let chunk = match &mut self.text {
                            Some(text) => text.push(&chunk)?,
                            None => chunk,
                        };
                        self.envelopes.push(chunk);
                    }
                }
                Some(Err(error)) => return Poll::Ready(Err(broken(error))),
                None => {
                    self.ended = true;
                    if let Some(text) = &mut self.text {
                        let rest = text.finish()?;
                        self.envelopes.push(rest);
                    }
                }
            }
        }
    }
}

impl<B: RequestBody> Stream for Incoming<B> {
    type Item = Result<Payload, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_message(cx).map(Result::transpose)
    }
}

impl Reading {
    fn payload(self, envelope: Envelope) -> Result<Payload, Status> {
        let Envelope { flags, bytes } = envelope;
        let bytes = match flags {
            0 => bytes,
            COMPRESSED if self.compression == Compression::Identity => {
                let text = "a message is compressed, and the head does not say how";
                return Err(Status::new(Code::Internal, text));
            }
            COMPRESSED => self.decompress(&bytes)?,
            other => {
                let text = format!("message with unknown flags {other:#04x}");
                return Err(Status::new(Code::Internal, text));
            }
        };
        Ok(Payload::new(self.codec, bytes))
    }

    /// Undoes the compression of one message.
    fn decompress(self, bytes: &Bytes) -> Result<Bytes, Status> {
        self.compression.decompress(bytes, self.max_message_bytes).map_err(|error| {
            let (code, text) = match error {
                DecompressError::TooLarge { .. } => {
                    (Code::ResourceExhausted, format!("{error} (message_bytes)"))
                }
                _ => (Code::InvalidArgument, error.to_string()),
            };
            Status::new(code, text).with_source(error)
        })
    }

    /// The whole of a body that is one message without a prefix.
    pub(super) async fn whole<B: RequestBody>(self, mut body: B) -> Result<Payload, Status> {
        // HTTP/1 says beforehand how much is to come.
        let announced = body.size_hint().lower();
        self.check_size(usize::try_from(announced).unwrap_or(usize::MAX))?;
        let mut only = Bytes::new();
        let mut gathered = BytesMut::new();
        let mut total = 0_usize;
        let mut pauses = Pauses::new(self.body_stall);
        let mut next = async || {
            poll_fn(|cx| {
                let frame = Pin::new(&mut body).poll_frame(cx);
                pauses.poll(cx, frame)
            })
            .await
        };
        while let Some(frame) = next().await? {
            let Ok(chunk) = frame.map_err(broken)?.into_data() else {
                continue;
            };
            total = total.saturating_add(chunk.len());
            self.check_size(total)?;
            if only.is_empty() && gathered.is_empty() {
                only = chunk;
            } else {
                gathered.extend_from_slice(&std::mem::take(&mut only));
                gathered.extend_from_slice(&chunk);
            }
        }
        let bytes = if gathered.is_empty() { only } else { gathered.freeze() };
        self.message(bytes)
    }

    fn check_size(self, size: usize) -> Result<(), Status> {
        let max = self.max_message_bytes;
        if size <= max {
            return Ok(());
        }
        let text = format!("message is over the limit of {max} bytes (message_bytes)");
        Err(Status::new(Code::ResourceExhausted, text))
    }

    /// A message that came without a prefix.
    pub(super) fn message(self, bytes: Bytes) -> Result<Payload, Status> {
        self.check_size(bytes.len())?;
        let bytes = match self.compression {
            Compression::Identity => bytes,
            // What is empty was not compressed.
            _ if bytes.is_empty() => bytes,
            _ => self.decompress(&bytes)?,
        };
        Ok(Payload::new(self.codec, bytes))
    }
}

fn no_message() -> Status {
    Status::new(Code::Unimplemented, "the request has no message, of one")
}

/// Takes what is left of a request that nobody reads; no more than a little, and not for long.
pub(super) async fn take_rest<B: RequestBody>(mut body: B) {
    let mut taken = 0_usize;
    let rest = async {
        while taken < REST_BYTES {
            let frame = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
            let Some(Ok(frame)) = frame else { return };
            taken = taken.saturating_add(frame.data_ref().map_or(0, Bytes::len));
        }
    };
    // Whoever takes longer has its answer nevertheless.
    drop(timeout(REST_TIME, rest).await);
}

const REST_BYTES: usize = 64 * 1024;
const REST_TIME: Duration = Duration::from_secs(1);

/// The body ended before its time, or is none.
fn broken(error: impl Into<Box<dyn Error + Send + Sync>>) -> Status {
    let error = error.into();
    if is_malformed(&*error) {
        return Status::new(Code::InvalidArgument, format!("the request is malformed: {error}"));
    }
    Status::new(Code::Cancelled, format!("the request was broken off: {error}"))
}

/// Whether it is what hyper says of chunks that are none.
fn is_malformed(error: &(dyn Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    causes.any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| {
            matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData)
        })
    })
}

#[cfg(test)]
mod tests {
    use http_body::{Body, Frame};
    use polywire_wire::grpc::envelope;

    use super::*;

    /// Bytes one by one, with a pause before each.
    struct Slowly {
        bytes: Bytes,
        pause: Duration,
        sleep: Pin<Box<Sleep>>,
    }

    impl Slowly {
        fn new(bytes: &[u8], pause: Duration) -> Self {
            Self { bytes: Bytes::copy_from_slice(bytes), pause, sleep: Box::pin(sleep(pause)) }
        }
    }

    impl Body for Slowly {
        type Data = Bytes;
        type Error = io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
            if self.bytes.is_empty() {
                return Poll::Ready(None);
            }
            ready!(self.sleep.as_mut().poll(cx));
            self.sleep = Box::pin(sleep(self.pause));
            Poll::Ready(Some(Ok(Frame::data(self.bytes.split_to(1)))))
        }
    }

    const STALL: Duration = Duration::from_secs(30);

    fn reading() -> Reading {
        let (codec, compression) = (Encoding::Json, Compression::Identity);
        Reading { codec, compression, max_message_bytes: 100, body_stall: STALL }
    }

    fn message() -> Vec<u8> {
        [&envelope(0, b"argument").unwrap()[..], b"argument"].concat()
    }

    #[tokio::test(start_paused = true)]
    async fn an_argument_may_come_slowly() {
        let pause = STALL - Duration::from_secs(1);
        let whole = reading().whole(Slowly::new(b"argument", pause)).await.unwrap();
        assert_eq!(&whole.bytes[..], b"argument");
        let only = Incoming::new(Slowly::new(&message(), pause), reading(), false).only().await;
        assert_eq!(&only.unwrap().bytes[..], b"argument");
    }

    #[tokio::test(start_paused = true)]
    async fn an_argument_that_stops_on_the_way_is_given_up() {
        let pause = STALL + Duration::from_secs(1);
        let whole = reading().whole(Slowly::new(b"argument", pause)).await;
        let only = Incoming::new(Slowly::new(&message(), pause), reading(), false).only().await;
        for given_up in [whole, only] {
            let status = given_up.unwrap_err();
            assert_eq!(status.code(), Code::DeadlineExceeded);
            let text = "nothing more of the argument has come for 30s (body_stall)";
            assert_eq!(status.message(), text);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_may_pause() {
        let body = Slowly::new(&message(), STALL * 10);
        let mut incoming = Incoming::new(body, reading(), false);
        let first = poll_fn(|cx| Pin::new(&mut incoming).poll_next(cx)).await;
        assert_eq!(&first.unwrap().unwrap().bytes[..], b"argument");
    }
}
