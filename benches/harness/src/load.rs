//! The loads: closed loops that count calls, and idle connections that cost memory.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time;

use crate::histogram::Histogram;
use crate::peer::{BoxError, Peer};
use crate::proc;

/// What the client does to the server.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Load {
    /// So many connections with so many callers on each, who call again as soon as an answer of
    /// the right length is there.
    Calls { connections: usize, in_flight: usize, bytes: usize },
    /// Connections that have had one call each.
    Idle,
    /// One stream of messages from the server, and another when it has ended.
    Stream { bytes: usize },
}

impl Load {
    /// The load of this name, as in ARCHITECTURE.md and docs/benchmarks.md.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let calls = |connections, in_flight, bytes| Self::Calls { connections, in_flight, bytes };
        Some(match name {
            "W1" => calls(1, 1, 32),
            "W2" => calls(1, 64, 32),
            "W3" => calls(32, 8, 32),
            "W4" => calls(1, 64, 4 << 10),
            "W5" => calls(1, 4, 1 << 20),
            "W6" => Self::Idle,
            "W7" => Self::Stream { bytes: 32 },
            _ => return None,
        })
    }
}

/// How long, against whom, and whose processor time is of interest.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) server: SocketAddr,
    pub(crate) warm_up: Duration,
    pub(crate) window: Duration,
    /// For the idle load.
    pub(crate) connections: usize,
    /// Processes; the first is the server.
    pub(crate) watched: Vec<String>,
}

/// Before, within and after the time that counts.
const WARM_UP: u8 = 0;
const COUNTING: u8 = 1;
const OVER: u8 = 2;

/// Runs a closed loop; answers with a line of JSON.
pub(crate) async fn calls<P: Peer>(load: Load, run: &Run) -> Result<String, BoxError> {
    let Load::Calls { connections, in_flight, bytes } = load else {
        return Err("not a load of calls".into());
    };
    let phase = Arc::new(AtomicU8::new(WARM_UP));
    let latencies = Arc::new(Mutex::new(Histogram::new()));
    let mut callers = JoinSet::new();
    for _ in 0..connections {
        let client = P::connect(run.server).await?;
        for _ in 0..in_flight {
            let (phase, latencies) = (Arc::clone(&phase), Arc::clone(&latencies));
            callers.spawn(caller::<P>(client.clone(), bytes, phase, latencies));
        }
    }
    time::sleep(run.warm_up).await;
    let before = cpu(run);
    let start = now();
    phase.store(COUNTING, Ordering::Relaxed);
    time::sleep(run.window).await;
    phase.store(OVER, Ordering::Relaxed);
    let secs = start.elapsed().as_secs_f64();
    let after = cpu(run);
    while let Some(ended) = callers.join_next().await {
        ended??;
    }
    let latencies = latencies.lock().unwrap_or_else(PoisonError::into_inner);
    let (p50, p99) = (latencies.quantile(0.5) as f64 / 1e3, latencies.quantile(0.99) as f64 / 1e3);
    Ok(line(latencies.total(), secs, [p50, p99], &before, &after))
}

/// What a run says of itself.
fn line(calls: u64, secs: f64, [p50, p99]: [f64; 2], before: &[u64], after: &[u64]) -> String {
    let spent: Vec<String> =
        after.iter().zip(before).map(|(a, b)| (a.saturating_sub(*b) / 1000).to_string()).collect();
    let spent = spent.join(",");
    format!(
        r#"{{"calls":{calls},"secs":{secs:.6},"p50_us":{p50:.2},"p99_us":{p99:.2},"cpu_us":[{spent}]}}"#
    )
}

/// Reads streams for as long as the window; answers with a line of JSON in which a message is a
/// call, and there are no latencies.
pub(crate) async fn stream<P: Peer>(bytes: usize, run: &Run) -> Result<String, BoxError> {
    let client = P::connect(run.server).await?;
    let came = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&came);
    let mut reader = JoinSet::new();
    reader.spawn(async move {
        loop {
            let mut wrong = None;
            let check = |len| {
                counted.fetch_add(1, Ordering::Relaxed);
                if len != bytes {
                    wrong = Some(len);
                }
            };
            P::stream(&client, bytes, STREAM_MESSAGES, check).await?;
            if let Some(len) = wrong {
                return Err::<(), BoxError>(format!("{len} bytes came for {bytes}").into());
            }
        }
    });
    let window = async {
        time::sleep(run.warm_up).await;
        let (before, count, start) = (cpu(run), came.load(Ordering::Relaxed), now());
        time::sleep(run.window).await;
        let secs = start.elapsed().as_secs_f64();
        let count = came.load(Ordering::Relaxed).saturating_sub(count);
        line(count, secs, [0.0; 2], &before, &cpu(run))
    };
    tokio::select! {
        line = window => Ok(line),
        Some(failed) = reader.join_next() => Err(failed?.err().unwrap_or("the streams ended".into())),
    }
}

/// Messages of one stream: enough that beginning and ending do not count.
const STREAM_MESSAGES: u32 = 1_000_000;

/// One closed loop.
async fn caller<P: Peer>(
    client: P::Client,
    bytes: usize,
    phase: Arc<AtomicU8>,
    latencies: Arc<Mutex<Histogram>>,
) -> Result<(), BoxError> {
    let mut payload = P::payload(bytes);
    let mut last = now();
    loop {
        payload = P::call(&client, payload).await?;
        if P::len(&payload) != bytes {
            return Err(format!("{} bytes came back for {bytes}", P::len(&payload)).into());
        }
        let now = now();
        match phase.load(Ordering::Relaxed) {
            WARM_UP => {}
            COUNTING => {
                let nanos = now.duration_since(last).as_nanos() as u64;
                latencies.lock().unwrap_or_else(PoisonError::into_inner).record(nanos);
            }
            _ => return Ok(()),
        }
        last = now;
    }
}

/// Processor time of the watched processes and, last, of this one, in nanoseconds.
fn cpu(run: &Run) -> Vec<u64> {
    run.watched.iter().map(String::as_str).chain(["self"]).map(proc::cpu_ns).collect()
}

/// Opens connections, makes one call on each, lets them rest for a second and looks at what the
/// server has grown by; answers with a line of JSON.
pub(crate) async fn idle<P: Peer>(run: &Run) -> Result<String, BoxError> {
    let server = run.watched.first().ok_or("--watch: whose memory is it?")?;
    // What a server allocates once, for its first connection, is no cost per connection.
    drop(open::<P>(run.server).await?);
    time::sleep(REST).await;
    let before = proc::resident_bytes(server);
    let mut clients = Vec::with_capacity(run.connections);
    while clients.len() < run.connections {
        let mut opening = JoinSet::new();
        for _ in 0..ABREAST.min(run.connections - clients.len()) {
            opening.spawn(open::<P>(run.server));
        }
        while let Some(opened) = opening.join_next().await {
            clients.push(opened??);
        }
    }
    time::sleep(REST).await;
    let grown = proc::resident_bytes(server).saturating_sub(before);
    Ok(format!(r#"{{"connections":{},"resident_bytes":{grown}}}"#, clients.len()))
}

/// How long connections rest before memory is read.
const REST: Duration = Duration::from_secs(1);

/// Connections opened at a time: below every listener's backlog.
const ABREAST: usize = 64;

async fn open<P: Peer>(server: SocketAddr) -> Result<P::Client, BoxError> {
    let client = P::connect(server).await?;
    P::call(&client, P::payload(32)).await?;
    Ok(client)
}

/// The real clock: this is what is measured.
#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn now() -> Instant {
    Instant::now()
}
