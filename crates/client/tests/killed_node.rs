//! `kill -9` of an instance under load: callers of an idempotent method see no error.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::env;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Buf, BytesMut};
use futures_util::StreamExt;
use polywire_client::{Call, Channel};
use polywire_core::{Instance, MethodDescriptor, Registry, Response, SnapshotStream};
use polywire_registry::LocalRegistry;
use polywire_schema::Schema;
use polywire_wire::netrpc::NetrpcServer;
use polywire_wire::{Limits, Outgoing, ServerEvent, ServerWire};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

/// Tells this program, started by itself, to be an instance.
const DIRECTORY: &str = "POLYWIRE_TEST_INSTANCE_DIRECTORY";

static ECHO: MethodDescriptor =
    MethodDescriptor::new("Echo", "Test.Echo", || i64::TYPE, || i64::TYPE).idempotent();

#[tokio::test]
async fn idempotent_calls_see_no_error_when_an_instance_is_killed_under_load() {
    let directory = env::temp_dir().join(format!("polywire-load-{}", std::process::id()));
    let registry = LocalRegistry::open(&directory).unwrap();
    let mut snapshots = registry.watch("echo").await.unwrap();
    let mut instances: Vec<_> = (0..3).map(|_| start(&directory)).collect();
    seen(&mut snapshots, 3).await;

    let channel = Channel::discover(Arc::new(registry), "echo");
    let answered = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for caller in 0..32_i64 {
        let (channel, answered) = (channel.clone(), Arc::clone(&answered));
        callers.spawn(async move {
            for round in 0..300 {
                let number = caller * 1000 + round;
                let reply: i64 = Call::new(&channel, &ECHO, number).await.unwrap();
                assert_eq!(reply, number);
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    while answered.load(Ordering::Relaxed) < 3000 {
        tokio::task::yield_now().await;
    }
    instances[0].kill().await.unwrap();
    assert!(!callers.is_empty(), "killed under load");
    while let Some(ended) = callers.join_next().await {
        ended.unwrap();
    }
    seen(&mut snapshots, 2).await;
    drop(instances);
    std::fs::remove_dir_all(directory).unwrap();
}

fn start(directory: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "an_instance", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

async fn seen(snapshots: &mut SnapshotStream, count: usize) {
    while snapshots.next().await.unwrap().instances.len() != count {}
}

/// Serves and waits to be killed; does nothing when run as a test of its own.
#[tokio::test]
async fn an_instance() {
    let Some(directory) = env::var_os(DIRECTORY) else { return };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let registry = LocalRegistry::open(directory).unwrap();
    let instance = Instance::new("echo", address.clone(), address.into());
    let _lease = registry.register(instance).await.unwrap();
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(serve(stream));
    }
}

/// Answers every call with its own argument.
async fn serve(mut stream: TcpStream) {
    let mut wire = NetrpcServer::new(&Limits::default());
    let (mut unread, mut out) = (BytesMut::new(), Outgoing::default());
    while stream.read_buf(&mut unread).await.is_ok_and(|count| count > 0) {
        while let Some(event) = wire.read(&mut unread).unwrap() {
            let ServerEvent::Call { ticket, request, .. } = event else { continue };
            wire.write(ticket, Ok(Response::new(echo(request.body))), &mut out);
        }
        while out.has_remaining() {
            if stream.write_buf(&mut out).await.is_err() {
                return;
            }
        }
    }
}

/// The same value, encoded anew: what came in belongs to the stream it came on.
fn echo(body: polywire_core::Body) -> polywire_core::Body {
    let polywire_core::Body::Unary(payload) = body else { panic!("no value") };
    let value: i64 = polywire_codec::decode(&payload).unwrap();
    polywire_core::Body::Unary(polywire_codec::encode(&value, payload.encoding).unwrap())
}
