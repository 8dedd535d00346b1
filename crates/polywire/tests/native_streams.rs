//! The four kinds of methods between two ends of a connection that speak polywire's own wire.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{StreamExt as _, future, stream};
use polywire::prelude::*;
use polywire::{ClientError, Running};
use tokio::sync::Notify;

#[polywire::service]
trait Numbers {
    /// One there, one back.
    async fn echo(&self, n: u64) -> Result<u64, Status>;

    /// Counts up to `n`, and notes how far it came.
    fn count(&self, n: u64) -> impl Stream<Item = Result<u64, Status>> + Send + use<Self>;

    /// Counts to `n`, then fails; refuses 0 at once.
    async fn fail_after(&self, cx: &Context, n: u64) -> Result<BoxStream<u64>, Status>;

    /// A number, then nothing, for ever.
    fn hang(&self, n: u64) -> impl Stream<Item = Result<u64, Status>> + Send + use<Self>;

    /// Adds; answers at once when it has a zero.
    async fn sum(&self, numbers: Streaming<u64>) -> Result<u64, Status>;

    /// Doubles each.
    async fn double(&self, numbers: Streaming<u64>) -> Result<BoxStream<u64>, Status>;

    /// Reads nothing and answers with nothing, until the end of days.
    async fn ignore(&self, numbers: Streaming<u64>) -> Result<BoxStream<u64>, Status>;
}

/// What a service under test lets its test see.
#[derive(Clone, Default)]
struct Seen {
    counted: Arc<AtomicU64>,
    alive: Arc<AtomicUsize>,
    gone: Arc<Notify>,
}

struct Alive(Seen);

impl Seen {
    fn alive(&self) -> Alive {
        self.alive.fetch_add(1, Ordering::SeqCst);
        Alive(self.clone())
    }

    /// Waits until nothing of the service is running any more.
    async fn nothing_runs(&self) {
        while self.alive.load(Ordering::SeqCst) > 0 {
            self.gone.notified().await;
        }
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, Ordering::SeqCst);
        self.0.gone.notify_one();
    }
}

impl Numbers for Seen {
    async fn echo(&self, n: u64) -> Result<u64, Status> {
        Ok(n)
    }

    fn count(&self, n: u64) -> impl Stream<Item = Result<u64, Status>> + Send + use<> {
        let alive = self.alive();
        stream::iter(1..=n).map(move |n| {
            alive.0.counted.store(n, Ordering::SeqCst);
            Ok(n)
        })
    }

    async fn fail_after(&self, cx: &Context, n: u64) -> Result<BoxStream<u64>, Status> {
        if n == 0 {
            return Err(Status::new(Code::OutOfRange, "not even one"));
        }
        cx.reply_metadata("first", "yes");
        let trailers = cx.trailers();
        let failure = stream::once(async move {
            trailers.append("after", n.to_string());
            Err(Status::new(Code::DataLoss, "no more"))
        });
        Ok(Box::pin(stream::iter((1..=n).map(Ok)).chain(failure)))
    }

    fn hang(&self, n: u64) -> impl Stream<Item = Result<u64, Status>> + Send + use<> {
        let alive = self.alive();
        stream::iter([Ok(n)]).chain(stream::pending()).map(move |n| {
            let _alive = &alive;
            n
        })
    }

    async fn sum(&self, mut numbers: Streaming<u64>) -> Result<u64, Status> {
        let _alive = self.alive();
        let mut sum = 0;
        while let Some(n) = numbers.message().await? {
            if n == 0 {
                break;
            }
            sum += n;
        }
        Ok(sum)
    }

    async fn double(&self, numbers: Streaming<u64>) -> Result<BoxStream<u64>, Status> {
        let alive = self.alive();
        Ok(Box::pin(numbers.map(move |n| {
            let _alive = &alive;
            n.map(|n| n * 2)
        })))
    }

    async fn ignore(&self, numbers: Streaming<u64>) -> Result<BoxStream<u64>, Status> {
        let alive = self.alive();
        Ok(Box::pin(stream::pending().map(move |n| {
            let _both = (&alive, &numbers);
            n
        })))
    }
}

/// A service at an address of its own within the process, and a client of it.
async fn pair(name: &str) -> (Running, NumbersClient, Seen) {
    let seen = Seen::default();
    let address = format!("memory:native streams {name}");
    let app = App::new("numbers").serve(NumbersServer::new(seen.clone())).listen(&*address);
    let running = app.private().start().await.unwrap();
    let client = NumbersClient::connect(&address).await.unwrap();
    (running, client, seen)
}

async fn all(stream: Streaming<u64>) -> Vec<u64> {
    stream.map(Result::unwrap).collect().await
}

#[tokio::test]
async fn each_kind_is_the_first_call_of_a_connection() {
    let (_running, client, _) = pair("first, server").await;
    assert_eq!(all(client.count(3).await.unwrap()).await, [1, 2, 3]);
    let (_running, client, _) = pair("first, client").await;
    assert_eq!(client.sum(stream::iter([1, 2, 3])).await.unwrap(), 6);
    assert_eq!(client.sum(stream::empty()).await.unwrap(), 0);
    let (_running, client, _) = pair("first, both").await;
    assert_eq!(all(client.double(stream::iter([1, 2])).await.unwrap()).await, [2, 4]);
}

#[tokio::test]
async fn ten_thousand_values_cross_in_order_in_each_direction() {
    let (_running, client, _) = pair("10000").await;
    let n = 10_000;
    assert!(all(client.count(n).await.unwrap()).await.into_iter().eq(1..=n));
    assert_eq!(client.sum(stream::iter(1..=n)).await.unwrap(), n * (n + 1) / 2);
    let doubled = all(client.double(stream::iter(1..=n)).await.unwrap()).await;
    assert!(doubled.into_iter().eq((1..=n).map(|n| n * 2)));
}

/// Lets everything that can go on without this test go on.
async fn settle(client: &NumbersClient) {
    for n in 0..50 {
        assert_eq!(client.echo(n).await.unwrap(), n);
    }
}

/// How many values fit into a window of 64 KiB, of which each takes 32 bytes and its own.
const WINDOWFUL: u64 = 64 * 1024 / 33;
/// The same of the replies that a client takes.
const WINDOWFUL_OF_REPLIES: u64 = 1024 * 1024 / 33;

#[tokio::test]
async fn a_slow_reader_holds_its_writer_back_and_nobody_else() {
    let (_running, client, seen) = pair("slow reader").await;
    let mut numbers = client.count(1_000_000).await.unwrap();
    assert_eq!(numbers.message().await.unwrap(), Some(1));
    settle(&client).await;
    let counted = seen.counted.load(Ordering::SeqCst);
    assert!(counted <= WINDOWFUL_OF_REPLIES, "{counted} values are under way");
    for n in 2..=100_000 {
        assert_eq!(numbers.message().await.unwrap(), Some(n));
    }
    settle(&client).await;
    let counted = seen.counted.load(Ordering::SeqCst);
    assert!(counted <= 100_000 + WINDOWFUL_OF_REPLIES, "{counted} values are under way");
}

#[tokio::test]
async fn a_handler_that_reads_nothing_holds_its_caller_back() {
    let (_running, client, seen) = pair("slow handler").await;
    let caller = Seen::default();
    let alive = caller.alive();
    let numbers = stream::iter(1..).map(move |n| {
        alive.0.counted.store(n, Ordering::SeqCst);
        n
    });
    let replies = client.ignore(Box::pin(numbers)).await.unwrap();
    settle(&client).await;
    let sent = caller.counted.load(Ordering::SeqCst);
    assert!(sent > 0 && sent <= WINDOWFUL, "{sent} values are under way");
    drop(replies);
    caller.nothing_runs().await;
    seen.nothing_runs().await;
}

#[tokio::test]
async fn one_side_ends_and_the_other_goes_on() {
    let (_running, client, _) = pair("half-close").await;
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let numbers = stream::unfold(receiver, async |mut receiver| {
        receiver.recv().await.map(|n: u64| (n, receiver))
    });
    let mut doubled = client.double(Box::pin(numbers)).await.unwrap();
    for n in [1, 2] {
        sender.send(n).await.unwrap();
        assert_eq!(doubled.message().await.unwrap(), Some(n * 2));
    }
    sender.send(3).await.unwrap();
    drop(sender);
    assert_eq!(doubled.message().await.unwrap(), Some(6));
    assert_eq!(doubled.message().await.unwrap(), None);
}

#[tokio::test]
async fn a_caller_that_goes_away_takes_what_runs_along() {
    let (_running, client, seen) = pair("caller cancels").await;
    let mut hanging = client.hang(7).await.unwrap();
    assert_eq!(hanging.message().await.unwrap(), Some(7));
    drop(hanging);
    seen.nothing_runs().await;

    let doubled = client.double(stream::pending()).await.unwrap();
    drop(doubled);
    seen.nothing_runs().await;

    let caller = Seen::default();
    let alive = caller.alive();
    let never = stream::pending().map(move |n: u64| {
        let _alive = &alive;
        n
    });
    tokio::select! {
        sum = client.sum(Box::pin(never)) => panic!("{sum:?}"),
        () = settle(&client) => {}
    }
    caller.nothing_runs().await;
    seen.nothing_runs().await;
    settle(&client).await;
}

#[tokio::test]
async fn a_handler_that_has_its_answer_takes_its_callers_stream_along() {
    let (_running, client, _) = pair("handler is done").await;
    let caller = Seen::default();
    let alive = caller.alive();
    let numbers = stream::iter([1, 2, 0]).chain(stream::pending()).map(move |n| {
        let _alive = &alive;
        n
    });
    assert_eq!(client.sum(Box::pin(numbers)).await.unwrap(), 3);
    caller.nothing_runs().await;
}

#[tokio::test]
async fn an_error_follows_the_values_before_it_and_trailers_follow_both() {
    let (_running, client, _) = pair("error").await;
    let status = client.fail_after(0).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::OutOfRange, "not even one"));
    let mut numbers = client.fail_after(3).await.unwrap();
    for n in 1..=3 {
        assert_eq!(numbers.message().await.unwrap(), Some(n));
    }
    let status = numbers.message().await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::DataLoss, "no more"));
    assert_eq!(status.metadata().get("after"), Some("3"));
    assert_eq!(numbers.message().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_a_stream_on_both_sides() {
    let (_running, client, seen) = pair("deadline").await;
    let mut hanging = client.hang(7).timeout(Duration::from_secs(5)).await.unwrap();
    assert_eq!(hanging.message().await.unwrap(), Some(7));
    let status = hanging.message().await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(hanging.message().await.unwrap(), None);
    seen.nothing_runs().await;
    let sum = client.sum(stream::pending()).timeout(Duration::from_secs(5)).await;
    assert_eq!(sum.unwrap_err().code(), Code::DeadlineExceeded);
    seen.nothing_runs().await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_cut_ends_every_stream() {
    let seen = Seen::default();
    let address = "memory:native streams cut";
    let app = App::new("numbers").serve(NumbersServer::new(seen.clone())).listen(address);
    let running = app.private().grace(Duration::from_secs(3)).start().await.unwrap();
    let client = NumbersClient::connect(address).await.unwrap();
    let mut hanging = client.hang(7).await.unwrap();
    assert_eq!(hanging.message().await.unwrap(), Some(7));
    let sum = client.sum(stream::pending());
    // The server waits for its streams as long as it may, and not longer.
    let (sum, ()) = tokio::join!(sum, async {
        settle(&client).await;
        running.shutdown().await;
    });
    for status in [hanging.message().await.unwrap_err(), sum.unwrap_err()] {
        assert_eq!(status.code(), Code::Unavailable);
        assert!(matches!(status.cause(), Some(ClientError::UnexpectedEof)), "{status:?}");
    }
    seen.nothing_runs().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_drains_waits_for_streams_under_way() {
    let (running, client, _) = pair("drain").await;
    let mut numbers = client.count(20_000).await.unwrap();
    assert_eq!(numbers.message().await.unwrap(), Some(1));
    let (rest, ()) = tokio::join!(all(numbers), running.shutdown());
    assert!(rest.into_iter().eq(2..=20_000));
}

#[tokio::test]
async fn a_hundred_streams_of_each_kind_go_on_beside_plain_calls() {
    let (_running, client, _) = pair("hundred").await;
    let client = &client;
    let streams = future::join_all((1..=100).map(async |n| {
        let (count, sum, double) = tokio::join!(
            async { all(client.count(n * 10).await.unwrap()).await },
            async { client.sum(stream::iter(1..=n * 10)).await.unwrap() },
            async { all(client.double(stream::iter(1..=n * 10)).await.unwrap()).await },
        );
        assert!(count.into_iter().eq(1..=n * 10));
        assert_eq!(sum, n * 10 * (n * 10 + 1) / 2);
        assert!(double.into_iter().eq((1..=n * 10).map(|n| n * 2)));
    }));
    tokio::join!(streams, settle(client), settle(client));
}

#[tokio::test]
async fn a_stream_outlives_the_client_it_came_from() {
    let (_running, client, _) = pair("outlives").await;
    let numbers = client.count(20_000).await.unwrap();
    drop(client);
    assert!(all(numbers).await.into_iter().eq(1..=20_000));
}
