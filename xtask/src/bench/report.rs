//! Tables in Markdown, and all samples in JSON.

use std::fmt::Write as _;
use std::process::Command;

use serde_json::{Value, json};

use super::peer::{Contestant, Load, Peer};
use super::sample::{Cores, Figures, Sample};

/// The figures of one contestant under one load, by round.
pub(super) fn by_round(
    samples: &[Sample],
    contestant: Contestant,
    load: Load,
    figure: fn(&Figures) -> Option<f64>,
) -> Vec<(usize, f64)> {
    let wanted = |sample: &&Sample| sample.contestant == contestant && sample.load == load;
    let figure = |sample: &Sample| Some((sample.round, figure(&sample.figures)?));
    samples.iter().filter(wanted).filter_map(figure).collect()
}

/// The median over the rounds of `one / other` within the round.
pub(super) fn ratio(one: &[(usize, f64)], other: &[(usize, f64)]) -> Option<f64> {
    let partner = |round| other.iter().find(|(other, _)| *other == round).map(|(_, value)| *value);
    let ratios = one.iter().filter_map(|&(round, value)| Some(value / partner(round)?));
    median(ratios.collect())
}

pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    let lower = if values.len().is_multiple_of(2) { values.get(middle - 1)? } else { &upper };
    Some(f64::midpoint(*lower, upper))
}

pub(super) fn per_sec(figures: &Figures) -> Option<f64> {
    match figures {
        Figures::Calls { per_sec, .. } => Some(*per_sec),
        Figures::Idle { .. } => None,
    }
}

pub(super) fn p50(figures: &Figures) -> Option<f64> {
    match figures {
        Figures::Calls { p50_us, .. } => Some(*p50_us),
        Figures::Idle { .. } => None,
    }
}

fn p99(figures: &Figures) -> Option<f64> {
    match figures {
        Figures::Calls { p99_us, .. } => Some(*p99_us),
        Figures::Idle { .. } => None,
    }
}

pub(super) fn server_us(figures: &Figures) -> Option<f64> {
    match figures {
        Figures::Calls { server_us, .. } => Some(*server_us),
        Figures::Idle { .. } => None,
    }
}

fn client_us(figures: &Figures) -> Option<f64> {
    match figures {
        Figures::Calls { client_us, .. } => Some(*client_us),
        Figures::Idle { .. } => None,
    }
}

pub(super) fn kib(figures: &Figures) -> Option<f64> {
    match figures {
        Figures::Idle { kib } => Some(*kib),
        Figures::Calls { .. } => None,
    }
}

/// A line that says what was measured on.
pub(super) fn machine(cores: Cores, rounds: usize) -> String {
    let first_line = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned())
    };
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("");
    let facts = [
        Some(cpu.trim_start_matches([' ', '\t', ':']).to_owned()),
        first_line("uname", "-sr"),
        first_line("rustc", "--version"),
        first_line("go", "version"),
        Some(format!("server on core {}, client on core {}", cores.server, cores.client)),
        Some(format!("medians of {rounds} rounds")),
    ];
    let facts: Vec<String> = facts.into_iter().flatten().filter(|fact| !fact.is_empty()).collect();
    format!("{}\n", facts.join("; "))
}

/// Calls per second, latency and memory.
pub(super) fn speed(contestants: &[Contestant], loads: &[Load], samples: &[Sample]) -> String {
    let mut header = vec!["peer".to_owned()];
    for load in loads {
        header.extend(match load {
            Load::W1 => vec!["W1 calls/s".to_owned(), "p50 us".to_owned(), "p99 us".to_owned()],
            Load::W2 | Load::W3 | Load::W4 => vec![format!("{load} calls/s"), "x raw".to_owned()],
            Load::W5 => vec!["W5 MB/s".to_owned(), "x raw".to_owned()],
            Load::W6 => vec!["W6 KiB/conn".to_owned()],
            Load::W7 => vec!["W7 messages/s".to_owned()],
        });
    }
    let row = |&contestant: &Contestant| {
        let mut row = vec![contestant.to_string()];
        for &load in loads {
            let of = |figure| middle(samples, contestant, load, figure);
            let raw = Contestant { peer: Peer::Raw, ..contestant };
            let rate = by_round(samples, contestant, load, per_sec);
            let ratio = ratio(&rate, &by_round(samples, raw, load, per_sec));
            row.extend(match load {
                Load::W1 => vec![whole(of(per_sec)), fixed(of(p50), 1), fixed(of(p99), 1)],
                Load::W2 | Load::W3 | Load::W4 => vec![whole(of(per_sec)), fixed(ratio, 2)],
                Load::W5 => vec![whole(of(per_sec).map(|rate| rate * MIB / 1e6)), fixed(ratio, 2)],
                Load::W6 => vec![fixed(of(kib), 1)],
                Load::W7 => vec![whole(of(per_sec))],
            });
        }
        row
    };
    markdown(&header, contestants.iter().map(row))
}

/// Processor time per call, of the server and of the client, and latency.
pub(super) fn processor_time(
    contestants: &[Contestant],
    loads: &[Load],
    samples: &[Sample],
) -> String {
    let loads: Vec<Load> = loads.iter().copied().filter(|&load| load != Load::W6).collect();
    let mut header = vec!["peer".to_owned()];
    header.extend(loads.iter().map(|load| format!("{load} srv/cli us, p50/p99 us")));
    let row = |&contestant: &Contestant| {
        let mut row = vec![contestant.to_string()];
        for &load in &loads {
            let of = |figure| middle(samples, contestant, load, figure);
            let digits = if load == Load::W5 { 0 } else { 2 };
            let processor =
                format!("{} / {}", fixed(of(server_us), digits), fixed(of(client_us), digits));
            row.push(format!("{processor}, {} / {}", fixed(of(p50), 0), fixed(of(p99), 0)));
        }
        row
    };
    markdown(&header, contestants.iter().map(row))
}

const MIB: f64 = 1_048_576.0;

fn middle(
    samples: &[Sample],
    contestant: Contestant,
    load: Load,
    figure: fn(&Figures) -> Option<f64>,
) -> Option<f64> {
    median(
        by_round(samples, contestant, load, figure).into_iter().map(|(_, value)| value).collect(),
    )
}

/// A table in Markdown.
pub(super) fn markdown(header: &[String], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = format!("| {} |\n|{}\n", header.join(" | "), "---|".repeat(header.len()));
    for row in rows {
        // Writing to a string cannot fail.
        let _written = writeln!(table, "| {} |", row.join(" | "));
    }
    table
}

pub(super) fn fixed(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

/// A whole number with a comma between thousands.
fn whole(value: Option<f64>) -> String {
    let plain = fixed(value, 0);
    let mut spaced = String::new();
    for (at, digit) in plain.char_indices() {
        if at > 0 && (plain.len() - at).is_multiple_of(3) {
            spaced.push(',');
        }
        spaced.push(digit);
    }
    spaced
}

/// Every sample as it was taken.
pub(super) fn json(samples: &[Sample]) -> String {
    let one = |sample: &Sample| {
        let mut object = match sample.figures {
            Figures::Calls { per_sec, p50_us, p99_us, server_us, client_us } => json!({
                "calls_per_sec": per_sec, "p50_us": p50_us, "p99_us": p99_us,
                "server_cpu_us_per_call": server_us, "client_cpu_us_per_call": client_us,
            }),
            Figures::Idle { kib } => json!({ "kib_per_connection": kib }),
        };
        object["peer"] = sample.contestant.peer.to_string().into();
        object["runtime"] = sample.contestant.runtime.name().into();
        object["load"] = sample.load.to_string().into();
        object["round"] = sample.round.into();
        object["foreign_share"] = sample.foreign.into();
        object
    };
    format!("{:#}\n", Value::Array(samples.iter().map(one).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_taken_within_each_round_and_then_the_median() {
        let one = [(0, 10.0), (1, 30.0), (2, 40.0)];
        let other = [(0, 20.0), (2, 40.0), (1, 20.0)];
        assert_eq!(ratio(&one, &other), Some(1.0));
        assert_eq!(ratio(&one, &[]), None);
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), Some(2.5));
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(whole(Some(1_240_700.4)), "1,240,700");
        assert_eq!(whole(Some(999.0)), "999");
        assert_eq!(fixed(None, 2), "-");
    }
}
