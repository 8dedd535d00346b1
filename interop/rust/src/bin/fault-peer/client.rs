//! The client: a call that waits for its reply, a call sent into the dark, and an idle connection.

use std::error::Error;
use std::time::Duration;

use polywire::prelude::*;
use polywire::{Address, ChannelOptions};
use tokio::time::Instant;

use crate::server::ProbeClient;
use crate::sockets::Held;
use crate::{Words, say, told};

/// Makes the connections, and says what becomes of each after the `cut`, and that they are made
/// anew after the `mend`.
pub(crate) async fn run(
    addresses: [String; 3],
    keepalive: Duration,
    mut words: Words,
) -> Result<(), Box<dyn Error>> {
    let options = ChannelOptions::default().keepalive(keepalive).retries(0);
    let connect = |address: &String| Channel::lazy(address, options.clone()).map(ProbeClient::new);
    let clients: Result<Vec<_>, _> = addresses.iter().map(connect).collect();
    let clients = clients?;
    let [waiting, sent, _idle] = clients.as_slice() else { return Err("three, as said".into()) };

    let mut wait = std::pin::pin!(waiting.wait().into_future());
    for client in &clients {
        tokio::select! {
            biased;
            ended = &mut wait => return Err(format!("the call that waits: {ended:?}").into()),
            // The first of these follows the call that waits, so its answer says that the server
            // has that one.
            echoed = client.echo(1) => echoed?,
        };
    }
    println!("ready");
    if !told(&mut words, "cut").await? {
        return Ok(());
    }
    let since = Instant::now();
    let idle = Held::at(&Address::from(addresses[2].as_str()))?;
    tokio::join!(
        async { say("waiting", outcome(wait.await), since) },
        async { say("sent", outcome(sent.echo(2).await.map(drop)), since) },
        async { say("idle", idle.closed().await.map_or("unknown", |()| "closed"), since) },
    );
    if !told(&mut words, "mend").await? {
        return Ok(());
    }
    let since = Instant::now();
    for client in &clients {
        let echoed = client.echo(3).retries(10).await;
        say("mended", outcome(echoed.map(drop)), since);
    }
    while words.next_line().await?.is_some() {}
    Ok(())
}

/// The code that a call ended with, in small letters.
fn outcome(ended: Result<(), Status>) -> &'static str {
    match ended {
        Ok(()) => "ok",
        Err(status) if status.code() == Code::Unavailable => "unavailable",
        Err(_) => "another-error",
    }
}
