//! The server: three apps, one a connection.

use std::error::Error;
use std::future::pending;
use std::io;
use std::time::Duration;

use polywire::Running;
use polywire::prelude::*;
use polywire::server::Limits;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::sockets::Held;
use crate::{NAMES, Words, say, told};

/// Answers at once, or never.
pub(crate) struct Probe;

#[polywire::service]
impl Probe {
    #[expect(clippy::unused_async, reason = "a method is async whether it waits or not")]
    pub(crate) async fn echo(&self, number: i64) -> Result<i64, Status> {
        Ok(number)
    }

    /// As `echo`, and tried again where a member ends with the call in its hands.
    #[rpc(idempotent)]
    #[expect(clippy::unused_async, reason = "a method is async whether it waits or not")]
    pub(crate) async fn echo_again(&self, number: i64) -> Result<i64, Status> {
        Ok(number)
    }

    /// Takes for ever.
    pub(crate) async fn wait(&self) -> Result<(), Status> {
        pending().await
    }
}

/// Serves until the input ends; says when each connection is closed after the `cut`.
pub(crate) async fn run(
    addresses: [String; 3],
    keepalive: Duration,
    mut words: Words,
) -> Result<(), Box<dyn Error>> {
    let mut apps = Vec::new();
    for address in addresses {
        let limits = Limits::default().keepalive(keepalive).grace(Duration::ZERO);
        let app = App::new("faults").serve(ProbeServer::new(Probe)).limits(limits);
        apps.push(app.private().listen(address).start().await?);
    }
    println!("ready");
    if !told(&mut words, "cut").await? {
        return Ok(());
    }
    let mut watching = watch(&apps)?;
    while let Some(closed) = watching.join_next().await {
        closed??;
    }
    while words.next_line().await?.is_some() {}
    for app in apps {
        app.shutdown().await;
    }
    Ok(())
}

fn watch(apps: &[Running]) -> io::Result<JoinSet<io::Result<()>>> {
    let (since, mut watching) = (Instant::now(), JoinSet::new());
    for (name, app) in NAMES.into_iter().zip(apps) {
        let held = Held::at(app.address())?;
        watching.spawn(async move {
            held.closed().await?;
            say(name, "closed", since);
            Ok(())
        });
    }
    Ok(watching)
}
