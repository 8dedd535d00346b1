//! The server under attack: every wire on one port, every limit as it comes but that of a message.

use std::error::Error;
use std::future::pending;
use std::sync::atomic::{AtomicI64, Ordering};

use polywire::prelude::*;
use polywire::server::{Limits, WireLimits};
use polywire::{Layer, Reply, Request, Service};

use crate::Words;

/// Small enough that a message which is believed before it has come would show in the memory.
const MESSAGE_BYTES: usize = 1024 * 1024;

/// Answers at once, or never, and counts the calls that ought not to be answered.
#[derive(Default)]
struct Target {
    started: AtomicI64,
}

#[polywire::service]
impl Target {
    #[expect(clippy::unused_async, reason = "a method is async whether it waits or not")]
    pub(crate) async fn echo(&self, number: i64) -> Result<i64, Status> {
        Ok(number)
    }

    /// Takes for ever.
    pub(crate) async fn wait(&self) -> Result<(), Status> {
        self.started.fetch_add(1, Ordering::Relaxed);
        pending().await
    }

    /// The sum of a stream.
    pub(crate) async fn sum(&self, mut numbers: Streaming<i64>) -> Result<i64, Status> {
        let mut sum = 0_i64;
        while let Some(number) = numbers.message().await? {
            sum = sum.wrapping_add(number);
        }
        Ok(sum)
    }

    /// A reply that does not fit into a packet.
    #[expect(clippy::unused_async, reason = "a method is async whether it waits or not")]
    pub(crate) async fn large(&self) -> Result<String, Status> {
        Ok("x".repeat(LARGE_BYTES))
    }

    /// Nobody may call this, and nobody gets here.
    #[expect(clippy::unused_async, reason = "a method is async whether it waits or not")]
    pub(crate) async fn secret(&self) -> Result<(), Status> {
        self.started.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// How many calls of `wait` and of `secret` have begun.
    #[expect(clippy::unused_async, reason = "a method is async whether it waits or not")]
    pub(crate) async fn started(&self) -> Result<i64, Status> {
        Ok(self.started.load(Ordering::Relaxed))
    }
}

const LARGE_BYTES: usize = 64 * 1024;

/// Refuses the one method that nobody may call, by its name.
#[derive(Clone, Copy)]
struct GuardLayer;

struct Guard<S> {
    inner: S,
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard { inner }
    }
}

impl<S: Service> Service for Guard<S> {
    async fn call(&self, request: Request) -> Reply {
        if (request.method.service(), request.method.method()) == ("Target", "Secret") {
            return Err(Status::new(Code::PermissionDenied, "nobody may call this"));
        }
        self.inner.call(request).await
    }
}

/// Serves until the input ends.
pub(crate) async fn run(mut words: Words) -> Result<(), Box<dyn Error>> {
    let limits = Limits::default().wire(WireLimits::default().message_bytes(MESSAGE_BYTES));
    let app = App::new("faults").serve(TargetServer::new(Target::default()));
    let app = app.layer(GuardLayer).limits(limits).private().listen("127.0.0.1:0").start().await?;
    println!("ready {}", app.address().as_str());
    while words.next_line().await?.is_some() {}
    app.shutdown().await;
    Ok(())
}
