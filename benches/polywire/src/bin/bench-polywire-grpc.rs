//! The echo in polywire, over gRPC.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use bench_polywire::{Polywire, Wire};

struct Client;

impl Wire for Client {
    const SCHEME: &str = "grpc";
}

fn main() -> ExitCode {
    bench_harness::main::<Polywire<Client>>()
}
