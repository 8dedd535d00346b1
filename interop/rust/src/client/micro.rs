//! The test service of gRPC, as far as go-micro carries it, on go-micro's servers.

use std::time::Duration;

use polywire::{Channel, Code, HttpOptions, Origin, Status};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Case, Outcome, expect};
use crate::grpc::{
    EchoStatus, Empty, MissingMethodClient, Payload, SimpleRequest, TestServiceClient,
    UnimplementedServiceClient,
};
use crate::trouble::TroubleClient;

/// Every case in both content types.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for codec in ["json", "proto"] {
        cases.extend([
            case(codec, "empty_unary", empty_unary),
            case(codec, "unary", |channel| async move { unary(&channel, 100, 200).await }),
            case(
                codec,
                "large_unary",
                |channel| async move { unary(&channel, 271_828, 314_159).await },
            ),
            case(codec, "error", error),
            case(codec, "every_code", every_code),
            case(codec, "special_text", special_text),
            case(codec, "unknown_method", unknown_method),
            case(codec, "panic", panic),
            case(codec, "deadline", deadline),
            case(codec, "keep_alive_1000", keep_alive),
            case(codec, "at_once", at_once),
        ]);
    }
    cases
}

fn case<F>(codec: &'static str, name: &str, run: fn(Channel) -> F) -> Case
where
    F: Future<Output = Outcome> + Send + 'static,
{
    let shown = if codec == "proto" { "protobuf" } else { codec };
    Case::new(&format!("{shown}/{name}"), move |peer| async move {
        let url = format!("micro://{}?codec={codec}", peer.address("tcp"));
        run(peer.open(&url, HttpOptions::default())?).await
    })
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

/// go-micro's servers do not answer a call whose handler panics.
async fn panic(channel: Channel) -> Outcome {
    let trouble = TroubleClient::new(channel.clone());
    let call = trouble.explode(Empty {});
    let status = call.timeout(Duration::from_millis(500)).await.err().ok_or("no error")?;
    expect("code", &status.code(), &Code::DeadlineExceeded)?;
    unary(&channel, 1, 2).await
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
