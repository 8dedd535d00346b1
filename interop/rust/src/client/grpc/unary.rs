//! Cases of one message each way.

use polywire::{Code, Service};
use tokio::task::JoinSet;

use super::super::{Failure, Outcome, expect};
use super::caller::Caller;
use crate::grpc::{
    EchoStatus, Empty, MissingMethodClient, Payload, SimpleRequest, TestServiceClient,
    UnimplementedServiceClient,
};

pub(super) async fn empty_unary(caller: Caller) -> Outcome {
    caller.client().empty_call(Empty {}).await?;
    Ok(())
}

pub(super) async fn large_unary(caller: Caller) -> Outcome {
    large(&caller.client()).await
}

async fn large<S: Service>(client: &TestServiceClient<S>) -> Outcome {
    let reply = client.unary_call(large_request()).await?;
    expect("bytes", &reply.payload.map(|payload| payload.body.len()), &Some(LARGE_RESPONSE))
}

pub(in super::super) fn large_request() -> SimpleRequest {
    SimpleRequest {
        response_size: i32::try_from(LARGE_RESPONSE).unwrap_or(i32::MAX),
        payload: Some(Payload::zeros(LARGE_REQUEST)),
        ..SimpleRequest::default()
    }
}

pub(super) async fn special_status_message(caller: Caller) -> Outcome {
    let text = "\t\ntest with whitespace\r\nand Unicode BMP \u{263a} and non-BMP \u{1f608}\t\n";
    let wanted = EchoStatus { code: 2, message: text.to_owned() };
    let request = SimpleRequest { response_status: Some(wanted), ..SimpleRequest::default() };
    let status = caller.client().unary_call(request).await.err().ok_or("no error")?;
    expect("code", &status.code(), &Code::Unknown)?;
    expect("message", &status.message(), &text)
}

pub(super) async fn unimplemented_method(caller: Caller) -> Outcome {
    let missing = MissingMethodClient::new(caller.tap);
    let status = missing.unimplemented_call(Empty {}).await.err().ok_or("no error")?;
    expect("code", &status.code(), &Code::Unimplemented)
}

pub(super) async fn unimplemented_service(caller: Caller) -> Outcome {
    let missing = UnimplementedServiceClient::new(caller.tap);
    let status = missing.unimplemented_call(Empty {}).await.err().ok_or("no error")?;
    expect("code", &status.code(), &Code::Unimplemented)
}

/// A thousand calls at the same time on one connection.
pub(super) async fn concurrent_large_unary(caller: Caller) -> Outcome {
    let mut calls = JoinSet::new();
    for _ in 0..1000 {
        let client = caller.client();
        calls.spawn(async move { large(&client).await });
    }
    while let Some(outcome) = calls.join_next().await {
        outcome??;
    }
    Ok(())
}

/// A hundred calls, some at the same time, on one connection.
pub(super) async fn rpc_soak(caller: Caller) -> Outcome {
    soak(move || Ok(caller.client())).await
}

/// A hundred calls, some at the same time, each on a connection of its own.
pub(super) async fn channel_soak(caller: Caller) -> Outcome {
    soak(move || caller.new_connection()).await
}

async fn soak<S: Service>(
    client: impl Fn() -> Result<TestServiceClient<S>, Failure> + Clone + Send + 'static,
) -> Outcome {
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        let client = client.clone();
        workers.spawn(async move {
            for _ in 0..CALLS_PER_WORKER {
                large(&client()?).await?;
            }
            Outcome::Ok(())
        });
    }
    while let Some(outcome) = workers.join_next().await {
        outcome??;
    }
    Ok(())
}

const WORKERS: usize = 4;
const CALLS_PER_WORKER: usize = 25;

/// Bytes of the payloads of a large call.
pub(super) const LARGE_REQUEST: usize = 271_828;
pub(super) const LARGE_RESPONSE: usize = 314_159;
