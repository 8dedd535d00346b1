//! polywire and other frameworks side by side: who echoes how much, for how much of a core.
//!
//! Each sample is a fresh server pinned to one core and a fresh client pinned to another, both
//! programs of the workspace in `benches`. In a round every load is run by all peers back to back,
//! in an order that is rotated from round to round; what is reported are medians over the rounds,
//! and ratios are taken within a round, since a shared machine changes its mind between rounds.

mod peer;
mod report;
mod sample;
mod spinner;
mod targets;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use self::peer::{Contestant, Load, Peer, Runtime};
use self::sample::{Cores, Sample, Timing};
use crate::args::Args;

pub(crate) use self::spinner::{COMMAND as SPIN, spin};

/// Builds the peers, runs the rounds and prints the tables.
pub(crate) fn run(words: &[String]) -> ExitCode {
    let options = match Options::read(words) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("bench: {error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match bench(&options) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(missing) => {
            eprintln!("bench: {missing} samples could not be taken");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

const HELP: &str = "\
usage: cargo xtask bench [OPTIONS]

  --peers NAMES     of raw,polywire,polywire-grpc,tarpc,tonic,volo,go,polywire-micro,axum,go-micro,
                    go-micro-server (default: all; for --smoke all but go-micro's)
  --loads NAMES     of W1,W2,W3,W4,W5,W6,W7 (default: all)
  --runtime NAME    current, multi or both: the scheduler of the Rust servers (default: both)
  --rounds N        default 4
  --secs S          seconds that count in each sample (default 1)
  --cores A,B       the server's core and the client's (default 0,1)
  --quiet-cores     keep both cores awake, watch for strangers on them and repeat samples that
                    were disturbed
  --json FILE       write all samples there
  --smoke           one short sample each from a quick build: only checks that the programs run

W1 one call in flight, 32 B; W2 one connection, 64 in flight; W3 32 connections, 8 in flight on
each; W4 as W2 with 4 KiB; W5 one connection, 4 in flight, 1 MiB; W6 memory per idle connection at
10,000 connections; W7 one stream of the server's, 32 B a message (a message counts as a call).";

#[derive(Debug)]
struct Options {
    peers: Vec<Peer>,
    loads: Vec<Load>,
    runtimes: Vec<Runtime>,
    rounds: usize,
    cores: Cores,
    timing: Timing,
    quiet_cores: bool,
    json: Option<PathBuf>,
    smoke: bool,
}

impl Options {
    /// `None` when the user asked for help.
    fn read(words: &[String]) -> Result<Option<Self>, String> {
        let mut args = Args::new(words);
        if args.flag("--help") || args.flag("-h") {
            return Ok(None);
        }
        let smoke = args.flag("--smoke");
        let mut timing = if smoke { Timing::SMOKE } else { Timing::FULL };
        timing.secs = args.value("--secs")?.unwrap_or(timing.secs);
        let cores = args.list("--cores")?.unwrap_or(vec![0, 1]);
        let &[server, client] = cores.as_slice() else {
            return Err("--cores: two numbers".to_owned());
        };
        let options = Self {
            peers: args.list("--peers")?.unwrap_or_else(|| Peer::by_default(smoke)),
            loads: args.list("--loads")?.unwrap_or(Load::ALL.to_vec()),
            runtimes: match args.value::<String>("--runtime")?.as_deref() {
                None | Some("both") => Runtime::ALL.to_vec(),
                Some(name) => vec![name.parse().map_err(|()| format!("no runtime `{name}`"))?],
            },
            rounds: args.value("--rounds")?.unwrap_or(if smoke { 1 } else { 4 }),
            cores: Cores { server, client },
            timing,
            quiet_cores: args.flag("--quiet-cores"),
            json: args.value("--json")?,
            smoke,
        };
        args.finish()?;
        Ok(Some(options))
    }
}

/// Runs everything; answers with how many samples are missing.
fn bench(options: &Options) -> Result<usize, String> {
    let programs = peer::build(&options.peers, options.smoke)?;
    let contestants = Contestant::all(&options.peers, &options.runtimes);
    let spinners = match options.quiet_cores {
        true => Some(spinner::Spinners::start(options.cores)?),
        false => None,
    };
    let bench = sample::Bench {
        programs: &programs,
        cores: options.cores,
        timing: options.timing,
        spinners: spinners.as_ref(),
    };
    let mut samples = Vec::new();
    let mut missing = 0;
    for round in 0..options.rounds {
        for &load in &options.loads {
            for &contestant in rotated(&contestants, round).filter(|c| c.peer.bears(load)) {
                let place = format!("round {}: {load} {contestant}", round + 1);
                match bench.sample(contestant, load, round) {
                    Ok(sample) => {
                        eprintln!("{place}: {sample}");
                        samples.push(sample);
                    }
                    Err(error) => {
                        eprintln!("{place}: {error}");
                        missing += 1;
                    }
                }
            }
        }
    }
    drop(spinners);
    report(options, &contestants, &samples)?;
    Ok(missing)
}

fn report(options: &Options, contestants: &[Contestant], samples: &[Sample]) -> Result<(), String> {
    if let Some(path) = &options.json {
        fs::write(path, report::json(samples)).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    if options.smoke {
        println!("bench: {} samples taken; a smoke run says nothing about speed", samples.len());
        return Ok(());
    }
    println!("{}", report::machine(options.cores, options.rounds));
    println!("{}", report::speed(contestants, &options.loads, samples));
    println!("{}", report::processor_time(contestants, &options.loads, samples));
    if let Some(table) = targets::table(samples) {
        println!("{table}");
    }
    Ok(())
}

/// The contestants, beginning with another one each round.
fn rotated(contestants: &[Contestant], round: usize) -> impl Iterator<Item = &Contestant> {
    contestants.iter().cycle().skip(round % contestants.len().max(1)).take(contestants.len())
}
