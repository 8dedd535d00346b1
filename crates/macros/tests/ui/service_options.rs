//! Mistakes in `#[service(...)]` and `#[rpc(...)]`.

use polywire_macros::service;

#[service(title = "Arith")]
trait Unknown {
    async fn call(&self) -> u32;
}

#[service(name = "Ari th")]
trait Blank {
    async fn call(&self) -> u32;
}

#[service]
trait Methods {
    #[rpc(safe)]
    async fn unknown(&self) -> u32;
    #[rpc(name = "a.b")]
    async fn dotted(&self) -> u32;
    #[rpc = "idempotent"]
    async fn valued(&self) -> u32;
}

fn main() {}
