//! The server under attack: every wire on one port, every limit as it comes but that of a message.

use std::error::Error;
use std::future::pending;
use std::sync::atomic::{AtomicI64, Ordering};

use polywire::prelude::*;
use polywire::server::{Limits, WireLimits};

use crate::Words;

/// Small enough that a message which is believed before it has come would show in the memory.
const MESSAGE_BYTES: usize = 1024 * 1024;

/// Answers at once, or never, and counts the calls that it never answers.
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

    /// How many calls of `wait` have begun.
    #[expect(clippy::unused_async, reason = "a method is async whether it waits or not")]
    pub(crate) async fn started(&self) -> Result<i64, Status> {
        Ok(self.started.load(Ordering::Relaxed))
    }
}

/// Serves until the input ends.
pub(crate) async fn run(mut words: Words) -> Result<(), Box<dyn Error>> {
    let limits = Limits::default().wire(WireLimits::default().message_bytes(MESSAGE_BYTES));
    let app = App::new("faults").serve(TargetServer::new(Target::default())).limits(limits);
    let app = app.private().listen("127.0.0.1:0").start().await?;
    println!("ready {}", app.address().as_str());
    while words.next_line().await?.is_some() {}
    app.shutdown().await;
    Ok(())
}
