//! What every registry promises.

use std::time::Duration;

use futures_util::StreamExt;
use polywire_core::{Instance, Lease, Registry, ServiceSnapshot, SnapshotStream};
use tokio::time::{sleep, timeout};

/// Runs the whole suite; `make` gives an empty registry each time.
///
/// # Panics
/// When a promise is broken.
pub async fn conformance<R: Registry>(mut make: impl FnMut() -> R) {
    an_unknown_service_is_empty_first(&make()).await;
    an_instance_is_seen_as_it_was_registered(&make()).await;
    a_revoked_instance_is_gone(&make()).await;
    a_dropped_lease_withdraws_its_instance(&make()).await;
    two_instances_are_sorted_by_id(&make()).await;
    the_same_id_again_replaces_the_record(&make()).await;
    the_lease_of_a_replaced_record_withdraws_nothing(&make()).await;
    the_last_of_many_changes_is_seen(&make()).await;
    every_watcher_sees_every_service_of_its_own(&make()).await;
    services_are_those_with_an_instance(&make()).await;
    odd_names_are_kept(&make()).await;
}

/// Runs the part of the suite that a registry of a given list can pass: `service` is at
/// `addresses`, in this order, and nothing changes that.
///
/// # Panics
/// When a promise is broken.
pub async fn fixed<R: Registry>(registry: &R, service: &str, addresses: &[&str]) {
    let mut stream = watch(registry, service).await;
    let snapshot = next(&mut stream).await;
    let found: Vec<_> =
        snapshot.instances.iter().map(|instance| instance.address.as_str()).collect();
    assert_eq!(found, addresses);
    let lease = register(registry, instance("elsewhere", "x", 1)).await;
    assert_eq!(services(registry).await, [service]);
    lease.revoke().await.expect("revoke");
    let mut unknown = watch(registry, "nobody").await;
    assert!(next(&mut unknown).await.instances.is_empty());
}

/// Runs the part of the suite that takes as long as the registry takes to look after its
/// registrations, `within` at most: who was replaced by another instance of the same id leaves it
/// alone and says so.
///
/// # Panics
/// When a promise is broken.
pub async fn superseded<R: Registry>(registry: &R, within: Duration) {
    let first = register(registry, instance("greeter", "a", 1)).await;
    let second = register(registry, instance("greeter", "a", 2)).await;
    let told = async {
        loop {
            if let Some(error) = first.health().error {
                return error.to_string();
            }
            sleep(LOOK).await;
        }
    };
    let told = timeout(within, told).await.expect("the health says so in time");
    let expected = "another instance has registered by the same id since, and is left there";
    assert!(told.ends_with(expected), "{told}");
    assert_eq!(first.health().recoveries, 0);
    let health = second.health();
    assert!(health.error.is_none() && health.recoveries == 0, "{health:?}");
    let mut stream = watch(registry, "greeter").await;
    assert_eq!(*next(&mut stream).await.instances, [instance("greeter", "a", 2)]);
}

async fn an_unknown_service_is_empty_first<R: Registry>(registry: &R) {
    let mut stream = watch(registry, "greeter").await;
    assert!(next(&mut stream).await.instances.is_empty());
    let _lease = register(registry, instance("greeter", "a", 1)).await;
    assert_eq!(ids(&next(&mut stream).await), ["a"]);
}

async fn an_instance_is_seen_as_it_was_registered<R: Registry>(registry: &R) {
    let whole = instance("greeter", "a", 1).with_version("1.2").with_metadata("zone", "z \"1\" ü");
    let _lease = register(registry, whole.clone()).await;
    let mut stream = watch(registry, "greeter").await;
    assert_eq!(*next(&mut stream).await.instances, [whole]);
}

async fn a_revoked_instance_is_gone<R: Registry>(registry: &R) {
    let lease = register(registry, instance("greeter", "a", 1)).await;
    lease.revoke().await.expect("revoke");
    let mut stream = watch(registry, "greeter").await;
    assert!(next(&mut stream).await.instances.is_empty());
}

async fn a_dropped_lease_withdraws_its_instance<R: Registry>(registry: &R) {
    let lease = register(registry, instance("greeter", "a", 1)).await;
    let mut stream = watch(registry, "greeter").await;
    assert_eq!(ids(&next(&mut stream).await), ["a"]);
    drop(lease);
    until(&mut stream, &[]).await;
}

async fn two_instances_are_sorted_by_id<R: Registry>(registry: &R) {
    let mut stream = watch(registry, "greeter").await;
    let _b = register(registry, instance("greeter", "b", 2)).await;
    let a = register(registry, instance("greeter", "a", 1)).await;
    until(&mut stream, &["a", "b"]).await;
    a.revoke().await.expect("revoke");
    until(&mut stream, &["b"]).await;
}

async fn the_same_id_again_replaces_the_record<R: Registry>(registry: &R) {
    let _first = register(registry, instance("greeter", "a", 1)).await;
    let _second = register(registry, instance("greeter", "a", 2)).await;
    let mut stream = watch(registry, "greeter").await;
    assert_eq!(*next(&mut stream).await.instances, [instance("greeter", "a", 2)]);
}

async fn the_lease_of_a_replaced_record_withdraws_nothing<R: Registry>(registry: &R) {
    let first = register(registry, instance("greeter", "a", 1)).await;
    let second = register(registry, instance("greeter", "a", 2)).await;
    first.revoke().await.expect("revoke");
    let mut stream = watch(registry, "greeter").await;
    assert_eq!(ids(&next(&mut stream).await), ["a"]);
    drop(second);
    until(&mut stream, &[]).await;
}

async fn the_last_of_many_changes_is_seen<R: Registry>(registry: &R) {
    let mut stream = watch(registry, "greeter").await;
    let mut leases = Vec::new();
    for port in 0..100 {
        leases.push(register(registry, instance("greeter", &format!("{port:02}"), port)).await);
        if port % 3 != 0 {
            let lease = leases.swap_remove(leases.len() / 2);
            lease.revoke().await.expect("revoke");
        }
    }
    let mut fresh = watch(registry, "greeter").await;
    let expected = next(&mut fresh).await;
    assert_eq!(expected.instances.len(), leases.len());
    let expected = ids(&expected);
    until(&mut stream, &expected.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

async fn every_watcher_sees_every_service_of_its_own<R: Registry>(registry: &R) {
    let mut streams = [
        watch(registry, "greeter").await,
        watch(registry, "greeter").await,
        watch(registry, "users").await,
    ];
    let _greeter = register(registry, instance("greeter", "a", 1)).await;
    let _users = register(registry, instance("users", "u", 2)).await;
    for (stream, expected) in streams.iter_mut().zip(["a", "a", "u"]) {
        until(stream, &[expected]).await;
    }
}

async fn services_are_those_with_an_instance<R: Registry>(registry: &R) {
    assert!(services(registry).await.is_empty());
    let _stream = watch(registry, "watched").await;
    let users = register(registry, instance("users", "u", 1)).await;
    let _one = register(registry, instance("greeter", "a", 2)).await;
    let _other = register(registry, instance("greeter", "b", 3)).await;
    assert_eq!(services(registry).await, ["greeter", "users"]);
    users.revoke().await.expect("revoke");
    assert_eq!(services(registry).await, ["greeter"]);
}

async fn odd_names_are_kept<R: Registry>(registry: &R) {
    let odd = instance("../acme/v1 Grüßer", "10.0.0.1:80/..", 1);
    let _lease = register(registry, odd.clone()).await;
    let mut stream = watch(registry, &odd.service).await;
    assert_eq!(next(&mut stream).await.instances.first(), Some(&odd));
    assert_eq!(services(registry).await, [odd.service]);
}

fn instance(service: &str, id: &str, port: u16) -> Instance {
    Instance::new(service, id, format!("127.0.0.1:{port}").into())
}

fn ids(snapshot: &ServiceSnapshot) -> Vec<String> {
    snapshot.instances.iter().map(|instance| instance.id.clone()).collect()
}

async fn register<R: Registry>(registry: &R, instance: Instance) -> Box<dyn Lease> {
    registry.register(instance).await.expect("register")
}

async fn watch<R: Registry>(registry: &R, service: &str) -> SnapshotStream {
    registry.watch(service).await.expect("watch")
}

async fn services<R: Registry>(registry: &R) -> Vec<String> {
    registry.services().await.expect("services")
}

async fn next(stream: &mut SnapshotStream) -> ServiceSnapshot {
    let next = timeout(PATIENCE, stream.next()).await.expect("a snapshot in time");
    next.expect("the stream goes on")
}

/// Waits for a snapshot of exactly these ids; those before it may be skipped.
async fn until(stream: &mut SnapshotStream, expected: &[&str]) {
    while ids(&next(stream).await) != expected {}
}

/// How long a change may take to be seen, so that a broken promise fails rather than hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two looks at the health of a lease.
const LOOK: Duration = Duration::from_millis(10);
