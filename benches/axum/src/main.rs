//! The echo in axum: JSON over HTTP/1.1. Its caller is polywire's client of go-micro's services, to
//! which any server will do that answers a POST.
#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::process::ExitCode;

use axum::routing::post;
use axum::{Json, Router};
use bench_harness::{BoxError, Peer};
use bench_polywire::{Micro, Polywire};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

/// Base64 stays as it is: nobody else has it so easy.
#[derive(Debug, Serialize, Deserialize)]
struct Message {
    payload: String,
}

struct Axum;

impl Peer for Axum {
    type Client = <Polywire<Micro> as Peer>::Client;
    type Payload = <Polywire<Micro> as Peer>::Payload;

    async fn serve(
        listen: SocketAddr,
        listening: impl FnOnce(SocketAddr) + Send,
    ) -> Result<(), BoxError> {
        let listener = TcpListener::bind(listen).await?;
        listening(listener.local_addr()?);
        let echo = post(|Json(message): Json<Message>| async { Json(message) });
        axum::serve(listener, Router::new().route("/", echo)).await?;
        Ok(())
    }

    async fn connect(server: SocketAddr) -> Result<Self::Client, BoxError> {
        Polywire::<Micro>::connect(server).await
    }

    fn payload(bytes: usize) -> Self::Payload {
        Polywire::<Micro>::payload(bytes)
    }

    fn len(payload: &Self::Payload) -> usize {
        Polywire::<Micro>::len(payload)
    }

    async fn call(
        client: &Self::Client,
        payload: Self::Payload,
    ) -> Result<Self::Payload, BoxError> {
        Polywire::<Micro>::call(client, payload).await
    }
}

fn main() -> ExitCode {
    bench_harness::main::<Axum>()
}
