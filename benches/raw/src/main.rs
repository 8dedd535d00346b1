//! A plain tokio echo of frames with a length: the limit the others are compared with.
//!
//! Not a framework: there is one method, nothing is decoded, and no call can fail by itself. A
//! frame is the payload's length and a method or status (4 bytes each), the call's id (8 bytes),
//! little endian, and the payload.
#![forbid(unsafe_code)]

mod client;
mod frame;
mod server;

use std::net::SocketAddr;
use std::process::ExitCode;

use bench_harness::{BoxError, Peer};

struct Raw;

impl Peer for Raw {
    type Client = client::Client;
    type Payload = Vec<u8>;

    async fn serve(
        listen: SocketAddr,
        listening: impl FnOnce(SocketAddr) + Send,
    ) -> Result<(), BoxError> {
        server::serve(listen, listening).await
    }

    async fn connect(server: SocketAddr) -> Result<Self::Client, BoxError> {
        Ok(client::Client::connect(server).await?)
    }

    fn payload(bytes: usize) -> Vec<u8> {
        vec![7; bytes]
    }

    fn len(payload: &Vec<u8>) -> usize {
        payload.len()
    }

    async fn call(client: &Self::Client, payload: Vec<u8>) -> Result<Vec<u8>, BoxError> {
        Ok(client.call(payload).await?)
    }
}

fn main() -> ExitCode {
    bench_harness::main::<Raw>()
}
