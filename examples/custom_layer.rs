//! A layer of one's own: every call needs a token.
//!
//! ```console
//! cargo run -p polywire-examples --example custom-layer
//! ```
//!
//! A layer wraps anything that answers calls. Here it wraps a router, without a socket; on a server
//! it is the same with `App::server(|server| server.layer(..))`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]
#![expect(clippy::unused_async, reason = "a method is async whether it waits or not")]

use std::error::Error;

use polywire::prelude::*;
use polywire::{Layer, Reply, Request, Service};

/// Refuses calls without the right `authorization`.
#[derive(Clone)]
struct TokenLayer(&'static str);

struct Token<S> {
    inner: S,
    token: &'static str,
}

impl<S> Layer<S> for TokenLayer {
    type Service = Token<S>;

    fn layer(&self, inner: S) -> Token<S> {
        Token { inner, token: self.0 }
    }
}

impl<S: Service> Service for Token<S> {
    async fn call(&self, req: Request) -> Reply {
        // A layer sees the method and the metadata; the argument stays encoded.
        if req.metadata.get("authorization") != Some(self.token) {
            let text = format!("{} needs a token", req.method);
            return Err(Status::new(Code::Unauthenticated, text));
        }
        self.inner.call(req).await
    }
}

struct Vault;

#[polywire::service]
impl Vault {
    /// Tells the secret.
    pub(crate) async fn open(&self) -> Result<String, Status> {
        Ok("42".to_owned())
    }
}

/// Calls without the token, then with it.
pub(crate) async fn open() -> Result<(Status, String), Box<dyn Error>> {
    let router = Router::new().add(VaultServer::new(Vault))?;
    let vault = VaultClient::new(TokenLayer("sesame").layer(router));

    let refused = match vault.open().await {
        Ok(secret) => return Err(format!("told {secret} to a stranger").into()),
        Err(status) => status,
    };
    let secret = vault.open().metadata("authorization", "sesame").await?;
    Ok((refused, secret))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (refused, secret) = open().await?;
    println!("without the token: {refused}");
    println!("with the token:    {secret}");
    Ok(())
}
