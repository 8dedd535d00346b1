//! Makes Rust of the runner's `.proto` files.

use std::env;
use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed={PROTOS}");
    let missing = format!("{PROTOS} is not set; `cargo xtask interop connect` sets it");
    let protos = PathBuf::from(env::var_os(PROTOS).ok_or(missing)?);
    let files = ["client_compat", "config", "server_compat", "service"];
    let files = files.map(|name| protos.join(format!("connectrpc/conformance/v1/{name}.proto")));
    polywire_build::compile(&files, &[protos])?;
    Ok(())
}

/// The folder of the runner's `.proto` files.
const PROTOS: &str = "CONFORMANCE_PROTOS";
