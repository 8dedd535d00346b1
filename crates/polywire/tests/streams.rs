//! The four kinds of methods, from the macro to the handler, without a socket.

use futures_util::{StreamExt as _, stream};
use polywire::prelude::*;

#[polywire::service]
trait Numbers {
    /// Counts up to `n`.
    fn count(&self, n: u32) -> impl Stream<Item = Result<u32, Status>> + Send + use<Self>;

    /// Counts down from `n`, which may not be too much.
    async fn down(&self, cx: &Context, n: u32) -> Result<BoxStream<u32>, Status>;

    /// Adds.
    async fn sum(&self, numbers: Streaming<u32>) -> Result<u64, Status>;

    /// Doubles each.
    async fn double(&self, numbers: Streaming<u32>) -> Result<BoxStream<u32>, Status>;
}

struct Impl;

impl Numbers for Impl {
    fn count(&self, n: u32) -> impl Stream<Item = Result<u32, Status>> + Send + use<> {
        stream::iter((1..=n).map(Ok))
    }

    async fn down(&self, cx: &Context, n: u32) -> Result<BoxStream<u32>, Status> {
        if n > 100 {
            return Err(Status::new(Code::OutOfRange, "too much"));
        }
        let trailers = cx.trailers();
        let numbers = stream::iter((1..=n).rev()).map(move |n| {
            trailers.append("counted", n.to_string());
            Ok(n)
        });
        Ok(Box::pin(numbers))
    }

    async fn sum(&self, mut numbers: Streaming<u32>) -> Result<u64, Status> {
        let mut sum = 0;
        while let Some(n) = numbers.message().await? {
            sum += u64::from(n);
        }
        Ok(sum)
    }

    async fn double(&self, numbers: Streaming<u32>) -> Result<BoxStream<u32>, Status> {
        Ok(Box::pin(numbers.map(|n| n.map(|n| n * 2))))
    }
}

/// A type with methods, without a trait.
struct Clock;

#[polywire::service]
impl Clock {
    /// Ticks twice.
    pub(crate) fn ticks(&self) -> impl Stream<Item = Result<String, Status>> + Send + use<> {
        stream::iter([Ok("tick".to_owned()), Ok("tock".to_owned())])
    }
}

fn client() -> NumbersClient<Router> {
    NumbersClient::new(Router::new().add(NumbersServer::new(Impl)).expect("types that travel"))
}

async fn all<T: polywire::Message>(stream: Streaming<T>) -> Vec<T> {
    stream.map(Result::unwrap).collect().await
}

#[tokio::test]
async fn a_method_answers_with_a_stream() {
    assert_eq!(all(client().count(3).await.unwrap()).await, [1, 2, 3]);
    let clock = ClockClient::new(Router::new().add(ClockServer::new(Clock)).unwrap());
    assert_eq!(all(clock.ticks().await.unwrap()).await, ["tick", "tock"]);
}

#[tokio::test]
async fn a_method_that_refuses_answers_with_a_status_before_any_stream() {
    let status = client().down(101).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::OutOfRange, "too much"));
}

#[tokio::test]
async fn trailers_are_whole_when_the_stream_has_ended() {
    let mut numbers = client().down(2).await.unwrap();
    while numbers.message().await.unwrap().is_some() {}
    assert_eq!(numbers.trailers().get_all("counted").collect::<Vec<_>>(), ["2", "1"]);
}

#[tokio::test]
async fn a_method_takes_a_stream() {
    assert_eq!(client().sum(stream::iter([1, 2, 3])).await.unwrap(), 6);
    assert_eq!(client().sum(stream::empty()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_method_takes_and_gives_streams_at_the_same_time() {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let numbers = stream::unfold(receiver, async |mut receiver| {
        receiver.recv().await.map(|n: u32| (n, receiver))
    });
    let mut doubled = client().double(Box::pin(numbers)).await.unwrap();
    for n in [1, 2] {
        sender.send(n).await.unwrap();
        assert_eq!(doubled.message().await.unwrap(), Some(n * 2));
    }
    drop(sender);
    assert_eq!(doubled.message().await.unwrap(), None);
}

#[test]
fn descriptors_say_how_many_values_go_each_way() {
    use polywire::CallKind::{BidiStreaming, ClientStreaming, ServerStreaming};
    let server = NumbersServer::new(Impl);
    let kinds = polywire::ServiceDefinition::descriptor(&server).methods.iter().map(|m| m.kind);
    assert_eq!(
        kinds.collect::<Vec<_>>(),
        [ServerStreaming, ServerStreaming, ClientStreaming, BidiStreaming]
    );
}
