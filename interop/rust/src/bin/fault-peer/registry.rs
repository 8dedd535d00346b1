//! Members of a service, and a caller that finds them in a registry which things happen to.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use polywire::core::{Registry, ServiceSnapshot};
use polywire::prelude::*;
use polywire::registry::from_url;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::Words;
use crate::server::{Probe, ProbeClient, ProbeServer};

/// Serves under this name until the input ends.
pub(crate) async fn member(
    registry: &str,
    service: &str,
    mut words: Words,
) -> Result<(), Box<dyn Error>> {
    let app = App::new(service).serve(ProbeServer::new(Probe)).registry(from_url(registry)?);
    let running = app.listen("127.0.0.1:0").start().await?;
    println!("ready {}", running.address().as_str());
    while words.next_line().await?.is_some() {}
    running.shutdown().await;
    Ok(())
}

/// Calls the members without a pause until the input ends; says `calls MADE FAILED` and
/// `nodes ADDRESS,..` when asked.
pub(crate) async fn caller(
    registry: &str,
    service: &str,
    mut words: Words,
) -> Result<(), Box<dyn Error>> {
    let registry = from_url(registry)?;
    let client = ProbeClient::new(Channel::discover(Arc::clone(&registry), service));
    client.echo(0).timeout(FIRST).await?;
    let tally = Arc::new(Tally::default());
    let (seen, latest) = watch::channel(ServiceSnapshot::default());
    let mut tasks = JoinSet::new();
    tasks.spawn(Arc::clone(&tally).call(client));
    tasks.spawn(follow(registry, service.to_owned(), seen));
    println!("ready");
    while let Some(word) = words.next_line().await? {
        match word.as_str() {
            "calls" => {
                let [made, failed] = [&tally.made, &tally.failed];
                let [made, failed] = [made, failed].map(|count| count.load(Ordering::Relaxed));
                println!("calls {made} {failed}");
            }
            _ => println!("nodes {}", addresses(&latest.borrow())),
        }
    }
    Ok(())
}

#[derive(Default)]
struct Tally {
    made: AtomicU64,
    failed: AtomicU64,
}

impl Tally {
    async fn call(self: Arc<Self>, client: ProbeClient) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for number in 1.. {
            ticks.tick().await;
            let echoed = client.echo_again(number).timeout(LATE).await;
            self.made.fetch_add(1, Ordering::Relaxed);
            if let Err(status) = echoed.and_then(|back| same(number, back)) {
                eprintln!("fault-peer: call {number}: {status}");
                self.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

fn same(sent: i64, back: i64) -> Result<(), Status> {
    if sent == back {
        return Ok(());
    }
    Err(Status::new(Code::DataLoss, format!("{back} for {sent}")))
}

/// What the registry says, beside what the channel makes of it.
async fn follow(
    registry: Arc<dyn Registry>,
    service: String,
    seen: watch::Sender<ServiceSnapshot>,
) {
    loop {
        if let Ok(mut snapshots) = registry.watch(&service).await {
            while let Some(snapshot) = snapshots.next().await {
                seen.send_replace(snapshot);
            }
        }
        sleep(AGAIN).await;
    }
}

fn addresses(snapshot: &ServiceSnapshot) -> String {
    let all: Vec<&str> =
        snapshot.instances.iter().map(|instance| instance.address.as_str()).collect();
    let distinct: BTreeSet<&str> = all.iter().copied().collect();
    let mut text = distinct.into_iter().collect::<Vec<_>>().join(",");
    for _ in 0..all.len().saturating_sub(text.split(',').count()) {
        text.push_str(",twice");
    }
    text
}

/// Between two calls.
const EVERY: Duration = Duration::from_millis(5);
/// A call that takes longer has failed.
const LATE: Duration = Duration::from_secs(2);
/// A member and the registry may be busy with each other at first.
const FIRST: Duration = Duration::from_secs(20);
const AGAIN: Duration = Duration::from_millis(200);
