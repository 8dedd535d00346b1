//! The echo in polywire, called as go-micro's clients call: JSON over HTTP/1.1.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use bench_polywire::{Micro, Polywire};

fn main() -> ExitCode {
    bench_harness::main::<Polywire<Micro>>()
}
