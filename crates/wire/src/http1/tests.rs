use polywire_schema::Schema;

use super::*;

fn entry(name: &str) -> (Vec<u8>, Vec<u8>) {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../tests/vectors/rpc.json")).unwrap();
    let entry = vectors.as_array().unwrap().iter().find(|entry| entry["name"] == name).unwrap();
    let bytes = |dir: &str| {
        let chunks = entry["value"]["chunks"].as_array().unwrap().iter();
        chunks
            .filter(|chunk| chunk["dir"] == dir)
            .flat_map(|chunk| {
                let hex = chunk["hex"].as_str().unwrap();
                (0..hex.len())
                    .step_by(2)
                    .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            })
            .collect()
    };
    (bytes("c2s"), bytes("s2c"))
}

fn head(bytes: &[u8]) -> (Head, BytesMut) {
    let mut src = BytesMut::from(bytes);
    let head = read_head(&mut src, 1024).unwrap().unwrap();
    (head, src)
}

/// Go's answers without the date, which nothing here knows.
fn without_date(bytes: &[u8]) -> String {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    text.split_inclusive("\r\n").filter(|line| !line.starts_with("Date: ")).collect()
}

fn answer_to(bytes: &[u8]) -> (Bytes, BytesMut) {
    let (head, rest) = head(bytes);
    let answer = match (head.path(), head.method.as_str()) {
        ("/_goRPC_", "CONNECT") => connected(),
        ("/_goRPC_", _) => method_not_allowed(&head),
        _ => not_found(&head),
    };
    (answer, rest)
}

#[test]
fn connects_are_answered_with_gos_bytes() {
    for name in [
        "raw_http_connect",
        "raw_http_connect_crlf_11",
        "raw_http_connect_11_nohost",
        "raw_http_connect_pipelined",
        "raw_http_connect_then_gob",
        "conv_http_two_calls",
    ] {
        let (request, reply) = entry(name);
        let (answer, _) = answer_to(&request);
        assert!(reply.starts_with(&answer), "{name}");
    }
}

#[test]
fn refusals_are_gos_but_for_the_date() {
    for name in ["raw_http_get_rpc_path", "raw_http_connect_wrong_path", "conv_httppath_two_calls"]
    {
        let (request, reply) = entry(name);
        assert_eq!(without_date(&answer_to(&request).0), without_date(&reply), "{name}");
    }
}

#[test]
fn bytes_sent_before_the_answer_are_kept() {
    let (request, _) = entry("raw_http_connect_pipelined");
    let (_, rest) = head(&request);
    assert_eq!(&*rest, &request[b"CONNECT /_goRPC_ HTTP/1.0\n\n".len()..]);
    assert!(!rest.is_empty());
}

#[test]
fn a_head_cut_anywhere_is_read_once_it_is_whole() {
    let whole = b"CONNECT /_goRPC_ HTTP/1.1\r\nHost: x\r\n\r\n";
    for cut in 0..whole.len() {
        let mut src = BytesMut::from(&whole[..cut]);
        assert_eq!(read_head(&mut src, 1024).unwrap(), None, "cut at {cut}");
        assert_eq!(src.len(), cut);
        src.extend_from_slice(&whole[cut..]);
        assert_eq!(read_head(&mut src, 1024).unwrap().unwrap().path(), "/_goRPC_");
        assert!(src.is_empty());
    }
}

#[test]
fn a_head_without_an_end_is_refused_at_the_limit() {
    let mut src = BytesMut::from(&[b'A'; 64][..]);
    let error = read_head(&mut src, 64).unwrap_err().to_string();
    assert_eq!(error, "bytes of an HTTP head of 64 is over the limit of 64 (head_bytes)");
}

#[test]
fn what_is_no_head_is_refused() {
    for bytes in [&b"\n\n"[..], b"GET\n\n", b"GET / FTP/1.0\n\n", b"GET / HTTP/1.0\n:\n\n"] {
        let mut src = BytesMut::from(bytes);
        assert!(read_head(&mut src, 64).is_err(), "{:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn the_path_of_a_url_is_found() {
    for (target, path) in [
        ("/debug/rpc", "/debug/rpc"),
        ("/debug/rpc?x=/y", "/debug/rpc"),
        ("http://host:1/debug/rpc?x", "/debug/rpc"),
        ("http://host", "/"),
        ("host:80", "host:80"),
    ] {
        let head = Head { method: "GET".to_owned(), target: target.to_owned(), minor: 1 };
        assert_eq!(head.path(), path);
    }
}

#[test]
fn an_answer_to_http_1_1_says_that_the_connection_closes() {
    let (head, _) = head(b"HEAD /x HTTP/1.1\r\n\r\n");
    let text = String::from_utf8(page(&head, "<p>").to_vec()).unwrap();
    assert!(text.contains("\r\nConnection: close\r\n"), "{text}");
    assert!(text.ends_with("\r\n\r\n"), "no body to HEAD: {text}");
}

/// Takes the rows of a page apart again.
fn rows(html: &str) -> Vec<DebugService> {
    let unescape =
        |text: &str| text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let services = html.split("Service ").skip(1).map(|service| {
        let (name, rest) = service.split_once('\n').unwrap();
        let methods = rest.split("font=fixed>").skip(1).map(|method| {
            let (name, rest) = method.split_once('(').unwrap();
            let (types, rest) = rest.split_once(") error</td>").unwrap();
            let (argument, reply) = types.split_once(", ").unwrap();
            let calls = rest.split_once("center>").unwrap().1.split_once('<').unwrap().0;
            let (argument, reply) = (unescape(argument), unescape(reply));
            DebugMethod { name: name.to_owned(), argument, reply, calls: calls.parse().unwrap() }
        });
        // The page's order is the renderer's to find.
        DebugService { name: name.to_owned(), methods: reversed(methods) }
    });
    reversed(services)
}

fn reversed<T>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    items.reverse();
    items
}

#[test]
fn the_debug_page_is_gos_byte_for_byte() {
    let (_, reply) = entry("raw_http_debug_page");
    let reply = String::from_utf8(reply).unwrap();
    let html = reply.split_once("\r\n\r\n").unwrap().1;
    let services = rows(html);
    assert!(services.iter().map(|service| service.methods.len()).sum::<usize>() > 20);
    assert_eq!(debug_page(&services), html);
}

#[test]
fn names_on_the_page_are_escaped() {
    let services = [DebugService { name: "<&+\"'>".to_owned(), methods: Vec::new() }];
    assert!(debug_page(&services).contains("Service &lt;&amp;&#43;&#34;&#39;&gt;\n"));
}

#[test]
fn rust_types_read_as_gos() {
    for (ty, go) in [
        (<Vec<u8>>::TYPE, "[]uint8"),
        (<std::collections::BTreeMap<String, i64>>::TYPE, "map[string]int64"),
        (<Option<Vec<[f32; 3]>>>::TYPE, "*[][3]float32"),
        (<()>::TYPE, "struct {}"),
        (<(bool, char)>::TYPE, "struct { F0 bool; F1 string }"),
        (std::time::Duration::TYPE, "time.Duration"),
        (std::time::SystemTime::TYPE, "time.Time"),
    ] {
        assert_eq!(go_type(ty), go);
    }
    assert_eq!(DebugMethod::new("M", i64::TYPE, u16::TYPE, 3).reply, "*uint16");
}

#[test]
fn the_answer_to_connect_must_be_gos_words() {
    for (name, error) in [
        ("clientraw_http_ok", None),
        ("clientraw_http_ok_crlf", None),
        ("clientraw_http_extra_headers", None),
        ("clientraw_http_plain_200_ok", Some("unexpected HTTP response: 200 OK")),
        ("clientraw_http_404", Some("unexpected HTTP response: 404 Not Found")),
        ("clientraw_http_garbage", Some("malformed HTTP response: \"hello\"")),
    ] {
        let mut src = BytesMut::from(&*entry(name).1);
        let outcome = read_connect_answer(&mut src, 1024);
        assert_eq!(outcome.err().map(|error| error.to_string()).as_deref(), error, "{name}");
    }
    assert!(read_connect_answer(&mut BytesMut::new(), 1024).unwrap().is_none());
}
