//! Cases of streams.

use std::time::Duration;

use futures_util::stream::{self, Stream};
use polywire::{Code, Metadata, Status, Streaming};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::super::{Failure, Outcome, expect};
use super::caller::Caller;
use crate::grpc::{
    ECHO_INITIAL, ECHO_TRAILING, EchoStatus, Payload, ResponseParameters, SimpleRequest,
    StreamingInputCallRequest, StreamingOutputCallRequest, StreamingOutputCallResponse,
};

pub(super) async fn client_streaming(caller: Caller) -> Outcome {
    let requests = REQUESTS.map(|bytes| StreamingInputCallRequest {
        payload: Some(Payload::zeros(bytes)),
        expect_compressed: None,
    });
    let reply = caller.client().streaming_input_call(stream::iter(requests)).await?;
    expect("bytes in all", &reply.aggregated_payload_size, &74_922)
}

pub(super) async fn server_streaming(caller: Caller) -> Outcome {
    let request = StreamingOutputCallRequest {
        response_parameters: RESPONSES.map(reply_of).to_vec(),
        ..StreamingOutputCallRequest::default()
    };
    let mut replies = caller.client().streaming_output_call(request).await?;
    for size in RESPONSES {
        expect_payload(&mut replies, size).await?;
    }
    expect("the end", &replies.message().await?, &None)
}

pub(super) async fn ping_pong(caller: Caller) -> Outcome {
    let (sender, requests) = channel();
    sender.send(ping(REQUESTS[0], RESPONSES[0])).await?;
    let mut replies = caller.client().full_duplex_call(Box::pin(requests)).await?;
    expect_payload(&mut replies, RESPONSES[0]).await?;
    for (request, response) in REQUESTS.into_iter().zip(RESPONSES).skip(1) {
        sender.send(ping(request, response)).await?;
        expect_payload(&mut replies, response).await?;
    }
    drop(sender);
    expect("the end", &replies.message().await?, &None)
}

pub(super) async fn empty_stream(caller: Caller) -> Outcome {
    let mut replies = caller.client().full_duplex_call(stream::empty()).await?;
    expect("the end", &replies.message().await?, &None)
}

pub(super) async fn custom_metadata(caller: Caller) -> Outcome {
    custom_metadata_of_a_unary_call(caller.clone()).await?;
    let client = caller.client();
    let call = client.full_duplex_call(stream::iter([ping(1, 1)]));
    let call = call.metadata(ECHO_INITIAL, INITIAL).metadata(ECHO_TRAILING, TRAILING);
    let mut replies = call.await?;
    let headers = caller.tap.headers();
    expect_payload(&mut replies, 1).await?;
    expect("the end", &replies.message().await?, &None)?;
    echoed("stream", &headers, &replies.trailers())
}

pub(in super::super) async fn custom_metadata_of_a_unary_call(caller: Caller) -> Outcome {
    let client = caller.client();
    let request = SimpleRequest {
        response_size: 1,
        payload: Some(Payload::zeros(1)),
        ..SimpleRequest::default()
    };
    let call = client.unary_call(request).metadata(ECHO_INITIAL, INITIAL);
    call.metadata(ECHO_TRAILING, TRAILING).await?;
    echoed("unary", &caller.tap.headers(), &caller.tap.trailers())
}

fn echoed(what: &str, headers: &Metadata, trailers: &Metadata) -> Outcome {
    let all = |metadata: &Metadata, name: &str| {
        metadata.get_all(name).map(|text| text.trim_end_matches('=').to_owned()).collect()
    };
    let headers: Vec<String> = all(headers, ECHO_INITIAL);
    expect(&format!("{what}: headers"), &headers, &vec![INITIAL.to_owned()])?;
    let trailers: Vec<String> = all(trailers, ECHO_TRAILING);
    expect(&format!("{what}: trailers"), &trailers, &vec![TRAILING.to_owned()])
}

pub(super) async fn status_code_and_message(caller: Caller) -> Outcome {
    let wanted = Some(EchoStatus { code: 2, message: "test status message".to_owned() });
    let expected = |status: Status| {
        expect("code", &status.code(), &Code::Unknown)?;
        expect("message", &status.message(), &"test status message")
    };
    let client = caller.client();
    let request = SimpleRequest { response_status: wanted.clone(), ..SimpleRequest::default() };
    expected(client.unary_call(request).await.err().ok_or("no error of the unary call")?)?;
    let request = StreamingOutputCallRequest {
        response_status: wanted,
        ..StreamingOutputCallRequest::default()
    };
    // A server that sends nothing ahead of the status fails the call before there is a stream.
    match client.full_duplex_call(stream::iter([request])).await {
        Err(status) => expected(status),
        Ok(mut replies) => expected(replies.message().await.err().ok_or("no error of the stream")?),
    }
}

/// Whoever drops a call cancels it: there is nobody left to be told a status.
pub(super) async fn cancel_after_begin(caller: Caller) -> Outcome {
    let (begun, has_begun) = oneshot::channel();
    let mut begun = Some(begun);
    let requests = stream::poll_fn(move |_| {
        // Asked for its first message, the call is under way.
        begun.take().map(|begun| begun.send(()));
        std::task::Poll::Pending
    });
    let client = caller.client();
    tokio::select! {
        reply = client.streaming_input_call(requests) => {
            return Err(format!("a call that never sent anything was answered: {reply:?}").into());
        }
        begun = has_begun => begun?,
    }
    super::unary::empty_unary(caller).await
}

pub(super) async fn cancel_after_first_response(caller: Caller) -> Outcome {
    let (sender, requests) = channel();
    sender.send(ping(REQUESTS[0], RESPONSES[0])).await?;
    let mut replies = caller.client().full_duplex_call(Box::pin(requests)).await?;
    expect_payload(&mut replies, RESPONSES[0]).await?;
    drop(replies);
    // The call lets go of what it was being sent.
    timeout(Duration::from_secs(10), sender.closed()).await?;
    super::unary::empty_unary(caller).await
}

pub(super) async fn timeout_on_sleeping_server(caller: Caller) -> Outcome {
    let (sender, requests) = channel();
    let request = StreamingOutputCallRequest {
        payload: Some(Payload::zeros(REQUESTS[0])),
        ..StreamingOutputCallRequest::default()
    };
    sender.send(request).await?;
    let client = caller.client();
    let call = client.full_duplex_call(Box::pin(requests)).timeout(Duration::from_millis(1));
    let status = match call.await {
        Err(status) => status,
        Ok(mut replies) => replies.message().await.err().ok_or("no error")?,
    };
    expect("code", &status.code(), &Code::DeadlineExceeded)
}

/// A stream of replies that is left after the first.
pub(in super::super) async fn cancelled_server_stream(caller: Caller) -> Outcome {
    let mut replies = caller.client().streaming_output_call(late(&[1])).await?;
    expect_payload(&mut replies, 1).await?;
    drop(replies);
    super::unary::empty_unary(caller).await
}

/// A stream of replies the first of which is late.
pub(in super::super) async fn timeout_of_a_server_stream(caller: Caller) -> Outcome {
    let client = caller.client();
    let call = client.streaming_output_call(late(&[])).timeout(Duration::from_millis(50));
    let status = match call.await {
        Err(status) => status,
        Ok(mut replies) => replies.message().await.err().ok_or("no error")?,
    };
    expect("code", &status.code(), &Code::DeadlineExceeded)
}

/// Asks for replies of these sizes at once, and for one after a long time.
fn late(at_once: &[i32]) -> StreamingOutputCallRequest {
    let last = ResponseParameters { size: 1, interval_us: 10_000_000, ..Default::default() };
    let at_once = at_once.iter().copied().map(reply_of);
    StreamingOutputCallRequest {
        response_parameters: at_once.chain([last]).collect(),
        ..StreamingOutputCallRequest::default()
    }
}

type Requests = mpsc::Sender<StreamingOutputCallRequest>;

/// Requests that are made one after another; dropping the sender ends them.
fn channel() -> (Requests, impl Stream<Item = StreamingOutputCallRequest> + Send + 'static) {
    let (sender, receiver) = mpsc::channel(1);
    let requests = stream::unfold(receiver, async |mut receiver| {
        receiver.recv().await.map(|request| (request, receiver))
    });
    (sender, requests)
}

fn ping(request: usize, response: i32) -> StreamingOutputCallRequest {
    StreamingOutputCallRequest {
        response_parameters: vec![reply_of(response)],
        payload: Some(Payload::zeros(request)),
        ..StreamingOutputCallRequest::default()
    }
}

fn reply_of(size: i32) -> ResponseParameters {
    ResponseParameters { size, ..ResponseParameters::default() }
}

pub(super) async fn expect_payload(
    replies: &mut Streaming<StreamingOutputCallResponse>,
    size: i32,
) -> Result<(), Failure> {
    let reply = replies.message().await?.ok_or("the stream ended early")?;
    let bytes = reply.payload.map(|payload| payload.body.len());
    expect("bytes", &bytes, &usize::try_from(size).ok())
}

const REQUESTS: [usize; 4] = [27_182, 8, 1_828, 45_904];
const RESPONSES: [i32; 4] = [31_415, 9, 2_653, 58_979];

const INITIAL: &str = "test_initial_metadata_value";
const TRAILING: &str = "CgsKCwoL";
