//! The echo in polywire, over the netrpc wire.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use bench_polywire::{Polywire, Wire};

struct Client;

impl Wire for Client {
    const SCHEME: &str = "netrpc";
}

fn main() -> ExitCode {
    bench_harness::main::<Polywire<Client>>()
}
