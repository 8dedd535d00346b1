//! S10 to S12: words that mean one thing here and another thing elsewhere.

use std::collections::BTreeSet;
use std::time::Instant;

use super::Scene;
use super::bombs::{exchange, summary};
use super::http2::{
    Answer, Connection, END_HEADERS, END_STREAM, End, frame, head, head_at, kind, literal, open,
};

/// S10: paths that are not quite those of a method, one that a layer refuses by its name.
pub(super) fn paths(scene: &mut Scene<'_>) -> Result<(), String> {
    let (begin, before, mut rounds) = (Instant::now(), scene.started()?, 0);
    let mut odd = BTreeSet::new();
    while rounds == 0 || begin.elapsed() < scene.time {
        rounds += 1;
        odd.extend(odd_over_http2(scene)?);
        odd.extend(odd_over_http1(scene)?);
        odd.extend(odd_over_jsonrpc(scene)?);
    }
    let begun = scene.started()? - before;
    let count = PATHS.len() * 2 - UNSPEAKABLE + METHODS.len() + 2;
    let text = format!("{count} variants, {rounds} times: {begun} got through; odd: {odd:?}");
    scene.judge("paths", begun == 0 && odd.is_empty(), text);
    Ok(())
}

/// Those that were neither refused by a status without a message, nor as a breach of HTTP/2.
fn odd_over_http2(scene: &Scene<'_>) -> Result<Vec<String>, String> {
    let mut odd = Vec::new();
    let right = [("/Target/Secret", "target"), ("/Target/Secret", "elsewhere")];
    for (path, authority) in PATHS.iter().map(|path| (*path, "target")).chain(right) {
        let mut connection = Connection::open(&scene.target.address)?;
        let block = head_at(authority, path, "application/grpc");
        connection.send(&frame(kind::HEADERS, END_HEADERS, 1, &block));
        connection.send(&frame(kind::DATA, END_STREAM, 1, &[0; 5]));
        let seen = connection.answer(1)?;
        let refused = matches!(
            seen,
            Answer::Head { ended: true } | Answer::Reset(_) | Answer::End(End::Goodbye(1))
        );
        if !refused {
            odd.push(format!("HTTP/2 {authority} {path}: {seen:?}"));
        }
    }
    Ok(odd)
}

/// Those that were not answered as what is not there, or as no request.
fn odd_over_http1(scene: &Scene<'_>) -> Result<Vec<String>, String> {
    let mut odd = Vec::new();
    for path in PATHS.iter().filter(|path| speakable(path)) {
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: target\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}"
        );
        let answer = exchange(&scene.target.address, request.as_bytes())?;
        let status = summary(&answer);
        if ![" 400 ", " 404 "].iter().any(|refusal| status.contains(refusal)) {
            odd.push(format!("HTTP/1 {path}: {status}"));
        }
    }
    Ok(odd)
}

/// Names where JSON-RPC is spoken, `/` among them: there the name is in the body.
fn odd_over_jsonrpc(scene: &Scene<'_>) -> Result<Vec<String>, String> {
    let mut odd = Vec::new();
    for method in METHODS {
        let call = format!("{{\"jsonrpc\":\"2.0\",\"method\":\"{method}\",\"id\":1}}");
        let request = format!(
            "POST / HTTP/1.1\r\nhost: target\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{call}",
            call.len()
        );
        let answer = exchange(&scene.target.address, request.as_bytes())?;
        if !String::from_utf8_lossy(&answer).contains("\"error\":{") {
            odd.push(format!("JSON-RPC {method}: {}", summary(&answer)));
        }
    }
    Ok(odd)
}

/// Whether a line of HTTP/1 can hold it.
fn speakable(path: &str) -> bool {
    !path.contains(['\0', ' '])
}

/// How many of the paths it cannot.
const UNSPEAKABLE: usize = 4;

const METHODS: &[&str] =
    &["Target.Secret", "Target/Secret", "/Target/Secret", "Target..Secret", "target.secret", ""];

/// All but the right one, `/Target/Secret`.
const PATHS: &[&str] = &[
    "Target/Secret",
    "//Target/Secret",
    "/Target//Secret",
    "/Target/Secret/",
    "/Target/Secret//",
    "/target/Secret",
    "/Target/secret",
    "/TARGET/SECRET",
    "/Target/Secret.",
    "/Target./Secret",
    "/Target%2fSecret",
    "/Target%2FSecret",
    "/%54arget/Secret",
    "/Target/%53ecret",
    "/Target/Secre%74",
    "/./Target/Secret",
    "/../Target/Secret",
    "/x/../Target/Secret",
    "/Target/./Secret",
    "/Target/../Target/Secret",
    "/Target/Secret%00",
    "/Target/Secret%20",
    "/Target/Secret;x",
    "/Target/Secret;/",
    "/Target\\Secret",
    "\\Target\\Secret",
    "/Target/Secret%3f",
    "/Target/Secret%23",
    "/x/Target/Secret",
    "/Target/Secret/x",
    "/.Target/Secret",
    "/Target /Secret",
    "/Target/ Secret",
    "/Target/Secret ",
    "/Target/Secret\0",
    "/Target/Secret%0a",
    "/Target/%E2%80%8BSecret",
    "/Target/S\u{0435}cret",
    "*",
    "/Target",
];

/// S11: metadata and timeouts that are none. Each goes to a stream of a connection on which another
/// call waits; the stream may end in whatever way, the connection is to live.
pub(super) fn metadata(scene: &mut Scene<'_>) -> Result<(), String> {
    let (begin, mut rounds) = (Instant::now(), 0);
    let mut first = Vec::new();
    while rounds == 0 || begin.elapsed() < scene.time {
        rounds += 1;
        let mut round = Vec::new();
        for (name, value) in HEADERS {
            round.push(answer_to(scene, name, value)?);
        }
        if rounds == 1 {
            first = round;
        } else if first != round {
            scene.judge("another round", false, format!("{round:?} instead of {first:?}"));
        }
    }
    for ((name, value), (seen, lives)) in HEADERS.iter().zip(first) {
        let what = format!("{}: {}", name.escape_debug(), value.escape_debug());
        let text = format!("{}; the connection lives: {lives}", seen.text());
        if !lives && ENDS_THE_CONNECTION.contains(&(*name, *value)) {
            scene.miss(&what, &text, "the library beneath does not tell the stream");
        } else {
            scene.judge(&what, lives && !matches!(seen, Answer::End(_)), text);
        }
    }
    Ok(())
}

/// What is answered to a call with this header, and whether the connection lives.
fn answer_to(scene: &Scene<'_>, name: &str, value: &str) -> Result<(Answer, bool), String> {
    let mut connection = Connection::open(&scene.target.address)?;
    connection.send(&open(1));
    let block = [head("/Target/Echo", "application/grpc"), literal(name, value)].concat();
    connection.send(&frame(kind::HEADERS, END_HEADERS | END_STREAM, 3, &block));
    let seen = connection.answer(3)?;
    Ok((seen, connection.sync()?.is_none()))
}

/// What ends the connection, as RFC 9113 §5.4.1 leaves to a server, and not the stream alone: names
/// and values that the h2 crate rejects where it undoes the compression.
const ENDS_THE_CONNECTION: &[(&str, &str)] =
    &[("x", "a\r\nb: c"), ("x", "a\0b"), ("x\n", "a"), ("X-Upper", "a"), (":unknown", "a")];

const HEADERS: &[(&str, &str)] = &[
    ("x-bin", "not base64!"),
    ("x-bin", "AAAAA"),
    ("x-bin", "===="),
    ("x", "a\r\nb: c"),
    ("x", "a\0b"),
    ("x", "\u{fffd}"),
    ("x\n", "a"),
    ("X-Upper", "a"),
    (":path", "/Target/Wait"),
    (":unknown", "a"),
    ("connection", "close"),
    ("transfer-encoding", "chunked"),
    ("content-length", "99"),
    ("content-length", "x"),
    ("grpc-timeout", "99999999H"),
    ("grpc-timeout", "999999999999H"),
    ("grpc-timeout", "-1S"),
    ("grpc-timeout", "1"),
    ("grpc-encoding", "rot13"),
    ("te", "gzip"),
];
