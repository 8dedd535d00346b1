//! S10 to S12: words that mean one thing here and another thing elsewhere.

use std::time::Instant;

use super::Scene;
use super::bombs::{exchange, summary};
use super::http2::{Connection, END_HEADERS, END_STREAM, End, frame, head, kind, literal};

/// S10: paths that are not quite those of a method.
pub(super) fn paths(scene: &mut Scene<'_>) -> Result<(), String> {
    let (begin, mut rounds) = (Instant::now(), 0);
    while rounds == 0 || begin.elapsed() < scene.time {
        rounds += 1;
        let before = scene.started()?;
        let mut odd = Vec::new();
        for path in PATHS {
            let mut connection = Connection::open(&scene.target.address)?;
            let block = head(path, "application/grpc");
            connection.send(&frame(kind::HEADERS, END_HEADERS, 1, &block));
            connection.send(&frame(kind::DATA, END_STREAM, 1, &[0; 5]));
            if connection.sync()?.is_some_and(|end| !refusal(end)) {
                odd.push(*path);
            }
        }
        for path in PATHS.iter().filter(|path| !path.contains(['\0', ' '])) {
            let request = format!(
                "POST {path} HTTP/1.1\r\nhost: target\r\nconnection: close\r\n\
                 content-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}"
            );
            let answer = summary(&exchange(&scene.target.address, request.as_bytes())?);
            if answer.contains(" 200 ") {
                odd.push(*path);
            }
        }
        let begun = scene.started()? - before;
        if rounds == 1 || begun > 0 || !odd.is_empty() {
            let text = format!("{} paths, {begun} reached the method; odd: {odd:?}", PATHS.len());
            scene.judge("paths", begun == 0 && odd.is_empty(), text);
        }
    }
    Ok(())
}

/// All but the right one, `/Target/Wait`.
const PATHS: &[&str] = &[
    "Target/Wait",
    "//Target/Wait",
    "/Target//Wait",
    "/Target/Wait/",
    "/Target/Wait//",
    "/target/Wait",
    "/Target/wait",
    "/TARGET/WAIT",
    "/Target/Wait.",
    "/Target./Wait",
    "/Target%2fWait",
    "/Target%2FWait",
    "/%54arget/Wait",
    "/Target/%57ait",
    "/Target/Wai%74",
    "/./Target/Wait",
    "/../Target/Wait",
    "/x/../Target/Wait",
    "/Target/./Wait",
    "/Target/../Target/Wait",
    "/Target/Wait%00",
    "/Target/Wait%20",
    "/Target/Wait;x",
    "/Target/Wait;/",
    "/Target\\Wait",
    "\\Target\\Wait",
    "/Target/Wait%3f",
    "/Target/Wait%23",
    "/x/Target/Wait",
    "/Target/Wait/x",
    "/.Target/Wait",
    "/Target /Wait",
    "/Target/ Wait",
    "/Target/Wait ",
    "/Target/Wait\0",
    "/Target/Wait%0a",
    "/Target/%E2%80%8BWait",
    "/Target/W\u{0430}it",
    "*",
    "/",
];

/// S11: metadata and timeouts that are none.
pub(super) fn metadata(scene: &mut Scene<'_>) -> Result<(), String> {
    let mut connection = Connection::open(&scene.target.address)?;
    let echo = head("/Target/Echo", "application/grpc");
    for (number, (name, value)) in (0..).zip(HEADERS) {
        let stream = number * 4 + 1;
        let block = [&echo[..], &literal(name, value)].concat();
        connection.send(&frame(kind::HEADERS, END_HEADERS | END_STREAM, stream, &block));
        let end = connection.sync()?;
        let text = end.map_or_else(|| "the connection lives".to_owned(), End::text);
        scene.judge(&format!("{name}: {}", value.escape_debug()), end.is_none(), text);
        if end.is_some() {
            connection = Connection::open(&scene.target.address)?;
        }
    }
    Ok(())
}

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

/// S12: requests whose end two readers would see in two places.
pub(super) fn smuggling(scene: &mut Scene<'_>) -> Result<(), String> {
    let hidden = "POST /Target/Wait HTTP/1.1\r\nhost: target\r\n\
                  content-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    let before = scene.started()?;
    for (name, headers, body) in REQUESTS {
        let request = format!(
            "POST /Target/Echo HTTP/1.1\r\nhost: target\r\ncontent-type: application/json\r\n\
             {headers}\r\n{body}{hidden}"
        );
        let answer = exchange(&scene.target.address, request.as_bytes())?;
        let text = summary(&answer);
        let refused = !String::from_utf8_lossy(&answer).contains("HTTP/1.1 200 ");
        scene.judge(name, refused, text);
    }
    let begun = scene.started()? - before;
    scene.judge("requests that were hidden", begun == 0, format!("{begun} were carried out"));
    Ok(())
}

const REQUESTS: &[(&str, &str, &str)] = &[
    ("length and chunks", "content-length: 1\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n"),
    ("chunks and length", "transfer-encoding: chunked\r\ncontent-length: 1\r\n", "0\r\n\r\n"),
    ("two lengths", "content-length: 1\r\ncontent-length: 2\r\n", "1"),
    ("a list of lengths", "content-length: 1, 2\r\n", "1"),
    ("a length with a sign", "content-length: +1\r\n", "1"),
    ("a negative length", "content-length: -1\r\n", "1"),
    ("a hexadecimal length", "content-length: 0x1\r\n", "1"),
    ("an endless length", "content-length: 99999999999999999999999\r\n", "1"),
    ("chunks that are not last", "transfer-encoding: chunked, identity\r\n", "0\r\n\r\n"),
    ("an unknown coding", "transfer-encoding: xchunked\r\n", "0\r\n\r\n"),
    ("a space before the colon", "transfer-encoding : chunked\r\n", "0\r\n\r\n"),
    ("a folded line", "transfer-encoding:\r\n chunked\r\ncontent-length: 1\r\n", "0\r\n\r\n"),
    ("a size that is none", "transfer-encoding: chunked\r\n", "x\r\n1\r\n0\r\n\r\n"),
    ("a size beyond all bounds", "transfer-encoding: chunked\r\n", "fffffffffffffffff\r\n1\r\n"),
    ("a chunk that is too long", "transfer-encoding: chunked\r\n", "1\r\n12\r\n0\r\n\r\n"),
    ("a bare line feed after a size", "transfer-encoding: chunked\r\n", "1\n1\r\n0\r\n\r\n"),
    ("a bare return in a name", "a\rb: c\r\ncontent-length: 1\r\n", "1"),
    ("a zero in a value", "a: \0\r\ncontent-length: 1\r\n", "1"),
];

/// Whether a connection ended for what was said on it.
const fn refusal(end: End) -> bool {
    matches!(end, End::Goodbye(1))
}
