//! Streams of go-micro's.

use futures_util::stream;
use polywire::{Channel, Code, Streaming};
use tokio::sync::mpsc;

use super::super::{Outcome, expect};
use crate::grpc::{
    EchoStatus, ResponseParameters, StreamingOutputCallRequest, StreamingOutputCallResponse,
    TestServiceClient,
};

/// go-micro's servers lose what they send without a pause, so there is one behind each reply.
pub(super) async fn out(channel: Channel) -> Outcome {
    let sizes = 0..12;
    let wanted = sizes.clone().map(|size| ResponseParameters {
        size,
        interval_us: 50_000,
        ..ResponseParameters::default()
    });
    let request = StreamingOutputCallRequest {
        response_parameters: wanted.collect(),
        ..StreamingOutputCallRequest::default()
    };
    let mut replies = TestServiceClient::new(channel).streaming_output_call(request).await?;
    for size in sizes {
        expect_bytes(&mut replies, size).await?;
    }
    expect("the end", &replies.message().await?, &None)
}

pub(super) async fn both_ways(channel: Channel) -> Outcome {
    let (sender, receiver) = mpsc::channel(1);
    let requests = stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|request| (request, receiver))
    });
    let client = TestServiceClient::new(channel);
    sender.send(wanted(31_415)).await?;
    let mut replies = client.full_duplex_call(Box::pin(requests)).await?;
    expect_bytes(&mut replies, 31_415).await?;
    for size in [9, 2653, 58_979] {
        sender.send(wanted(size)).await?;
        expect_bytes(&mut replies, size).await?;
    }
    Ok(())
}

pub(super) async fn error(channel: Channel) -> Outcome {
    let failing = StreamingOutputCallRequest {
        response_status: Some(EchoStatus { code: 5, message: "no more".to_owned() }),
        ..StreamingOutputCallRequest::default()
    };
    let requests = stream::iter([wanted(7), failing]);
    let mut replies = TestServiceClient::new(channel).full_duplex_call(requests).await?;
    expect_bytes(&mut replies, 7).await?;
    let status = replies.message().await.err().ok_or("no error")?;
    expect("code", &status.code(), &Code::NotFound)?;
    expect("message", &status.message(), &"no more")
}

fn wanted(size: i32) -> StreamingOutputCallRequest {
    StreamingOutputCallRequest {
        response_parameters: vec![ResponseParameters { size, ..ResponseParameters::default() }],
        ..StreamingOutputCallRequest::default()
    }
}

async fn expect_bytes(replies: &mut Streaming<StreamingOutputCallResponse>, size: i32) -> Outcome {
    let reply = replies.message().await?.ok_or("no more replies")?;
    let bytes = reply.payload.map_or(0, |payload| payload.body.len());
    expect("bytes", &bytes, &usize::try_from(size)?)
}
