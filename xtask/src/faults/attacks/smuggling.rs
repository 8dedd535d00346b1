//! S12: requests of HTTP/1 whose end two readers would see in two places.

use std::collections::BTreeSet;
use std::time::Instant;

use super::Scene;
use super::bombs::{exchange, summary};

/// Each is a call that would be answered if the oddity were passed over, with another call behind
/// it that would be carried out if the end were seen elsewhere. All are to be refused with 400.
pub(super) fn smuggling(scene: &mut Scene<'_>) -> Result<(), String> {
    let (begin, before, mut rounds) = (Instant::now(), scene.started()?, 0);
    let (requests, both, foreign) = (requests(), with_both(), by_lines(NO_LINES));
    let (mut odd, mut lenient) = (BTreeSet::new(), BTreeSet::new());
    while rounds == 0 || begin.elapsed() < scene.time {
        rounds += 1;
        odd.extend(not_refused(scene, &requests, " 400 ")?);
        odd.extend(not_refused(scene, &foreign, "closed without an answer")?);
        lenient.extend(not_refused(scene, &both, " 400 ")?);
    }
    let count = requests.len() + foreign.len();
    let text = format!("{count} requests, {rounds} times; odd: {odd:#?}");
    scene.judge("requests", odd.is_empty(), text);
    let text = format!("{} of {} not refused", lenient.len(), both.len());
    if lenient.is_empty() {
        scene.judge("a length and chunks", true, text);
    } else {
        let why = "hyper goes by the chunks and closes, as RFC 9112 §6.1 allows";
        scene.miss("a length and chunks", &text, why);
    }
    let begun = scene.started()? - before;
    scene.judge("requests that were hidden", begun == 0, format!("{begun} were carried out"));
    Ok(())
}

/// Those of the requests that are not refused like this.
fn not_refused(scene: &Scene<'_>, requests: &[String], how: &str) -> Result<Vec<String>, String> {
    let mut odd = Vec::new();
    for request in requests {
        let answer = exchange(&scene.target.address, format!("{request}{HIDDEN}").as_bytes())?;
        let answer = summary(&answer);
        if !answer.contains(how) {
            let request: String = request.chars().take(400).collect();
            odd.push(format!("{request}: {answer}"));
        }
    }
    Ok(odd)
}

fn requests() -> Vec<String> {
    let hosts = HOSTS.iter().map(|host| format!("{LINE}{host}{JSON}{ONE}"));
    let heads = HEADS.iter().map(|head| format!("{LINE}{HOST}{JSON}{head}\r\n1"));
    let codings = CODINGS.iter().map(|head| format!("{LINE}{HOST}{JSON}{head}\r\n{CHUNKS}"));
    let bodies = BODIES.iter().map(|body| format!("{LINE}{HOST}{JSON}{CHUNKED}{body}"));
    let long = format!("1;{}\r\n1\r\n0\r\n\r\n", "x".repeat(64 * 1024));
    let long = format!("{LINE}{HOST}{JSON}{CHUNKED}{long}");
    let rest = hosts.chain(heads).chain(codings).chain(bodies).chain([long]);
    by_lines(LINES).into_iter().chain(rest).collect()
}

fn by_lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| format!("{line}\r\n{HOST}{JSON}{ONE}")).collect()
}

fn with_both() -> Vec<String> {
    BOTH.iter().map(|head| format!("{LINE}{HOST}{JSON}{head}\r\n{CHUNKS}")).collect()
}

const LINE: &str = "POST /Target/Echo HTTP/1.1\r\n";
const HOST: &str = "host: target\r\n";
const JSON: &str = "content-type: application/json\r\n";
const ONE: &str = "content-length: 1\r\n\r\n1";
const CHUNKED: &str = "transfer-encoding: chunked\r\n\r\n";
const CHUNKS: &str = "1\r\n1\r\n0\r\n\r\n";
const HIDDEN: &str = "POST /Target/Wait HTTP/1.1\r\nhost: target\r\n\
                      content-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

/// Lines that begin no request.
const LINES: &[&str] = &[
    "POST  /Target/Echo HTTP/1.1",
    "POST /Target/Echo  HTTP/1.1",
    "POST /Target/Echo HTTP/1.2",
    "POST /Target/Echo HTTP/2.0",
    "POST /Target/Echo HTTP/1.1\rx",
];

/// Lines that are not HTTP's; whoever means another protocol would take words for its own.
const NO_LINES: &[&str] =
    &["POST\t/Target/Echo HTTP/1.1", "POST /Target/Echo HTTP/1.1 ", "POST /Target/Echo http/1.1"];

/// Two hosts.
const HOSTS: &[&str] = &["host: target\r\nhost: elsewhere\r\n", "host: target\r\nHost: target\r\n"];

/// Heads of an argument of one byte, were it not for what else they say.
const HEADS: &[&str] = &[
    "content-length: 1\r\ncontent-length: 2\r\n",
    "content-length: 2\r\ncontent-length: 1\r\n",
    "content-length: 1, 2\r\n",
    "content-length: 1 1\r\n",
    "content-length: +1\r\n",
    "content-length: -1\r\n",
    "content-length: 0x1\r\n",
    "content-length: 1e0\r\n",
    "content-length: 1.0\r\n",
    "content-length: 1;\r\n",
    "content-length: \"1\"\r\n",
    "content-length: \u{ff11}\r\n",
    "content-length: 99999999999999999999999\r\n",
    "content-length: 18446744073709551617\r\n",
    "content-length : 1\r\n",
    "content-length\t: 1\r\n",
    "content length: 1\r\n",
    "content-length: 1\r\ntransfer-encoding : chunked\r\n",
    "content-length: 1\r\ntransfer-encoding\t: chunked\r\n",
    "content-length: 1\r\ntransfer-encoding\0: chunked\r\n",
    "content-length: 1\r\ntransfer-encoding\r: chunked\r\n",
    "content-length: 1\r\n transfer-encoding: chunked\r\n",
    "content-length: 1\r\ntransfer-encoding\r\n",
    "content-length: 1\r\n: chunked\r\n",
    "content-length: 1\r\na: b\r\n c\r\n",
    "content-length: 1\r\na: b\rc\r\n",
    "content-length: 1\r\na: b\0c\r\n",
    "content-length: 1\r\na\rb: c\r\n",
];

/// Heads of chunks that name a length as well.
const BOTH: &[&str] = &[
    "content-length: 1\r\ntransfer-encoding: chunked\r\n",
    "transfer-encoding: chunked\r\ncontent-length: 1\r\n",
    "content-length: 11\r\ntransfer-encoding: chunked\r\n",
    "transfer-encoding: chunked\r\ncontent-length: 11\r\n",
    "content-length: 0\r\ntransfer-encoding: chunked\r\n",
];

/// Heads of what may be chunks.
const CODINGS: &[&str] = &[
    "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
    "transfer-encoding: chunked, identity\r\n",
    "transfer-encoding: xchunked\r\n",
    "transfer-encoding: chunked;q=1\r\n",
    "transfer-encoding: \"chunked\"\r\n",
    "transfer-encoding: \u{b}chunked\r\n",
    "transfer-encoding: chun ked\r\n",
    "transfer-encoding: identity\r\n",
    "transfer-encoding: gzip\r\n",
    "transfer-encoding:\r\n chunked\r\ncontent-length: 11\r\n",
];

/// Bodies that are not quite a chunk of one byte.
const BODIES: &[&str] = &[
    "x\r\n1\r\n0\r\n\r\n",
    "-1\r\n1\r\n0\r\n\r\n",
    "+1\r\n1\r\n0\r\n\r\n",
    "0x1\r\n1\r\n0\r\n\r\n",
    "\r\n1\r\n0\r\n\r\n",
    "fffffffffffffffff\r\n1\r\n0\r\n\r\n",
    "1\r\n12\r\n0\r\n\r\n",
    "1\r\n10\r\n\r\n",
    "1\n1\r\n0\r\n\r\n",
    "1\r1\r\n0\r\n\r\n",
    "1\r\n1\n0\r\n\r\n",
    "1;a\n1\r\n0\r\n\r\n",
];
