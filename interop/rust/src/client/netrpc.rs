//! Cases of gob and of its connections.

use std::sync::Arc;
use std::time::Duration;

use polywire::{Channel, ChannelOptions, ClientError, Code, Origin};
use tokio::time::{Instant, sleep};

use super::peer::Peer;
use super::{Case, Failure, Outcome, Transport, calls, expect};
use crate::odd::{FaultyClient, Holes, Numbers};
use crate::{Args, ArithClient, List, TypesClient, chain};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = calls::cases(Transport::Tcp);
    cases.extend(calls::cases(Transport::Connect));
    cases.extend(calls::cases(Transport::Tls));
    cases.extend([
        Case::on(Transport::Tcp, "long_list", long_list),
        Case::on(Transport::Tcp, "nan_reply", nan_reply),
        Case::on(Transport::Tcp, "interfaces_in_replies_are_skipped", interfaces),
        Case::on(Transport::Tcp, "nil_interface_reply_leaves_the_connection", nil_interface),
        Case::on(Transport::Tcp, "argument_that_gob_cannot_carry_is_not_sent", not_carried),
        Case::on(Transport::Tcp, "reply_that_go_cannot_send", not_sendable),
        Case::new("connect/custom_path", custom_path),
        Case::new("connect/unknown_path", unknown_path),
        Case::new("tls/unknown_authority_is_refused", unknown_authority),
        Case::new("robust/nobody_there", nobody_there),
        Case::new("robust/many_connections", many_connections),
        Case::new("robust/server_killed_and_started_again", killed_and_started),
    ]);
    cases
}

async fn works(channel: Channel) -> Outcome {
    let reply = ArithClient::new(channel).add(Args { a: 7, b: 8 }).await?;
    expect("sum", &reply.c, &15)
}

async fn long_list(channel: Channel) -> Outcome {
    let list = List { value: 90, next: chain(90) };
    expect("list", &TypesClient::new(channel).list(list.clone()).await?, &list)
}

async fn nan_reply(channel: Channel) -> Outcome {
    let reply = ArithClient::new(channel).not_a_number(Args::default()).await?;
    expect("NaN", &reply.is_nan(), &true)
}

/// Interfaces define types in the middle of values, and stretch values over messages.
async fn interfaces(channel: Channel) -> Outcome {
    let faulty = FaultyClient::new(channel.clone());
    for n in 0..14 {
        expect("numbers", &faulty.any(n).await?, &Numbers { a: n, b: n + 1 })?;
        works(channel.clone()).await?;
    }
    Ok(())
}

async fn nil_interface(channel: Channel) -> Outcome {
    let status = FaultyClient::new(channel.clone()).nil().await.err().ok_or("no error")?;
    expect("code", &status.code(), &Code::Internal)?;
    works(channel).await
}

async fn not_carried(channel: Channel) -> Outcome {
    let holes = Holes { items: vec![Some(1), None] };
    let status = FaultyClient::new(channel.clone()).holes(holes).await.err().ok_or("no error")?;
    expect("origin", &status.origin(), &Origin::NotSent)?;
    let Some(ClientError::Encode { .. }) = status.cause::<ClientError>() else {
        return Err(format!("got {status:?}").into());
    };
    works(channel).await
}

/// Go's server closes the connection; the next call has another.
async fn not_sendable(channel: Channel) -> Outcome {
    let status = FaultyClient::new(channel.clone()).hide().await.err().ok_or("no error")?;
    expect("origin", &status.origin(), &Origin::Lost)?;
    expect("code", &status.code(), &Code::Unavailable)?;
    works(channel).await
}

async fn custom_path(peer: Arc<Peer>) -> Outcome {
    let url = format!("netrpc+http://{}/custom/rpc", peer.address("http"));
    works(Channel::connect(&url).await?).await
}

async fn unknown_path(peer: Arc<Peer>) -> Outcome {
    let url = format!("netrpc+http://{}/other", peer.address("http"));
    refused_to_connect(&url, "404 Not Found").await
}

async fn refused_to_connect(url: &str, text: &str) -> Outcome {
    let error = Channel::connect(url).await.err().ok_or("it connected")?;
    let ClientError::Connect { source, .. } = &error else {
        return Err(format!("got {error:?}").into());
    };
    if !source.to_string().contains(text) {
        return Err(format!("error `{source}`, want `{text}`").into());
    }
    Ok(())
}

/// The system does not know the authority of this run.
async fn unknown_authority(peer: Arc<Peer>) -> Outcome {
    let url = format!("netrpc+tls://{}", peer.address("tls"));
    refused_to_connect(&url, "certificate").await
}

async fn nobody_there(peer: Arc<Peer>) -> Outcome {
    let mut gone = Peer::start(peer.options.clone(), "127.0.0.1:0").await?;
    let url = gone.url(Transport::Tcp);
    gone.kill().await?;
    refused_to_connect(&url, "refused").await?;
    let lazy = Channel::lazy(&url, ChannelOptions::default())?;
    let arith = ArithClient::new(lazy);
    let call = arith.mul(Args::default()).timeout(Duration::from_secs(5));
    let status = call.await.err().ok_or("no error")?;
    expect("origin", &status.origin(), &Origin::NotSent)
}

async fn many_connections(peer: Arc<Peer>) -> Outcome {
    let mut tasks = tokio::task::JoinSet::<Outcome>::new();
    for _ in 0..100 {
        let peer = Arc::clone(&peer);
        tasks.spawn(async move { works(peer.channel(Transport::Tcp)?).await });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

async fn killed_and_started(peer: Arc<Peer>) -> Outcome {
    let mut first = Peer::start(peer.options.clone(), "127.0.0.1:0").await?;
    let listen = first.address("tcp").to_owned();
    let channel = first.channel(Transport::Tcp)?;
    works(channel.clone()).await?;
    let arith = ArithClient::new(channel.clone());
    let mut running = arith.sleep_milli(Args { a: 60_000, b: 0 }).into_future();
    tokio::select! {
        biased;
        _ = &mut running => return Err("a call of 60 s has ended".into()),
        // The answer to this one shows that the one before it has left.
        outcome = works(channel.clone()) => outcome?,
    }
    first.kill().await?;
    let status = running.await.err().ok_or("a call of 60 s ended well")?;
    expect("origin", &status.origin(), &Origin::Lost)?;
    match status.cause::<ClientError>() {
        Some(ClientError::UnexpectedEof | ClientError::Io(_)) => {}
        _ => return Err(format!("got {status:?}").into()),
    }
    let second = Peer::start(peer.options.clone(), &listen).await?;
    expect("address", &second.address("tcp"), &listen.as_str())?;
    reconnects(&channel).await
}

/// The same channel works again before long; failures on the way are of calls that never left.
async fn reconnects(channel: &Channel) -> Result<(), Failure> {
    let patience = Instant::now() + Duration::from_secs(10);
    loop {
        let Err(status) = ArithClient::new(channel.clone()).mul(Args { a: 2, b: 3 }).await else {
            return Ok(());
        };
        expect("origin", &status.origin(), &Origin::NotSent)?;
        if Instant::now() > patience {
            return Err(status.into());
        }
        sleep(Duration::from_millis(20)).await;
    }
}
