//! D1: a peer that vanishes without a word, neither FIN nor RST.

use std::time::Duration;

use super::Count;
use super::network::{Network, SERVER};
use super::peers::{Peer, Programs, Seen};

/// How much later than the system was told to a program may have noticed: timers of the kernel, the
/// time to cut both ends, a busy machine.
const SLACK: Duration = Duration::from_millis(1500);
/// How long after the mend a call goes through at the latest: the longest pause between two attempts
/// to connect, and an attempt whose first packet is lost.
const MENDED: Duration = Duration::from_secs(5);

/// Cuts the wire under three connections, waits until both ends have noticed, and mends it.
pub(super) fn run(
    network: &Network,
    programs: &Programs,
    keepalive_secs: u32,
    count: &mut Count,
) -> Result<(), String> {
    println!("D1: a peer vanishes without a word; keepalive {keepalive_secs} s at both ends");
    let secs = keepalive_secs.to_string();
    let addresses = [9001, 9002, 9003].map(|port| format!("{SERVER}:{port}"));
    let [waiting, sent, idle] = addresses.each_ref().map(String::as_str);
    let mut server = programs.start(&network.server, &["serve", &secs, waiting, sent, idle])?;
    let mut client = programs.start(&network.client, &["call", &secs, waiting, sent, idle])?;

    network.cut()?;
    client.tell("cut")?;
    server.tell("cut")?;
    let limits = Limits::of(keepalive_secs);
    let (at_client, at_server) = (limits.at_client(), limits.at_server());
    watch(&client, "client", &at_client, count);
    watch(&server, "server", &at_server, count);

    network.mend()?;
    client.tell("mend")?;
    for _ in at_client {
        let seen = client.seen(MENDED * 2).and_then(|seen| judged(&seen, "ok", MENDED));
        count.check("client, a call after the mend", seen);
    }
    Ok(())
}

/// What must be seen of one connection.
#[derive(Debug, Clone, Copy)]
struct Expected {
    name: &'static str,
    text: &'static str,
    how: &'static str,
    limit: Duration,
}

/// When a dead peer is noticed at the latest.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// By bytes that nobody acknowledges.
    unacknowledged: Duration,
    /// By silence, and questions that nobody answers.
    silence: Duration,
}

impl Limits {
    /// As the documentation of the client's and the server's `keepalive` has it; the system counts
    /// questions in whole seconds, and asks five.
    fn of(keepalive_secs: u32) -> Self {
        let keepalive = Duration::from_secs(keepalive_secs.into());
        let asking = (keepalive / 2).max(Duration::from_secs(5));
        Self { unacknowledged: keepalive + SLACK, silence: keepalive + asking + SLACK }
    }

    fn at_client(self) -> [Expected; 3] {
        let expected = |name, text, how, limit| Expected { name, text, how, limit };
        [
            expected("waiting", "a call that waits for its reply", "unavailable", self.silence),
            expected("sent", "a call sent after the cut", "unavailable", self.unacknowledged),
            expected("idle", "an idle connection", "closed", self.silence),
        ]
    }

    fn at_server(self) -> [Expected; 3] {
        self.at_client().map(|expected| Expected {
            text: match expected.name {
                "waiting" => "the connection of a call under way",
                "sent" => "the connection of a call that never came",
                _ => expected.text,
            },
            how: "closed",
            limit: self.silence,
            ..expected
        })
    }
}

/// Takes what one end sees of the three connections, in whatever order.
fn watch(peer: &Peer, end: &str, expected: &[Expected], count: &mut Count) {
    let mut open = expected.to_vec();
    while let Some(patience) = open.iter().map(|expected| expected.limit * 2).max() {
        let seen = match peer.seen(patience) {
            Ok(seen) => seen,
            Err(why) => {
                for Expected { text, .. } in open {
                    count.check(&format!("{end}, {text}"), Err(why.clone()));
                }
                return;
            }
        };
        let Some(at) = open.iter().position(|expected| expected.name == seen.what) else {
            return count.check(end, Err(format!("it saw {seen:?}")));
        };
        let Expected { text, how, limit, .. } = open.remove(at);
        count.check(&format!("{end}, {text}"), judged(&seen, how, limit));
    }
}

fn judged(seen: &Seen, how: &str, limit: Duration) -> Result<String, String> {
    let (after, limit) = (seen.after.as_secs_f64(), limit.as_secs_f64());
    let text = format!("{} after {after:.2} s, at most {limit:.1} s", seen.how);
    if seen.how == how && after <= limit {
        Ok(text)
    } else {
        Err(format!("{text}, `{how}` wanted"))
    }
}
