//! `polywire demo`: one greeter, called over every wire.

use std::error::Error;
use std::time::Instant;

use futures_util::{StreamExt as _, stream};
use polywire::prelude::*;
use polywire::{Address, ChannelOptions, Running, TlsClient, TlsServer};
use serde_json::json;

use super::bench::{latencies, nanos};
use crate::args::{DemoArgs, Format};
use crate::failure::{Failure, chain};
use crate::output;

/// Whom to greet.
#[derive(Serialize, Deserialize, Schema)]
struct HelloRequest {
    /// The name, as it should be spoken.
    name: String,
}

/// The greeting.
#[derive(Serialize, Deserialize, Schema)]
struct HelloReply {
    /// A whole sentence.
    greeting: String,
}

struct DemoGreeter;

/// Greets people.
#[expect(clippy::unused_async, reason = "a method is async whether it waits or not")]
#[polywire::service(name = "Greeter")]
impl DemoGreeter {
    /// Says hello.
    #[rpc(idempotent)]
    pub(crate) async fn hello(&self, req: HelloRequest) -> Result<HelloReply, Status> {
        Ok(HelloReply { greeting: format!("Hello, {}!", req.name) })
    }

    /// Adds two numbers.
    #[rpc(idempotent)]
    pub(crate) async fn add(&self, a: i64, b: i64) -> Result<i64, Status> {
        a.checked_add(b).ok_or_else(|| Status::new(Code::OutOfRange, "the sum is too large"))
    }

    /// Counts down from a number.
    pub(crate) async fn countdown(&self, from: u32) -> Result<BoxStream<u32>, Status> {
        Ok(Box::pin(stream::iter((0..=from).rev().map(Ok))))
    }

    /// Says hello to each, as they come.
    pub(crate) async fn hello_all(
        &self,
        people: Streaming<HelloRequest>,
    ) -> Result<BoxStream<HelloReply>, Status> {
        let greet = |person: HelloRequest| format!("Hello, {}!", person.name);
        let greet = move |person: Result<_, _>| person.map(|p| HelloReply { greeting: greet(p) });
        Ok(Box::pin(people.map(greet)))
    }
}

/// A wire: its URL scheme, and who speaks it.
const WIRES: [(&str, &str); 10] = [
    ("netrpc", "Go net/rpc, rpc.Dial"),
    ("netrpc+http", "Go net/rpc, rpc.DialHTTP"),
    ("jsonrpc", "Go net/rpc/jsonrpc"),
    ("jsonrpc2", "JSON-RPC 2.0"),
    ("netrpc+tls", "Go net/rpc over tls.Dial"),
    ("grpc", "gRPC in any language"),
    ("grpc+tls", "gRPC over TLS"),
    ("grpc-web", "gRPC-Web, browsers"),
    ("connect", "Connect in any language"),
    ("connect?codec=json", "Connect with JSON, curl"),
];

/// Calls per wire; enough for a median, few enough to be done at once.
const CALLS: usize = 200;

/// Starts the greeter, calls it over every wire, and prints what came of it.
pub(crate) async fn run(args: &DemoArgs, format: Format) -> Result<(), Failure> {
    let app = App::new("greeter").serve(DemoGreeterServer::new(DemoGreeter));
    let (tls, trusted) = certificate().map_err(|error| Failure::Environment(chain(&*error)))?;
    let app = app.listen(args.listen.as_str()).tls(tls);
    let app = if args.stay { app } else { app.private() };
    let running = app.start().await.map_err(|error| Failure::Environment(chain(&error)))?;
    let address = running.address().clone();
    output::message(&format!("a greeter listens on {address}: one port for every wire"));
    let mut outcomes = Vec::new();
    for (scheme, _) in WIRES {
        let (scheme, query) = scheme.split_once('?').map_or((scheme, ""), |(s, q)| (s, q));
        let question = if query.is_empty() { "" } else { "?" };
        let url = format!("{scheme}://{address}{question}{query}");
        outcomes.push(measure(&url, trusted.clone()).await);
    }
    report(&outcomes, format);
    if args.stay {
        stay(running, &address).await;
    } else {
        running.shutdown().await;
    }
    outcomes.into_iter().find_map(Result::err).map_or(Ok(()), Err)
}

/// A certificate for this machine, made for this run, and a client that trusts it.
fn certificate() -> Result<(TlsServer, TlsClient), Box<dyn Error>> {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names)?;
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let server = TlsServer::from_pem(certificate.as_bytes(), key.as_bytes())?;
    Ok((server, TlsClient::from_ca_pem(certificate.as_bytes())?))
}

fn report(outcomes: &[Result<u64, Failure>], format: Format) {
    let wires = WIRES.iter().zip(outcomes);
    if format == Format::Json {
        let one = |((wire, spoken_by), outcome): (&(&str, &str), &Result<u64, Failure>)| {
            let p50_ns = outcome.as_ref().ok();
            json!({ "wire": wire, "spoken_by": spoken_by, "ok": p50_ns.is_some(), "p50_ns": p50_ns })
        };
        return output::json(&wires.map(one).collect());
    }
    let row = |((wire, spoken_by), outcome): (&(&str, &str), &Result<u64, Failure>)| {
        let (ok, p50) = match outcome {
            Ok(median) => ("yes", nanos(*median)),
            Err(failure) => ("NO", failure.to_string()),
        };
        [*wire, spoken_by, ok, &p50].map(str::to_owned).to_vec()
    };
    output::table(&["WIRE", "SPOKEN BY", "OK", "P50"], &wires.map(row).collect::<Vec<_>>());
}

/// The median time of a call, in nanoseconds.
async fn measure(url: &str, trusted: TlsClient) -> Result<u64, Failure> {
    let channel = Channel::lazy(url, ChannelOptions::default().tls(trusted));
    let greeter = DemoGreeterClient::new(channel.map_err(|error| Failure::Usage(chain(&error)))?);
    let mut times = latencies();
    for call in 0..CALLS {
        let begin = now();
        let request = HelloRequest { name: format!("caller {call}") };
        let reply = greeter.hello(request).timeout(Duration::from_secs(5)).await?;
        let took = begin.elapsed();
        if reply.greeting != format!("Hello, caller {call}!") {
            let text = format!("the wrong answer: {}", reply.greeting);
            return Err(Status::new(Code::DataLoss, text).into());
        }
        times.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }
    Ok(times.value_at_quantile(0.5))
}

async fn stay(running: Running, address: &Address) {
    output::line(&format!(
        "\nThe greeter is registered as `greeter` and stays until Ctrl-C. Try, elsewhere:\n\n  \
         polywire services\n  \
         polywire describe greeter\n  \
         polywire call greeter Greeter.Hello '{{\"name\": \"Ann\"}}'\n  \
         polywire call jsonrpc://{address} Greeter.Add '{{\"a\": 1, \"b\": 2}}'\n  \
         polywire call grpc://{address} Greeter.Countdown 3\n  \
         polywire export --proto greeter\n  \
         curl -d '{{\"name\": \"Ann\"}}' -H 'content-type: application/json' {address}/Greeter/Hello\n  \
         polywire bench netrpc://{address} Greeter.Hello '{{\"name\": \"Ann\"}}' -z 5s\n\n\
         and from Go:\n\n  \
         client, err := rpc.Dial(\"tcp\", \"{address}\")\n  \
         err = client.Call(\"Greeter.Add\", struct{{ A, B int }}{{1, 2}}, &sum)\n"
    ));
    polywire::asked_to_end().await;
    running.shutdown().await;
}

#[expect(clippy::disallowed_methods, reason = "the demo shows how long calls take")]
fn now() -> Instant {
    Instant::now()
}
