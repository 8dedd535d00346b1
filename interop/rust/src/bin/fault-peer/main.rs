//! Both ends of a connection on which something goes wrong, for `cargo xtask faults`.
//!
//! `serve` and `call` print `ready`, then take words on standard input - `cut`, `mend` - and say in
//! lines of `WHAT HOW MILLISECONDS` what they see and how long after the last word. They end when
//! their input does. `target` prints `ready ADDRESS` and serves whoever comes; `member` does so as well,
//! once it is registered. `caller` prints `ready` and answers `calls` and `nodes`.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool reports so")]

mod client;
mod registry;
mod server;
mod sockets;
mod target;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use tokio::io::{BufReader, Lines, Stdin, stdin};
use tokio::time::Instant;

/// What the three connections are for, in the order of their addresses.
const NAMES: [&str; 3] = ["waiting", "sent", "idle"];

/// The words on standard input.
type Words = Lines<BufReader<Stdin>>;

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let orders = tokio::io::AsyncBufReadExt::lines(BufReader::new(stdin()));
    let ended = match (words.as_slice(), options(&words)) {
        ([word], _) if word == "target" => target::run(orders).await,
        ([word, registry, service], _) if word == "member" => {
            registry::member(registry, service, orders).await
        }
        ([word, registry, service], _) if word == "caller" => {
            registry::caller(registry, service, orders).await
        }
        (_, Some((Role::Serve, keepalive, addresses))) => {
            server::run(addresses, keepalive, orders).await
        }
        (_, Some((Role::Call, keepalive, addresses))) => {
            client::run(addresses, keepalive, orders).await
        }
        _ => {
            eprintln!("usage: fault-peer serve|call KEEPALIVE_SECS ADDRESS ADDRESS ADDRESS");
            eprintln!("       fault-peer target");
            eprintln!("       fault-peer member|caller REGISTRY SERVICE");
            return ExitCode::from(2);
        }
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fault-peer: {error}");
            ExitCode::FAILURE
        }
    }
}

enum Role {
    Serve,
    Call,
}

fn options(words: &[String]) -> Option<(Role, Duration, [String; 3])> {
    let [role, keepalive, addresses @ ..] = words else { return None };
    let role = match role.as_str() {
        "serve" => Role::Serve,
        "call" => Role::Call,
        _ => return None,
    };
    let keepalive = Duration::from_secs(keepalive.parse().ok()?);
    Some((role, keepalive, addresses.to_vec().try_into().ok()?))
}

/// Waits for this word; `false` when the input has ended.
async fn told(words: &mut Words, word: &str) -> Result<bool, Box<dyn Error>> {
    match words.next_line().await? {
        None => Ok(false),
        Some(line) if line == word => Ok(true),
        Some(line) => Err(format!("`{line}` where `{word}` was expected").into()),
    }
}

fn say(what: &str, how: &str, since: Instant) {
    println!("{what} {how} {}", since.elapsed().as_millis());
}
