//! Very many calls, each made but once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use polywire::{Channel, Code, Status};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::peer::Peer;
use super::{ClientOptions, Ending, Failure};
use crate::grpc::{Payload, SimpleRequest, TestServiceClient};

/// Makes so many calls one after the other, then as many at once; `report` gets how both ended, and
/// `underway` is told from time to time that calls are made.
///
/// # Errors
/// The server cannot be started.
pub async fn soak(
    options: &ClientOptions,
    calls: u64,
    mut report: impl FnMut(&str, Ending),
    underway: fn(u64),
) -> Result<(), Failure> {
    let peer = Peer::start(options.clone(), "127.0.0.1:0").await?;
    for (name, callers) in [("soak_in_turn", 1), ("soak_at_once", AT_ONCE)] {
        let channel = peer.micro("json")?;
        let begun = Instant::now();
        let tally = Arc::new(Tally { next: AtomicU64::new(0), calls, underway });
        let mut tasks = JoinSet::new();
        for _ in 0..callers {
            tasks.spawn(Arc::clone(&tally).call(channel.clone()));
        }
        let lost: Vec<Status> = tasks.join_all().await.into_iter().flatten().collect();
        let late = lost.iter().filter(|status| status.code() == Code::DeadlineExceeded).count();
        let text = format!(
            "{calls} calls by {callers} callers in {} s, {} lost, {late} of them by a 408",
            begun.elapsed().as_secs(),
            lost.len()
        );
        let name = format!("micro/soak/{name}");
        match lost.first() {
            None => report(&format!("{name}: {text}"), Ending::Passed),
            Some(first) => report(&name, Ending::Failed(format!("{text}; the first: {first}"))),
        }
    }
    peer.end().await;
    Ok(())
}

struct Tally {
    /// The number of the next call.
    next: AtomicU64,
    calls: u64,
    underway: fn(u64),
}

impl Tally {
    /// Makes calls until enough are made, and gives those that were lost.
    async fn call(self: Arc<Self>, channel: Channel) -> Vec<Status> {
        let client = TestServiceClient::new(channel);
        let mut lost = Vec::new();
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.calls {
                return lost;
            }
            if number.is_multiple_of(UNDERWAY) && number > 0 {
                (self.underway)(number);
            }
            lost.extend(one(&client, number % 97).await.err());
        }
    }
}

async fn one(client: &TestServiceClient, size: u64) -> Result<(), Status> {
    let request = SimpleRequest {
        response_size: i32::try_from(3 * size).unwrap_or(i32::MAX),
        payload: Some(Payload::zeros(usize::try_from(size).unwrap_or(usize::MAX))),
        ..SimpleRequest::default()
    };
    let wanted = request.response_size;
    let reply = client.unary_call(request).retries(0).timeout(LATE).await?;
    let bytes = reply.payload.map_or(0, |payload| payload.body.len());
    if usize::try_from(wanted) == Ok(bytes) {
        return Ok(());
    }
    Err(Status::new(Code::DataLoss, format!("{bytes} bytes for {wanted}")))
}

const AT_ONCE: usize = 32;
const UNDERWAY: u64 = 10_000;
/// Far beyond what any call takes.
const LATE: Duration = Duration::from_secs(20);
