//! `PEER server --runtime multi --listen 127.0.0.1:0` and `PEER client --server ADDR --load W2`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::load::{self, Load, Run};
use crate::peer::{BoxError, Peer};

/// The `main` of a peer's program.
#[must_use]
pub fn main<P: Peer>() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match words.split_first() {
        Some((role, rest)) if role == "server" => Options::read(rest).and_then(|o| server::<P>(&o)),
        Some((role, rest)) if role == "client" => Options::read(rest).and_then(|o| client::<P>(&o)),
        _ => Err(USAGE.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

const USAGE: &str = "\
usage: PEER server [--runtime current|multi] [--listen 127.0.0.1:0]
       PEER client --server ADDR --load W1..W7 [--secs 1] [--warm-up 0.3] [--watch PID,..]

The server prints the address it listens on. The client prints one line of JSON; the first process
to watch is the server, whose memory W6 is about.";

/// Prints the address and serves until it is killed.
fn server<P: Peer>(options: &Options) -> Result<(), BoxError> {
    let runtime = runtime(&options.get::<String>("runtime", "current")?)?;
    let listen: SocketAddr = options.get("listen", "127.0.0.1:0")?;
    runtime.block_on(P::serve(listen, |address| println!("{address}")))
}

/// One worker, since there is one core: what differs is the scheduler, which is a user's default.
fn runtime(flavour: &str) -> Result<Runtime, BoxError> {
    match flavour {
        "current" => Ok(Builder::new_current_thread().enable_all().build()?),
        "multi" => Ok(Builder::new_multi_thread().worker_threads(1).enable_all().build()?),
        other => Err(format!("--runtime: `{other}` is neither `current` nor `multi`").into()),
    }
}

fn client<P: Peer>(options: &Options) -> Result<(), BoxError> {
    let name: String = options.get("load", "W2")?;
    let load = Load::named(&name).ok_or_else(|| format!("--load: there is no load `{name}`"))?;
    let run = Run {
        server: options.require("server")?,
        warm_up: Duration::from_secs_f64(options.get("warm-up", "0.3")?),
        window: Duration::from_secs_f64(options.get("secs", "1")?),
        connections: options.get("connections", "10000")?,
        watched: options.list("watch"),
    };
    let runtime = runtime("current")?;
    let line = match load {
        Load::Calls { .. } => runtime.block_on(load::calls::<P>(load, &run))?,
        Load::Idle => runtime.block_on(load::idle::<P>(&run))?,
        Load::Stream { bytes } => runtime.block_on(load::stream::<P>(bytes, &run))?,
    };
    println!("{line}");
    Ok(())
}

/// `--name value` pairs.
#[derive(Debug)]
struct Options(HashMap<String, String>);

impl Options {
    fn read(words: &[String]) -> Result<Self, BoxError> {
        let mut options = HashMap::new();
        for pair in words.chunks(2) {
            match pair {
                [name, value] if name.starts_with("--") => {
                    options.insert(name.trim_start_matches("--").to_owned(), value.clone());
                }
                _ => return Err(USAGE.into()),
            }
        }
        Ok(Self(options))
    }

    fn get<T: FromStr>(&self, name: &str, default: &str) -> Result<T, BoxError> {
        let value = self.0.get(name).map_or(default, String::as_str);
        value.parse().map_err(|_| format!("--{name}: cannot read `{value}`").into())
    }

    fn require<T: FromStr>(&self, name: &str) -> Result<T, BoxError> {
        self.get(name, "")
    }

    fn list(&self, name: &str) -> Vec<String> {
        let value = self.0.get(name).map(String::as_str).unwrap_or_default();
        value.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }
}
