//! The test service of gRPC, as far as go-micro carries it, on go-micro's servers.

mod streams;

use std::time::Duration;

use polywire::{Channel, Code, Origin, Publisher, Status};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Case, Outcome, expect};
use crate::Settings;
use crate::grpc::{
    EchoStatus, Empty, MissingMethodClient, Payload, SimpleRequest, TestServiceClient,
    UnimplementedServiceClient,
};
use crate::trouble::TroubleClient;
use crate::witness::{TOPIC, WORK, WitnessClient};

/// Every case that the settings leave room for, in both content types.
pub(super) fn cases(settings: &Settings) -> Vec<Case> {
    let direct = settings.registry.is_empty();
    let grpc = settings.flavour == "grpc";
    let mut cases = Vec::new();
    for codec in ["json", "proto"] {
        let case = Maker { cell: &settings.cell, codec };
        cases.extend([
            case.of("unary", |channel| async move { unary(&channel, 100, 200).await }),
            case.of("metadata", metadata),
            case.of("error", error),
            case.of(
                "panic",
                if grpc { |channel| panic(channel, true) } else { |channel| panic(channel, false) },
            ),
            case.of("deadline", deadline),
            case.of("stream_out", streams::out),
            case.of("stream_both_ways", streams::both_ways),
            case.of("stream_error", streams::error),
        ]);
        // The wire alone, so that once, by address, is enough.
        if direct {
            cases.extend([
                case.of("empty_unary", empty_unary),
                case.of(
                    "large_unary",
                    |channel| async move { unary(&channel, 271_828, 314_159).await },
                ),
                case.of("every_code", every_code),
                case.of("special_text", special_text),
                case.of("unknown_method", unknown_method),
                case.of("keep_alive_1000", keep_alive),
                case.of("at_once", at_once),
            ]);
        }
        if !settings.broker.is_empty() {
            cases.extend([case.through("publish", TOPIC), case.through("publish_to_queue", WORK)]);
        }
    }
    cases
}

/// Makes cases in one content type.
struct Maker<'a> {
    cell: &'a str,
    codec: &'static str,
}

impl Maker<'_> {
    /// Something about calls.
    fn of<F>(&self, name: &str, run: fn(Channel) -> F) -> Case
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let codec = self.codec;
        Case::new(&self.name(name), move |peer| async move { run(peer.micro(codec)?).await })
    }

    /// Something about events.
    fn through(&self, name: &str, topic: &'static str) -> Case {
        let codec = self.codec;
        Case::new(&self.name(name), move |peer| async move {
            publish(peer.micro("json")?, peer.publisher(topic, codec)?, topic).await
        })
    }

    fn name(&self, name: &str) -> String {
        let codec = self.codec;
        let shown = if codec == "proto" { "protobuf" } else { codec };
        let cell = if self.cell.is_empty() { "mucp/static" } else { self.cell };
        format!("{cell}/{shown}/{name}")
    }
}

async fn empty_unary(channel: Channel) -> Outcome {
    TestServiceClient::new(channel).empty_call(Empty {}).await?;
    Ok(())
}

async fn unary(channel: &Channel, sent: usize, wanted: usize) -> Outcome {
    let request = SimpleRequest {
        response_size: i32::try_from(wanted).unwrap_or(i32::MAX),
        payload: Some(Payload::zeros(sent)),
        ..SimpleRequest::default()
    };
    let reply = TestServiceClient::new(channel.clone()).unary_call(request).await?;
    let bytes = reply.payload.map_or(0, |payload| payload.body.len());
    expect("bytes", &bytes, &wanted)
}

/// Asks for an error, and gives what came.
async fn failing(channel: &Channel, code: i32, text: &str) -> Option<Status> {
    let wanted = EchoStatus { code, message: text.to_owned() };
    let request = SimpleRequest { response_status: Some(wanted), ..SimpleRequest::default() };
    TestServiceClient::new(channel.clone()).unary_call(request).await.err()
}

async fn error(channel: Channel) -> Outcome {
    let status = failing(&channel, 5, "not here").await.ok_or("no error")?;
    expect("code", &status.code(), &Code::NotFound)?;
    expect("origin", &status.origin(), &Origin::Service)?;
    expect("message", &status.message(), &"not here")
}

async fn every_code(channel: Channel) -> Outcome {
    for code in [3, 4, 5, 6, 7, 9, 12, 13, 14, 16] {
        let number = i32::try_from(code)?;
        let status = failing(&channel, number, "text").await.ok_or("no error")?;
        expect("code", &status.code(), &Code::from_number(code))?;
    }
    Ok(())
}

async fn special_text(channel: Channel) -> Outcome {
    let text = "\t\ntest with whitespace\r\nand Unicode BMP \u{263a} and non-BMP \u{1f608} <&>\t\n";
    let status = failing(&channel, 5, text).await.ok_or("no error")?;
    expect("message", &status.message(), &text)
}

async fn unknown_method(channel: Channel) -> Outcome {
    let missing = MissingMethodClient::new(channel.clone()).unimplemented_call(Empty {}).await;
    expect("code", &missing.err().map(|status| status.code()), &Some(Code::Unimplemented))?;
    let missing = UnimplementedServiceClient::new(channel).unimplemented_call(Empty {}).await;
    expect("code", &missing.err().map(|status| status.code()), &Some(Code::Unimplemented))
}

/// go-micro's own servers do not answer a call whose handler panics, but for those of gRPC.
async fn panic(channel: Channel, answered: bool) -> Outcome {
    let trouble = TroubleClient::new(channel.clone());
    let call = trouble.explode(Empty {}).retries(0);
    let status = call.timeout(Duration::from_millis(500)).await.err().ok_or("no error")?;
    let code = if answered { Code::Internal } else { Code::DeadlineExceeded };
    expect("code", &status.code(), &code)?;
    unary(&channel, 1, 2).await
}

async fn metadata(channel: Channel) -> Outcome {
    let witness = WitnessClient::new(channel);
    let seen = witness.trace(Empty {}).metadata("trace-id", "one two").await?;
    expect("metadata", &seen.username.as_str(), &"one two")
}

async fn deadline(channel: Channel) -> Outcome {
    let begun = Instant::now();
    let trouble = TroubleClient::new(channel.clone());
    let call = trouble.wait(Empty {});
    let status = call.timeout(Duration::from_millis(300)).await.err().ok_or("no error")?;
    expect("code", &status.code(), &Code::DeadlineExceeded)?;
    expect("in time", &(begun.elapsed() < Duration::from_secs(3)), &true)?;
    unary(&channel, 1, 2).await
}

async fn keep_alive(channel: Channel) -> Outcome {
    for n in 0..1000 {
        unary(&channel, n % 7, n % 11).await?;
    }
    Ok(())
}

async fn at_once(channel: Channel) -> Outcome {
    let mut callers = JoinSet::new();
    for _ in 0..32 {
        let channel = channel.clone();
        callers.spawn(async move {
            for n in 0..50 {
                unary(&channel, n, 3 * n).await?;
            }
            Ok(())
        });
    }
    callers.join_all().await.into_iter().collect()
}

/// Publishes an event, and wants the server to have seen it, once.
async fn publish(channel: Channel, publisher: Publisher, topic: &str) -> Outcome {
    let body = format!("of {topic}");
    let payload = Payload { body: body.clone().into(), ..Payload::default() };
    let event = SimpleRequest { payload: Some(payload), ..SimpleRequest::default() };
    let publisher = publisher.header("trace-id", topic);
    publisher.publish(&event).await?;
    publisher.flush().await?;
    let witness = WitnessClient::new(channel);
    let seen = witness.event(SimpleRequest { response_size: 5000, ..SimpleRequest::default() });
    let seen = seen.timeout(Duration::from_secs(10)).await?;
    let payload = seen.payload.map(|payload| payload.body);
    expect("event", &payload.as_deref(), &Some(body.as_bytes()))?;
    expect("topic", &seen.oauth_scope.as_str(), &topic)?;
    expect("metadata", &seen.username.as_str(), &topic)?;
    let again = witness.event(SimpleRequest { response_size: 300, ..SimpleRequest::default() });
    let status = again.await.err().ok_or("the event came again")?;
    expect("code", &status.code(), &Code::NotFound)
}
