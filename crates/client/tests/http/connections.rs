//! What becomes of calls when connections end, fill up or fall silent, and when callers leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use h2::Reason;
use h2::server::{Builder, handshake};
use polywire_client::{Channel, ChannelOptions, ClientError, HttpOptions};
use polywire_core::{Code, Deadline, Origin, Service as _};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep};

use crate::peer::*;

#[tokio::test(start_paused = true)]
async fn a_refused_call_is_made_again_at_once() {
    let calls = Arc::new(AtomicUsize::new(0));
    let peer = Peer::answering(move |call, mut respond| {
        let first = calls.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            if first {
                respond.send_reset(Reason::REFUSED_STREAM);
            } else {
                echo(call, respond).await;
            }
        }
    })
    .await;
    let began = Instant::now();
    assert_eq!(bytes(&ask(&peer.grpc(), b"ping").await), b"ping");
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(peer.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn calls_that_a_leaving_peer_has_not_seen_go_elsewhere_and_the_others_go_on() {
    let both_came = Arc::new(Notify::new());
    let came = Arc::clone(&both_came);
    let peer = Peer::scripted(move |nth, socket| {
        let came = Arc::clone(&came);
        async move {
            let mut connection = handshake(socket).await.unwrap();
            if nth > 0 {
                return serve(connection, echo).await;
            }
            let (call, respond) = connection.accept().await.unwrap().unwrap();
            // Says that it has seen this one and no other, then answers it.
            connection.graceful_shutdown();
            came.notify_one();
            let late = async {
                let (_head, body) = read(call).await;
                sleep(Duration::from_secs(1)).await;
                reply(respond, &[("first", "yes")], body, &[("grpc-status", "0")]);
                std::future::pending::<()>().await;
            };
            let serving = async { while let Some(Ok(_unseen)) = connection.accept().await {} };
            tokio::select! { () = late => {}, () = serving => {} }
        }
    })
    .await;
    let channel = peer.grpc();
    let second = async {
        both_came.notified().await;
        // The peer's GOAWAY is on its way, or has come.
        let replies = join_all((0..10).map(|_| ask(&channel, b"ping"))).await;
        replies.iter().for_each(|reply| assert_eq!(bytes(reply), b"ping"));
    };
    let (first, ()) = tokio::join!(ask(&channel, b"pong"), second);
    assert_eq!(bytes(&first), b"pong");
    assert_eq!(first.unwrap().metadata.get("first"), Some("yes"));
    assert_eq!(peer.connections(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_on_a_connection_that_breaks_is_lost_and_the_next_one_connects_again() {
    let peer = Peer::scripted(|nth, socket| async move {
        let mut connection = handshake(socket).await.unwrap();
        if nth > 0 {
            return serve(connection, echo).await;
        }
        drop(connection.accept().await);
    })
    .await;
    let channel = peer.grpc();
    let status = ask(&channel, b"ping").await.unwrap_err();
    assert_eq!((status.code(), status.origin()), (Code::Unavailable, Origin::Lost));
    assert!(matches!(status.cause(), Some(ClientError::UnexpectedEof)), "{status:?}");
    assert_eq!(bytes(&ask(&channel, b"ping").await), b"ping");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_speak_http_2_is_told_by_name() {
    let peer = Peer::scripted(|_nth, mut socket| async move {
        use tokio::io::AsyncWriteExt as _;
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await.unwrap();
        sleep(Duration::from_secs(60)).await;
    })
    .await;
    let status = ask(&peer.grpc(), b"ping").await.unwrap_err();
    assert_eq!((status.code(), status.origin()), (Code::Unavailable, Origin::Lost));
    assert!(status.message().contains("malformed HTTP/2"), "{status}");
}

#[tokio::test(start_paused = true)]
async fn calls_wait_for_their_turn_where_the_peer_allows_few_at_once() {
    let under_way = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (now, peak) = (Arc::clone(&under_way), Arc::clone(&most));
    let mut settings = Builder::new();
    settings.max_concurrent_streams(3);
    let peer = Peer::with(settings, move |call, respond| {
        let (now, peak) = (Arc::clone(&now), Arc::clone(&peak));
        async move {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            sleep(Duration::from_millis(10)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            echo(call, respond).await;
        }
    })
    .await;
    let channel = peer.grpc();
    // So that the settings are there.
    ask(&channel, b"ping").await.unwrap();
    for reply in join_all((0..50).map(|_| ask(&channel, b"ping"))).await {
        assert_eq!(bytes(&reply), b"ping");
    }
    assert_eq!((most.load(Ordering::SeqCst), peer.connections()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn callers_that_leave_before_their_turn_hold_nobody_up() {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let mut settings = Builder::new();
    settings.max_concurrent_streams(1);
    let peer = Peer::with(settings, move |call, respond| {
        count.fetch_add(1, Ordering::SeqCst);
        async move {
            sleep(Duration::from_secs(1)).await;
            echo(call, respond).await;
        }
    })
    .await;
    let channel = peer.grpc();
    ask(&channel, b"ping").await.unwrap();
    let leaving = tokio::time::timeout(
        Duration::from_millis(10),
        join_all((0..50).map(|_| ask(&channel, b"ping"))),
    );
    let (first, left) = tokio::join!(ask(&channel, b"ping"), leaving);
    assert!(left.is_err());
    assert_eq!(bytes(&first), b"ping");
    assert_eq!(bytes(&ask(&channel, b"ping").await), b"ping");
    assert_eq!((seen.load(Ordering::SeqCst), peer.connections()), (3, 1));
}

/// A peer that answers nothing and tells when a call is reset.
async fn silent() -> (Peer, mpsc::Receiver<Reason>) {
    let (told, resets) = mpsc::channel(16);
    let peer = Peer::answering(move |call, mut respond| {
        let told = told.clone();
        async move {
            read(call).await;
            if let Ok(reason) = std::future::poll_fn(|cx| respond.poll_reset(cx)).await {
                told.send(reason).await.unwrap();
            }
        }
    })
    .await;
    (peer, resets)
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_at_its_deadline_and_the_peer_is_told() {
    let (peer, mut resets) = silent().await;
    let mut request = call(b"ping");
    request.deadline = Deadline::after(Instant::now().into_std(), Duration::from_secs(3));
    let began = Instant::now();
    let channel = peer.grpc();
    let status = channel.call(request).await.unwrap_err();
    assert_eq!((status.code(), status.origin()), (Code::DeadlineExceeded, Origin::Lost));
    assert_eq!(began.elapsed().as_secs(), 3);
    assert_eq!(resets.recv().await, Some(Reason::CANCEL));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_resets_its_call_and_no_other() {
    let (peer, mut resets) = silent().await;
    let channel = peer.grpc();
    let mut leaving = Box::pin(ask(&channel, b"ping"));
    let mut staying = Box::pin(ask(&channel, b"ping"));
    for _ in 0..100 {
        assert!(futures_util::poll!(&mut leaving).is_pending());
        assert!(futures_util::poll!(&mut staying).is_pending());
        tokio::task::yield_now().await;
    }
    drop(leaving);
    assert_eq!(resets.recv().await, Some(Reason::CANCEL));
    assert!(futures_util::poll!(&mut staying).is_pending());
    assert!(resets.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_closed_channel_ends_its_calls() {
    let (peer, _resets) = silent().await;
    let channel = peer.grpc();
    let close = async {
        sleep(Duration::from_secs(1)).await;
        channel.clone().close();
    };
    let (reply, ()) = tokio::join!(ask(&channel, b"ping"), close);
    assert!(matches!(reply.unwrap_err().cause(), Some(ClientError::Shutdown)));
}

/// A peer that takes one call and then does nothing at all, not even read.
async fn frozen() -> Peer {
    Peer::scripted(|_nth, socket| async move {
        let mut connection = handshake(socket).await.unwrap();
        let call = connection.accept().await;
        std::future::pending::<()>().await;
        drop(call);
    })
    .await
}

fn with_pings(peer: &Peer, http: HttpOptions) -> Channel {
    peer.channel("grpc", "", ChannelOptions::default().http(http))
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_no_ping_is_gone() {
    let peer = frozen().await;
    let began = Instant::now();
    let status = ask(&with_pings(&peer, HttpOptions::default()), b"ping").await.unwrap_err();
    assert_eq!(status.origin(), Origin::Lost);
    assert!(matches!(status.cause(), Some(ClientError::Io(_))), "{status:?}");
    assert_eq!(began.elapsed().as_secs(), 320);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_pings_may_take_its_time() {
    let peer = Peer::answering(|call, respond| async {
        sleep(Duration::from_secs(3600)).await;
        echo(call, respond).await;
    })
    .await;
    let http = HttpOptions::default().ping_interval(Duration::from_secs(10));
    assert_eq!(bytes(&ask(&with_pings(&peer, http), b"ping").await), b"ping");
    assert_eq!(peer.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_while_no_call_is_under_way_or_if_that_is_off() {
    let peer = Peer::answering(echo).await;
    let channel = with_pings(&peer, HttpOptions::default());
    ask(&channel, b"ping").await.unwrap();
    sleep(Duration::from_secs(3600)).await;
    ask(&channel, b"ping").await.unwrap();
    assert_eq!(peer.connections(), 1);

    let peer = frozen().await;
    let channel = with_pings(&peer, HttpOptions::default().no_pings());
    let waited = tokio::time::timeout(Duration::from_secs(3600), ask(&channel, b"ping")).await;
    assert!(waited.is_err());
}
