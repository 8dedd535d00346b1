use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// A directory of its own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("polywire-registry-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn open(&self) -> LocalRegistry {
        LocalRegistry::open(&self.0).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn instance(id: &str) -> Instance {
    Instance::new("greeter", id, "127.0.0.1:7000".into())
}

async fn ids(stream: &mut SnapshotStream) -> Vec<String> {
    let snapshot = stream.next().await.unwrap();
    snapshot.instances.iter().map(|instance| instance.id.clone()).collect()
}

#[tokio::test]
async fn a_bad_file_is_skipped_and_disturbs_nobody() {
    let scratch = Scratch::new();
    let registry = scratch.open();
    let _lease = registry.register(instance("a")).await.unwrap();
    let directory = scratch.0.join("greeter");
    let garbage = directory.join("garbage.json");
    fs::write(&garbage, "{ not json").unwrap();
    fs::write(directory.join("huge.json"), vec![b' '; 100_000]).unwrap();
    fs::write(directory.join("stranger.json"), to_text(&instance("other"))).unwrap();
    fs::create_dir(directory.join("directory.json")).unwrap();
    let mut stream = registry.watch("greeter").await.unwrap();
    assert_eq!(ids(&mut stream).await, ["a"]);
    assert!(garbage.exists());
    assert_eq!(registry.services().await.unwrap(), ["greeter"]);
}

#[tokio::test]
async fn a_file_whose_owner_is_gone_is_removed_by_whoever_looks() {
    let scratch = Scratch::new();
    let registry = scratch.open();
    let stale = lease_file::path(&scratch.0, &instance("dead")).unwrap();
    fs::create_dir_all(stale.parent().unwrap()).unwrap();
    fs::write(&stale, to_text(&instance("dead"))).unwrap();
    let temporary = stale.with_file_name(".0123.tmp");
    fs::write(&temporary, "").unwrap();
    let mut stream = registry.watch("greeter").await.unwrap();
    assert!(ids(&mut stream).await.is_empty());
    assert!(!stale.exists() && !temporary.exists());
}

#[tokio::test]
async fn an_id_whose_owner_is_gone_can_be_taken_over() {
    let scratch = Scratch::new();
    let registry = scratch.open();
    let stale = lease_file::path(&scratch.0, &instance("a")).unwrap();
    fs::create_dir_all(stale.parent().unwrap()).unwrap();
    fs::write(&stale, to_text(&instance("a"))).unwrap();
    let _lease = registry.register(instance("a").with_version("2")).await.unwrap();
    let snapshot = registry.watch("greeter").await.unwrap().next().await.unwrap();
    assert_eq!(snapshot.instances[0].version, "2");
}

#[tokio::test]
async fn an_id_that_somebody_else_holds_is_refused() {
    let scratch = Scratch::new();
    let (registry, other) = (scratch.open(), scratch.open());
    let lease = registry.register(instance("a")).await.unwrap();
    let refused = other.register(instance("a")).await.err().unwrap();
    assert!(refused.to_string().contains("registered by another process"), "{refused}");
    lease.revoke().await.unwrap();
    let _lease = other.register(instance("a")).await.unwrap();
}

#[tokio::test]
async fn a_lease_file_deleted_by_hand_comes_back() {
    let scratch = Scratch::new();
    let registry = scratch.open();
    let lease = registry.register(instance("a")).await.unwrap();
    let mut stream = registry.watch("greeter").await.unwrap();
    assert_eq!(ids(&mut stream).await, ["a"]);
    let path = lease_file::path(&scratch.0, &instance("a")).unwrap();
    let mut bumps = registry.0.changes().subscribe();
    fs::remove_file(&path).unwrap();
    while !path.exists() {
        bumps.changed().await.unwrap();
    }
    lease.revoke().await.unwrap();
    assert!(!path.exists());
}

#[tokio::test(start_paused = true)]
async fn who_lost_its_file_to_another_process_says_so_and_is_back_after_it() {
    let scratch = Scratch::new();
    let lease = scratch.open().register(instance("a")).await.unwrap();
    fs::remove_file(lease_file::path(&scratch.0, &instance("a")).unwrap()).unwrap();
    // Another registry has other open files, as another process has.
    let faster = scratch.open().register(instance("a")).await.unwrap();
    time::sleep(KEEP * 2).await;
    let error = lease.health().error.unwrap().to_string();
    assert!(error.contains("another instance has registered by the same id"), "{error}");
    assert!(faster.health().error.is_none());
    faster.revoke().await.unwrap();
    time::sleep(KEEP * 2).await;
    let health = lease.health();
    assert_eq!((health.error.is_none(), health.recoveries), (true, 1));
}

#[tokio::test]
async fn the_watcher_ends_with_the_last_stream() {
    let scratch = Scratch::new();
    let registry = scratch.open();
    let streams = [registry.watch("a").await.unwrap(), registry.watch("b").await.unwrap()];
    assert!(registry.0.changes.lock().unwrap().upgrade().is_some());
    drop(streams);
    assert!(registry.0.changes.lock().unwrap().upgrade().is_none());
}

#[test]
fn the_directory_is_for_its_owner_alone() {
    use std::os::unix::fs::MetadataExt;
    let scratch = Scratch::new();
    scratch.open();
    assert_eq!(fs::metadata(&scratch.0).unwrap().mode() & 0o777, 0o700);
    directory::check_private(&scratch.0).unwrap();
    fs::set_permissions(&scratch.0, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    assert!(directory::check_private(&scratch.0).is_err());
}

fn to_text(instance: &Instance) -> Vec<u8> {
    scan::to_record(instance).unwrap()
}
