//! Streams of arguments that go to one node after another.

use polywire_codec::encode_stream;
use polywire_core::CallKind;
use tokio::task::JoinSet;
use tokio::time;

use super::*;
use crate::{Balancer, Candidate};

/// A stream of the numbers below `count`, in gob.
fn numbers(count: i64) -> Request {
    let values = encode_stream(futures_util::stream::iter((0..count).map(Ok)), Encoding::Gob);
    let mut request = request(0);
    request.hints.kind = CallKind::ClientStreaming;
    request.body = Body::Stream(values);
    request
}

#[tokio::test(start_paused = true)]
async fn a_stream_refused_unsent_in_one_encoding_goes_whole_to_a_node_of_another() {
    passed_on("micro://m:1/greeter", request(0)).await;
    passed_on("connect://m:1?http=1.1", numbers(1)).await;
}

/// A stream that cannot be sent to the first node, whose one connection another call has.
async fn passed_on(first: &str, mut other: Request) {
    let net = Net::new([("m:1", Mood::Mute), ("b:1", Mood::Echo)]);
    let channel = net.channel("b:1", options());
    other.extensions.insert(CallOptions::new().addresses([first]));
    let (busy, mut waits) = (channel.clone(), JoinSet::new());
    waits.spawn(async move { ask(&busy, other).await });
    time::sleep(Duration::from_millis(1)).await;
    net.set("m:1", Mood::Gone);
    let addresses = [first, "netrpc://b:1"].map(str::to_owned);
    let in_order = Balancer::custom(|_: &[Candidate]| Some(0));
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let notes = Arc::clone(&seen);
    let calls = CallOptions::new().addresses(addresses).balancer(in_order).wrap(
        move |attempt: Attempt<'_>| {
            notes.lock().unwrap().push(attempt.instance().address.to_string());
            attempt.proceed()
        },
    );
    let mut request = numbers(5);
    request.extensions.insert(calls);
    assert_eq!(ask(&channel, request).await.unwrap(), 10);
    assert_eq!(*seen.lock().unwrap(), [first, "netrpc://b:1"]);
    assert_eq!((net.dials(), net.calls()), (3, 1));
}
