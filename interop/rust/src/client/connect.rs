//! gRPC's interop cases over Connect and gRPC-Web, in binary and in JSON, and what these two have
//! beyond gRPC.

use std::sync::Arc;

use polywire::{BoxService, Code, HttpOptions};

use super::grpc::{self, Caller, Run, case, large_request, streams};
use super::{Case, Outcome, expect};
use crate::grpc::{BoolValue, EchoStatus, Payload, SimpleRequest};

/// Every case over every wire, over HTTP/1.1 and HTTP/2, over plain text and over TLS.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for wire in &WIRES {
        for transport in &TRANSPORTS {
            let listed = grpc::all().into_iter().chain(own());
            let listed = listed.filter(|(name, _)| wire.has(name, transport));
            cases.extend(listed.map(|(name, run)| wire.case(transport, name, run.into())));
        }
    }
    cases
}

/// What is spoken.
struct Wire {
    name: &'static str,
    scheme: &'static str,
    query: &'static str,
    /// Whether it is Connect in binary or gRPC-Web in binary, uncompressed.
    is_basic: bool,
}

const WIRES: [Wire; 6] = [
    Wire { name: "connect", scheme: "connect", query: "", is_basic: true },
    Wire { name: "connect-json", scheme: "connect", query: "?codec=json", is_basic: false },
    Wire { name: "connect-gzip", scheme: "connect", query: "?compression=gzip", is_basic: false },
    Wire { name: "grpc-web", scheme: "grpc-web", query: "", is_basic: true },
    Wire { name: "grpc-web-json", scheme: "grpc-web", query: "?codec=json", is_basic: false },
    Wire { name: "grpc-web-gzip", scheme: "grpc-web", query: "?compression=gzip", is_basic: false },
];

/// What it is spoken over.
struct Transport {
    name: &'static str,
    /// The server's name for its address.
    address: &'static str,
    /// What follows the scheme.
    suffix: &'static str,
    /// The version of HTTP that the URL asks for; without one it is up to the server.
    version: Option<&'static str>,
}

const TRANSPORTS: [Transport; 5] = [
    Transport { name: "http1", address: "http", suffix: "", version: Some("1.1") },
    Transport { name: "http2", address: "tcp", suffix: "", version: None },
    Transport { name: "http1+tls", address: "tls", suffix: "+tls", version: Some("1.1") },
    Transport { name: "http2+tls", address: "tls", suffix: "+tls", version: None },
    // A server that agrees to nothing else by ALPN.
    Transport { name: "only-http1+tls", address: "tls-http1", suffix: "+tls", version: None },
];

impl Transport {
    fn is_http2(&self) -> bool {
        self.name.starts_with("http2")
    }

    /// With the query of a wire.
    fn query(&self, query: &str) -> String {
        let separator = if query.is_empty() { "?" } else { "&" };
        let version = self.version.map(|version| format!("{separator}http={version}"));
        format!("{query}{}", version.unwrap_or_default())
    }
}

/// Cases with streams both ways at once, which servers have over HTTP/2 only.
const BOTH_WAYS: [&str; 6] = [
    "ping_pong",
    "empty_stream",
    "custom_metadata",
    "status_code_and_message",
    "cancel_after_first_response",
    "timeout_on_sleeping_server",
];

impl Wire {
    /// Whether a case can be had here, and is worth its time.
    fn has(&self, name: &str, transport: &Transport) -> bool {
        match name {
            "get_unary" => self.scheme == "connect",
            "concurrent_large_unary" | "rpc_soak" | "channel_soak" => {
                self.is_basic && transport.name == "http2"
            }
            _ if transport.version.is_none() && !transport.is_http2() && !self.is_basic => false,
            name => transport.is_http2() || !BOTH_WAYS.contains(&name),
        }
    }

    fn case(&'static self, transport: &'static Transport, name: &str, run: Arc<Run>) -> Case {
        let gets = name == "get_unary";
        Case::new(&format!("{}/{}/{name}", self.name, transport.name), move |peer| {
            let run = Arc::clone(&run);
            let connect = move || {
                let authority = peer.address(transport.address);
                let (scheme, suffix) = (self.scheme, transport.suffix);
                let query = transport.query(self.query);
                let url = format!("{scheme}{suffix}://{authority}{query}");
                let http = HttpOptions::default();
                let http = if gets { http.get_idempotent() } else { http };
                Ok(BoxService::new(peer.open(&url, http)?))
            };
            async move { run(Caller::new(connect)?).await }
        })
    }
}

fn own() -> Vec<(&'static str, Box<Run>)> {
    vec![
        ("get_unary", case(get_unary)),
        ("compressed_both_ways", case(compressed_both_ways)),
        ("every_status_code", case(every_status_code)),
        ("custom_metadata_of_a_unary_call", case(streams::custom_metadata_of_a_unary_call)),
        ("cancelled_server_stream", case(streams::cancelled_server_stream)),
        ("timeout_of_a_server_stream", case(streams::timeout_of_a_server_stream)),
    ]
}

/// A call that is made by GET, as the server says; and one that is refused.
async fn get_unary(caller: Caller) -> Outcome {
    let client = caller.client();
    let request = SimpleRequest {
        response_size: 9,
        payload: Some(Payload::zeros(8)),
        ..SimpleRequest::default()
    };
    let reply = client.cacheable_unary_call(request).await?;
    expect("bytes", &reply.payload.map(|payload| payload.body.len()), &Some(9))?;
    expect("method", &caller.tap.headers().get("x-http-method"), &Some("GET"))?;
    let wanted = EchoStatus { code: 5, message: "not here".to_owned() };
    let request = SimpleRequest { response_status: Some(wanted), ..SimpleRequest::default() };
    let status = client.cacheable_unary_call(request).await.err().ok_or("no error")?;
    expect("code", &status.code(), &Code::NotFound)?;
    expect("message", &status.message(), &"not here")
}

/// A large call and its reply.
async fn compressed_both_ways(caller: Caller) -> Outcome {
    caller.tap.compression.compress();
    let request = SimpleRequest {
        expect_compressed: Some(BoolValue { value: true }),
        response_compressed: Some(BoolValue { value: true }),
        ..large_request()
    };
    let wanted = request.response_size;
    let reply = caller.client().unary_call(request).await?;
    let bytes = reply.payload.map(|payload| payload.body.len());
    expect("bytes", &bytes, &usize::try_from(wanted).ok())?;
    expect("compressed", &caller.tap.compression.received_compressed(), &true)
}

/// Connect gives each code a status of HTTP, and some share one.
async fn every_status_code(caller: Caller) -> Outcome {
    for code in 1..=16 {
        let wanted = EchoStatus { code, message: format!("this is {code}") };
        let message = wanted.message.clone();
        let request = SimpleRequest { response_status: Some(wanted), ..SimpleRequest::default() };
        let status = caller.client().unary_call(request).await.err().ok_or("no error")?;
        let number = u64::try_from(code).unwrap_or_default();
        expect("code", &status.code(), &Code::from_number(number))?;
        expect("message", &status.message(), &message.as_str())?;
    }
    Ok(())
}
