//! `polywire bench`.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use polywire::{Service as _, Status};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time;

use super::call::Prepared;
use crate::args::{BenchArgs, Format};
use crate::failure::Failure;
use crate::output;
use crate::target;

/// Calls over and over from many tasks.
pub(crate) async fn run(
    args: &BenchArgs,
    registry: Option<&str>,
    format: Format,
) -> Result<(), Failure> {
    let prepared = Arc::new(Prepared::new(&args.method, registry).await?);
    // One call outside the measurement: it says whether there is anything to measure.
    prepared.target.channel.call(prepared.request(&args.method)).await?;
    let tls = args.method.connect.tls.clone();
    let mut channels = vec![prepared.target.channel.clone()];
    for _ in 1..args.connections.get() {
        channels.push(target::channel(&args.method.target, registry, &tls).await?);
    }
    let load = Arc::new(Load {
        prepared,
        args: args.method.clone(),
        started: AtomicU64::new(0),
        limit: match (args.count, args.duration) {
            (Some(count), _) => count.get(),
            (None, Some(_)) => u64::MAX,
            (None, None) => DEFAULT_COUNT,
        },
        until: args.duration.and_then(|duration| now().checked_add(duration)),
    });
    let mut tasks = JoinSet::new();
    let begin = now();
    for at in 0..args.concurrency.get() {
        let Some(channel) = channels.get(at % channels.len()).cloned() else { continue };
        tasks.spawn(Arc::clone(&load).caller(channel));
    }
    let progress = Progress::new();
    let mut total = Outcome::default();
    let mut ticks = time::interval(Duration::from_millis(500));
    loop {
        tokio::select! {
            done = tasks.join_next() => match done {
                Some(outcome) => total.add(outcome.map_err(io::Error::other)?),
                None => break,
            },
            _ = ticks.tick() => progress.show(&load, begin.elapsed()),
        }
    }
    progress.clear();
    report(&total, begin.elapsed(), format)
}

const DEFAULT_COUNT: u64 = 10_000;

struct Load {
    prepared: Arc<Prepared>,
    args: crate::args::MethodArgs,
    started: AtomicU64,
    limit: u64,
    until: Option<Instant>,
}

impl Load {
    /// Calls one after another until the load is over.
    async fn caller(self: Arc<Self>, channel: polywire::Channel) -> Outcome {
        let mut outcome = Outcome::default();
        loop {
            let start = now();
            let over = self.until.is_some_and(|until| start >= until);
            if over || self.started.fetch_add(1, Ordering::Relaxed) >= self.limit {
                return outcome;
            }
            let answer = channel.call(self.prepared.request(&self.args)).await;
            match answer {
                Ok(_) => outcome.took(start.elapsed()),
                Err(status) => outcome.failed(status),
            }
        }
    }
}

/// What one task, or all of them, saw. Times are in nanoseconds.
struct Outcome {
    times: Histogram<u64>,
    failures: u64,
    first_failure: Option<Status>,
}

impl Default for Outcome {
    fn default() -> Self {
        Self { times: latencies(), failures: 0, first_failure: None }
    }
}

/// Room for times up to an hour, in nanoseconds, to three digits.
pub(crate) fn latencies() -> Histogram<u64> {
    Histogram::new_with_max(3_600_000_000_000, 3).expect("the bounds are constants that fit")
}

impl Outcome {
    fn took(&mut self, time: Duration) {
        self.times.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    fn failed(&mut self, status: Status) {
        self.failures += 1;
        self.first_failure.get_or_insert(status);
    }

    fn add(&mut self, other: Self) {
        self.times.add(&other.times).unwrap_or_default();
        self.failures += other.failures;
        self.first_failure = self.first_failure.take().or(other.first_failure);
    }
}

/// A line on standard error that is written over, if somebody is there to watch it.
struct Progress(bool);

impl Progress {
    fn new() -> Self {
        Self(io::stderr().is_terminal())
    }

    fn show(&self, load: &Load, elapsed: Duration) {
        if self.0 {
            let calls = load.started.load(Ordering::Relaxed).min(load.limit);
            let seconds = elapsed.as_secs_f64();
            write!(io::stderr(), "\r{calls} calls in {seconds:.1} s ").unwrap_or_default();
        }
    }

    fn clear(&self) {
        if self.0 {
            write!(io::stderr(), "\r{:40}\r", "").unwrap_or_default();
        }
    }
}

const PERCENTILES: [f64; 6] = [50.0, 75.0, 90.0, 95.0, 99.0, 99.9];

fn report(total: &Outcome, elapsed: Duration, format: Format) -> Result<(), Failure> {
    let (times, calls) = (&total.times, total.times.len());
    let per_second = (calls + total.failures) as f64 / elapsed.as_secs_f64().max(1e-9);
    if format == Format::Json {
        let percentile = |p: f64| (format!("p{p}"), times.value_at_percentile(p).into());
        let latencies: serde_json::Map<_, _> = PERCENTILES.into_iter().map(percentile).collect();
        output::json(&json!({
            "calls": calls,
            "failures": total.failures,
            "seconds": elapsed.as_secs_f64(),
            "calls_per_second": per_second,
            "latency_ns": latencies,
            "latency_ns_min": times.min(),
            "latency_ns_mean": times.mean(),
            "latency_ns_max": times.max(),
        }));
    } else {
        output::line(&format!("calls       {calls}"));
        output::line(&format!("failures    {}", total.failures));
        output::line(&format!("time        {:.3} s", elapsed.as_secs_f64()));
        output::line(&format!("calls/s     {per_second:.0}"));
        if calls > 0 {
            output::line(&format!("fastest     {}", nanos(times.min())));
            output::line(&format!("median      {}", nanos(times.value_at_quantile(0.5))));
            output::line(&format!("slowest     {}", nanos(times.max())));
            histogram(times);
        }
    }
    match &total.first_failure {
        Some(status) => Err(status.clone().into()),
        None => Ok(()),
    }
}

/// Bars for ten steps between the fastest and the 99th percentile, then the percentiles.
fn histogram(times: &Histogram<u64>) {
    output::line("");
    let (low, high) = (times.min(), times.value_at_percentile(99.0));
    let step = (high.saturating_sub(low) / 10).max(1);
    let counts: Vec<(u64, u64)> = (0..10)
        .map(|at| {
            let from = low + at * step;
            let to = if at == 9 { times.max() } else { from + step - 1 };
            (to, times.count_between(from, to))
        })
        .collect();
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or(1).max(1);
    for (to, count) in counts {
        let bar = "#".repeat(usize::try_from(count * 40 / most).unwrap_or_default());
        output::line(format!("{:>10}  {count:>9}  {bar}", nanos(to)).trim_end());
    }
    output::line("");
    for percentile in PERCENTILES {
        let time = nanos(times.value_at_percentile(percentile));
        output::line(&format!("p{percentile:<9}  {time}"));
    }
}

/// A time with three digits.
pub(crate) fn nanos(nanos: u64) -> String {
    let (value, unit) = match nanos {
        0..1_000 => return format!("{nanos} ns"),
        1_000..1_000_000 => (nanos as f64 / 1e3, "us"),
        1_000_000..1_000_000_000 => (nanos as f64 / 1e6, "ms"),
        _ => (nanos as f64 / 1e9, "s"),
    };
    let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.digits$} {unit}")
}

#[expect(clippy::disallowed_methods, reason = "measuring is what this command does")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits() {
        for (value, text) in
            [(999, "999 ns"), (1_234, "1.23 us"), (12_340, "12.3 us"), (123_400_000, "123 ms")]
        {
            assert_eq!(nanos(value), text);
        }
    }
}
