//! What polywire promises, and whether these samples keep it.

use super::peer::{Contestant, Load, Peer, Runtime};
use super::report::{by_round, fixed, kib, markdown, median, p50, per_sec, ratio, server_us};
use super::sample::Sample;

/// A table of all promises for which there are samples; `None` if there is none.
pub(super) fn table(samples: &[Sample]) -> Option<String> {
    let header = ["polywire's target", "limit", "measured", ""].map(str::to_owned);
    let rows: Vec<_> = Target::all(samples)
        .into_iter()
        .filter_map(|target| {
            let measured = target.measured?;
            let met = match target.limit {
                Limit::AtLeast(limit) => measured >= limit,
                Limit::AtMost(limit) => measured <= limit,
            };
            let limit = match target.limit {
                Limit::AtLeast(limit) => format!(">= {limit}"),
                Limit::AtMost(limit) => format!("<= {limit}"),
            };
            let verdict = if met { "met" } else { "**missed**" };
            Some(vec![target.what, limit, fixed(Some(measured), 2), verdict.to_owned()])
        })
        .collect();
    (!rows.is_empty()).then(|| markdown(&header, rows.into_iter()))
}

#[derive(Debug)]
struct Target {
    what: String,
    limit: Limit,
    /// `None` if a sample it needs was not taken.
    measured: Option<f64>,
}

#[derive(Debug, Clone, Copy)]
enum Limit {
    AtLeast(f64),
    AtMost(f64),
}

/// Calls per second as a multiple of another peer's, on the same kind of runtime.
const RATES: &[(Load, Peer, f64)] = &[
    (Load::W2, Peer::Raw, 0.55),
    (Load::W2, Peer::Tarpc, 1.7),
    (Load::W2, Peer::Tonic, 6.0),
    (Load::W2, Peer::Go, 6.0),
    (Load::W3, Peer::Raw, 0.5),
    (Load::W4, Peer::Raw, 0.6),
    (Load::W5, Peer::Raw, 0.8),
];

/// Processor time of the server per call over gRPC as a multiple of tonic's, on either runtime.
const PROCESSOR: &[(Runtime, f64)] = &[(Runtime::Current, 1.0), (Runtime::Multi, 0.6)];

/// Messages of a stream per second as a multiple of tonic's.
const STREAMS: &[(Peer, f64)] = &[(Peer::PolywireGrpc, 1.0), (Peer::Polywire, 1.5)];

/// Calls per second on go-micro's wire as a multiple of go-micro's.
const MICRO: &[(Peer, f64)] = &[(Peer::GoMicro, 8.0), (Peer::GoMicroServer, 8.0)];

/// Loads that are compared on go-micro's wire.
const MICRO_LOADS: &[Load] = &[Load::W1, Load::W2, Load::W3];

/// Loads that are compared over gRPC.
const GRPC: &[Load] = &[Load::W1, Load::W2, Load::W3, Load::W4];

/// Loads under which the runtime must not matter.
const CALLS: &[Load] = &[Load::W1, Load::W2, Load::W3, Load::W4, Load::W5];

const POLYWIRE: Contestant = Contestant { peer: Peer::Polywire, runtime: Runtime::Current };
const POLYWIRE_MULTI: Contestant = Contestant { runtime: Runtime::Multi, ..POLYWIRE };

impl Target {
    fn all(samples: &[Sample]) -> Vec<Self> {
        let mut all = vec![Self::latency(samples)];
        for &(load, peer, limit) in RATES {
            let other = Contestant { peer, runtime: Runtime::Current };
            let rate = |contestant| by_round(samples, contestant, load, per_sec);
            all.push(Self {
                what: format!("{load} calls/s x {peer}"),
                limit: Limit::AtLeast(limit),
                measured: ratio(&rate(POLYWIRE), &rate(other)),
            });
        }
        for &load in CALLS {
            let rate = |contestant| by_round(samples, contestant, load, per_sec);
            all.push(Self {
                what: format!("{load} calls/s, multi-thread x current-thread"),
                limit: Limit::AtLeast(0.85),
                measured: ratio(&rate(POLYWIRE_MULTI), &rate(POLYWIRE)),
            });
        }
        for &(runtime, limit) in PROCESSOR {
            for &load in GRPC {
                let cost = |peer| by_round(samples, Contestant { peer, runtime }, load, server_us);
                all.push(Self {
                    what: format!("{load} server us/call x tonic, gRPC, {}", runtime.name()),
                    limit: Limit::AtMost(limit),
                    measured: ratio(&cost(Peer::PolywireGrpc), &cost(Peer::Tonic)),
                });
            }
            for &(peer, limit) in STREAMS {
                let rate =
                    |peer| by_round(samples, Contestant { peer, runtime }, Load::W7, per_sec);
                all.push(Self {
                    what: format!("W7 messages/s x tonic, {peer}, {}", runtime.name()),
                    limit: Limit::AtLeast(limit),
                    measured: ratio(&rate(peer), &rate(Peer::Tonic)),
                });
            }
        }
        all.extend(Self::micro(samples));
        for contestant in [POLYWIRE, POLYWIRE_MULTI] {
            let memory = by_round(samples, contestant, Load::W6, kib);
            all.push(Self {
                what: format!("W6 KiB per idle connection, {contestant}"),
                limit: Limit::AtMost(6.0),
                measured: median(memory.into_iter().map(|(_, kib)| kib).collect()),
            });
        }
        all
    }

    /// What go-micro's wire is asked for: with 64 calls in flight, and of the server's time.
    fn micro(samples: &[Sample]) -> Vec<Self> {
        let current = |peer| Contestant { peer, runtime: Runtime::Current };
        let rate = |peer| by_round(samples, current(peer), Load::W2, per_sec);
        let rates = MICRO.iter().map(|&(peer, limit)| Self {
            what: format!("W2 calls/s x {peer}, go-micro's wire"),
            limit: Limit::AtLeast(limit),
            measured: ratio(&rate(Peer::PolywireMicro), &rate(peer)),
        });
        let costs = MICRO_LOADS.iter().map(|&load| {
            let cost = |peer| by_round(samples, current(peer), load, server_us);
            Self {
                what: format!("{load} server us/call x axum, go-micro's wire"),
                limit: Limit::AtMost(1.0),
                measured: ratio(&cost(Peer::PolywireMicro), &cost(Peer::Axum)),
            }
        });
        rates.chain(costs).collect()
    }

    /// The difference of medians within each round.
    fn latency(samples: &[Sample]) -> Self {
        let raw = Contestant { peer: Peer::Raw, ..POLYWIRE };
        let raw = by_round(samples, raw, Load::W1, p50);
        let ours = by_round(samples, POLYWIRE, Load::W1, p50);
        let above = ours.iter().filter_map(|(round, ours)| {
            let (_, raw) = raw.iter().find(|(other, _)| other == round)?;
            Some(ours - raw)
        });
        Self {
            what: "W1 p50 above raw, us".to_owned(),
            limit: Limit::AtMost(3.0),
            measured: median(above.collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::Figures;
    use super::*;

    fn rate(peer: Peer, load: Load, per_sec: f64) -> Sample {
        let contestant = Contestant { peer, runtime: Runtime::Current };
        let figures =
            Figures::Calls { per_sec, p50_us: 1.0, p99_us: 1.0, server_us: 1.0, client_us: 1.0 };
        Sample { contestant, load, round: 0, figures, foreign: None }
    }

    #[test]
    fn a_target_is_met_missed_or_left_out_when_nothing_was_measured() {
        let samples = [
            rate(Peer::Raw, Load::W2, 100.0),
            rate(Peer::Polywire, Load::W2, 60.0),
            rate(Peer::Go, Load::W2, 50.0),
        ];
        let table = table(&samples).unwrap();
        assert!(table.contains("| W2 calls/s x raw | >= 0.55 | 0.60 | met |"), "{table}");
        assert!(table.contains("| W2 calls/s x go | >= 6 | 1.20 | **missed** |"), "{table}");
        assert!(!table.contains("tonic"), "{table}");
    }
}
