//! Cases in which some messages are compressed and others are not.

use futures_util::stream::{self, StreamExt as _};
use polywire::Code;

use super::super::{Outcome, expect};
use super::caller::Caller;
use super::streams::expect_payload;
use super::unary::{LARGE_RESPONSE, large_request};
use crate::grpc::{
    BoolValue, Payload, ResponseParameters, SimpleRequest, StreamingInputCallRequest,
    StreamingOutputCallRequest,
};

pub(super) async fn client_compressed_unary(caller: Caller) -> Outcome {
    let announced =
        |value| SimpleRequest { expect_compressed: Some(BoolValue { value }), ..large_request() };
    let client = caller.client();
    caller.tap.compression.leave();
    let status = client.unary_call(announced(true)).await.err().ok_or("no error of the probe")?;
    expect("code of the probe", &status.code(), &Code::InvalidArgument)?;
    caller.tap.compression.compress();
    let reply = client.unary_call(announced(true)).await?;
    expect("bytes", &reply.payload.map(|payload| payload.body.len()), &Some(LARGE_RESPONSE))?;
    caller.tap.compression.leave();
    let reply = client.unary_call(announced(false)).await?;
    expect("bytes", &reply.payload.map(|payload| payload.body.len()), &Some(LARGE_RESPONSE))
}

pub(super) async fn server_compressed_unary(caller: Caller) -> Outcome {
    let client = caller.client();
    for value in [true, false] {
        let request =
            SimpleRequest { response_compressed: Some(BoolValue { value }), ..large_request() };
        let reply = client.unary_call(request).await?;
        expect("bytes", &reply.payload.map(|payload| payload.body.len()), &Some(LARGE_RESPONSE))?;
        expect("compressed", &caller.tap.compression.received_compressed(), &value)?;
    }
    Ok(())
}

pub(super) async fn client_compressed_streaming(caller: Caller) -> Outcome {
    let message = |value, bytes| StreamingInputCallRequest {
        payload: Some(Payload::zeros(bytes)),
        expect_compressed: Some(BoolValue { value }),
    };
    let client = caller.client();
    caller.tap.compression.leave();
    let probe = client.streaming_input_call(stream::iter([message(true, 27_182)]));
    let status = probe.await.err().ok_or("no error of the probe")?;
    expect("code of the probe", &status.code(), &Code::InvalidArgument)?;
    let compression = caller.tap.compression.clone();
    compression.compress();
    let requests = stream::iter([message(true, 27_182), message(false, 45_904)]);
    let requests = requests.inspect(move |request| match request.expect_compressed {
        Some(BoolValue { value: true }) => compression.compress(),
        _ => compression.leave(),
    });
    let reply = client.streaming_input_call(requests).await?;
    expect("bytes in all", &reply.aggregated_payload_size, &73_086)
}

pub(super) async fn server_compressed_streaming(caller: Caller) -> Outcome {
    let wanted = [(31_415, true), (92_653, false)];
    let request = StreamingOutputCallRequest {
        response_parameters: wanted
            .map(|(size, value)| ResponseParameters {
                size,
                compressed: Some(BoolValue { value }),
                ..ResponseParameters::default()
            })
            .to_vec(),
        ..StreamingOutputCallRequest::default()
    };
    let mut replies = caller.client().streaming_output_call(request).await?;
    for (size, compressed) in wanted {
        expect_payload(&mut replies, size).await?;
        expect("compressed", &caller.tap.compression.received_compressed(), &compressed)?;
    }
    expect("the end", &replies.message().await?, &None)
}
