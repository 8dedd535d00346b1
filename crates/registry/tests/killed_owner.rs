//! `kill -9` of a process withdraws what it has registered.
#![cfg(unix)]

use std::env;
use std::process::Stdio;
use std::time::Duration;

use futures_util::StreamExt;
use polywire_core::{Instance, Registry};
use polywire_registry::LocalRegistry;
use tokio::process::Command;
use tokio::time::timeout;

/// Tells this program, started by itself, to be the owner.
const DIRECTORY: &str = "POLYWIRE_TEST_OWNER_DIRECTORY";

#[tokio::test]
async fn an_owner_killed_with_sigkill_is_dropped_within_a_second() {
    let directory = env::temp_dir().join(format!("polywire-killed-{}", std::process::id()));
    let registry = LocalRegistry::open(&directory).unwrap();
    let mut stream = registry.watch("greeter").await.unwrap();
    assert!(stream.next().await.unwrap().instances.is_empty());

    let mut owner = Command::new(env::current_exe().unwrap())
        .args(["--exact", "the_owner", "--nocapture"])
        .env(DIRECTORY, &directory)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let alive = timeout(Duration::from_secs(30), stream.next()).await.unwrap().unwrap();
    assert_eq!(alive.instances.len(), 1);

    owner.kill().await.unwrap();
    let dropped = timeout(Duration::from_secs(1), stream.next()).await;
    assert!(dropped.expect("dropped within a second").unwrap().instances.is_empty());
    assert_eq!(std::fs::read_dir(directory.join("greeter")).unwrap().count(), 0);
    std::fs::remove_dir_all(directory).unwrap();
}

/// Registers and waits to be killed; does nothing when run as a test of its own.
#[tokio::test]
async fn the_owner() {
    let Some(directory) = env::var_os(DIRECTORY) else { return };
    let registry = LocalRegistry::open(directory).unwrap();
    let instance = Instance::new("greeter", "victim", "127.0.0.1:7000".into());
    let _lease = registry.register(instance).await.unwrap();
    std::future::pending::<()>().await;
}
