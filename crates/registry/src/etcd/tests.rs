mod fake;

use std::error::Error;

use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, sleep, timeout};

use self::fake::Etcd;
use super::*;

const KEY: &str = "/micro/registry/greeter/greeter-1";

fn instance() -> Instance {
    Instance::new("greeter", "greeter-1", "10.0.0.1:7000".into())
}

fn at(etcd: &Etcd) -> EtcdRegistry {
    EtcdRegistry::new([etcd.address()]).unwrap()
}

async fn registered() -> (Etcd, Box<dyn Lease>) {
    let etcd = Etcd::start().await;
    let lease = at(&etcd).register(instance()).await.unwrap();
    (etcd, lease)
}

/// A record of another program's making.
fn record(id: &str) -> String {
    let node = format!(r#"{{"metadata":{{}},"id":"{id}","address":"10.0.0.2:1"}}"#);
    format!(
        r#"{{"name":"greeter","version":"latest","metadata":null,"endpoints":null,"nodes":[{node}]}}"#
    )
}

async fn ids(stream: &mut SnapshotStream) -> Vec<String> {
    let next = timeout(Duration::from_secs(300), stream.next()).await;
    let snapshot = next.expect("a snapshot in time").expect("the stream goes on");
    snapshot.instances.iter().map(|instance| instance.id.clone()).collect()
}

#[tokio::test]
async fn the_fake_conforms_as_the_real_one_does() {
    let mut etcds = Vec::new();
    let mut spare: Vec<_> = futures_util::future::join_all((0..20).map(|_| Etcd::start())).await;
    polywire_testkit::registry::conformance(|| {
        let etcd = spare.pop().expect("enough of them");
        let registry = at(&etcd);
        etcds.push(etcd);
        registry
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_was_superseded_says_so_as_in_every_registry() {
    let etcd = Etcd::start().await;
    polywire_testkit::registry::superseded(&at(&etcd), TTL).await;
}

#[tokio::test(start_paused = true)]
async fn an_instance_is_one_key_on_one_lease_as_go_micro_writes_it() {
    let (etcd, lease) = registered().await;
    sleep(Duration::from_secs(300)).await;
    let keys = etcd.state().keys.clone();
    let leases = etcd.state().leases.clone();
    let [(key, kept)] = &keys.into_iter().collect::<Vec<_>>()[..] else { panic!("one key") };
    assert_eq!(key, KEY);
    assert_eq!(
        kept.value,
        r#"{"name":"greeter","version":"latest","metadata":null,"endpoints":null,"nodes":[{"metadata":{},"id":"greeter-1","address":"10.0.0.1:7000"}]}"#
    );
    assert_eq!(leases.into_keys().collect::<Vec<_>>(), [kept.lease]);
    lease.revoke().await.unwrap();
    assert!(etcd.state().keys.is_empty() && etcd.state().leases.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_key_deleted_by_hand_is_back_within_a_third_of_its_time() {
    let (etcd, lease) = registered().await;
    etcd.state().delete(KEY);
    sleep(TTL / 3 + Duration::from_secs(1)).await;
    assert!(etcd.state().keys.contains_key(KEY));
    assert_eq!(etcd.state().leases.len(), 1);
    assert_eq!(lease.health().recoveries, 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_written_over_by_hand_is_put_right() {
    let (etcd, lease) = registered().await;
    etcd.state().put(KEY, "garbage", 0);
    sleep(TTL / 3 + Duration::from_secs(1)).await;
    assert!(etcd.state().keys[KEY].value.contains("10.0.0.1:7000"));
    assert_eq!(lease.health().recoveries, 1);
}

#[tokio::test(start_paused = true)]
async fn a_revoked_lease_is_granted_again() {
    let (etcd, _lease) = registered().await;
    etcd.state().leases.clear();
    sleep(TTL / 3 + Duration::from_secs(1)).await;
    assert_eq!(etcd.state().leases.len(), 1);
    assert!(etcd.state().keys.contains_key(KEY));
}

#[tokio::test(start_paused = true)]
async fn an_etcd_that_was_away_for_long_and_is_empty_has_the_record_in_two_seconds() {
    let (mut etcd, lease) = registered().await;
    etcd.stop().await;
    sleep(TTL * 4).await;
    assert!(lease.health().failures > 0);
    etcd.state().empty();
    etcd.start_again().await;
    sleep(Duration::from_millis(2100)).await;
    assert!(etcd.state().keys.contains_key(KEY));
    assert!(lease.health().error.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_etcd_without_leader_keeps_the_lease_waiting() {
    let (etcd, lease) = registered().await;
    etcd.state().leaderless = true;
    sleep(TTL).await;
    let error = lease.health().error.unwrap().to_string();
    assert!(error.ends_with("etcdserver: no leader"), "{error}");
    etcd.state().leaderless = false;
    sleep(Duration::from_millis(2100)).await;
    assert!(etcd.state().keys.contains_key(KEY));
}

#[tokio::test(start_paused = true)]
async fn another_instance_at_the_key_is_left_there_until_it_goes() {
    let (etcd, first) = registered().await;
    let mut other = instance();
    other.address = "10.0.0.9:7000".into();
    let second = at(&etcd).register(other).await.unwrap();
    sleep(TTL * 3).await;
    assert!(etcd.state().keys[KEY].value.contains("10.0.0.9:7000"));
    second.revoke().await.unwrap();
    sleep(TTL / 3 + Duration::from_secs(1)).await;
    assert!(etcd.state().keys[KEY].value.contains("10.0.0.1:7000"));
    first.revoke().await.unwrap();
    assert!(etcd.state().keys.is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_was_replaced_and_has_lost_its_lease_writes_over_nobody() {
    let (etcd, first) = registered().await;
    let mut other = instance();
    other.address = "10.0.0.9:7000".into();
    let _second = at(&etcd).register(other).await.unwrap();
    {
        let mut state = etcd.state();
        let kept = state.keys[KEY].lease;
        state.leases.retain(|id, _| *id == kept);
    }
    sleep(TTL * 3).await;
    assert!(etcd.state().keys[KEY].value.contains("10.0.0.9:7000"));
    assert_eq!(first.health().recoveries, 0);
}

#[tokio::test(start_paused = true)]
async fn the_time_to_live_is_in_whole_seconds_and_settable() {
    let etcd = Etcd::start().await;
    let registry = at(&etcd).ttl(Duration::from_millis(59_001)).prefix("/mine");
    let _lease = registry.register(instance()).await.unwrap();
    assert_eq!(etcd.state().leases.values().next().unwrap().0, Duration::from_secs(60));
    assert!(etcd.state().keys.contains_key("/mine/greeter/greeter-1"));
}

#[tokio::test]
async fn an_instance_without_a_name_is_refused() {
    let etcd = Etcd::start().await;
    for (service, id) in [("", "a"), ("s", "")] {
        let nameless = Instance::new(service, id, "a:1".into());
        assert!(at(&etcd).register(nameless).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn go_micro_s_records_come_and_go() {
    let etcd = Etcd::start().await;
    let mut stream = at(&etcd).watch("greeter").await.unwrap();
    assert!(ids(&mut stream).await.is_empty());
    etcd.state().put("/micro/registry/greeter/a", &record("a"), 0);
    assert_eq!(ids(&mut stream).await, ["a"]);
    etcd.state().put("/micro/registry/greeter/b", &record("b"), 0);
    assert_eq!(ids(&mut stream).await, ["a", "b"]);
    etcd.state().delete("/micro/registry/greeter/a");
    assert_eq!(ids(&mut stream).await, ["b"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_record_or_another_s_disturbs_nobody() {
    let etcd = Etcd::start().await;
    let mut stream = at(&etcd).watch("greeter").await.unwrap();
    assert!(ids(&mut stream).await.is_empty());
    let other = record("x").replace("greeter", "other");
    let many = "x".repeat(crate::micro::MAX_RECORD_BYTES + 1);
    for value in ["", "garbage", "[]", r#"{"name":7}"#, &other, &many] {
        etcd.state().put("/micro/registry/greeter/bad", value, 0);
        assert!(stream.next().now_or_never().is_none());
    }
    etcd.state().put("/micro/registry/greeter/a", &record("a"), 0);
    assert_eq!(ids(&mut stream).await, ["a"]);
    // One that was good and is bad now is no instance any more.
    etcd.state().put("/micro/registry/greeter/a", "garbage", 0);
    assert!(ids(&mut stream).await.is_empty());
    let mut fresh = at(&etcd).watch("greeter").await.unwrap();
    assert!(ids(&mut fresh).await.is_empty());
    assert!(at(&etcd).services().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_breaks_misses_no_deletion_even_if_etcd_has_forgotten_it() {
    for compacted in [false, true] {
        let etcd = Etcd::start().await;
        etcd.state().put("/micro/registry/greeter/a", &record("a"), 0);
        let mut stream = at(&etcd).watch("greeter").await.unwrap();
        assert_eq!(ids(&mut stream).await, ["a"]);
        assert!(stream.next().now_or_never().is_none());
        {
            let mut state = etcd.state();
            state.end_watches();
            state.put("/micro/registry/greeter/b", &record("b"), 0);
            state.delete("/micro/registry/greeter/a");
            if compacted {
                state.compact();
            }
        }
        while ids(&mut stream).await != ["b"] {}
    }
}

#[tokio::test(start_paused = true)]
async fn changes_between_the_list_and_the_watch_are_seen_even_if_compacted() {
    for compacted in [false, true] {
        let etcd = Etcd::start().await;
        let mut stream = at(&etcd).watch("greeter").await.unwrap();
        assert!(ids(&mut stream).await.is_empty());
        etcd.state().put("/micro/registry/greeter/a", &record("a"), 0);
        if compacted {
            etcd.state().compact();
        }
        assert_eq!(ids(&mut stream).await, ["a"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_says_nothing_any_more_is_noticed() {
    let etcd = Etcd::start().await;
    etcd.state().put("/micro/registry/greeter/a", &record("a"), 0);
    let mut stream = at(&etcd).watch("greeter").await.unwrap();
    assert_eq!(ids(&mut stream).await, ["a"]);
    // As long as it is silent because nothing happens it is left alone.
    let quiet = timeout(SILENT_FOR, stream.next()).await;
    assert!(quiet.is_err());
    assert_eq!((etcd.asked("/v3/watch"), etcd.asked("/v3/kv/range")), (1, 11));
    etcd.state().deaf = true;
    etcd.state().put("/micro/registry/greeter/b", &record("b"), 0);
    let begun = Instant::now();
    assert_eq!(ids(&mut stream).await, ["a", "b"]);
    assert!(begun.elapsed() <= Duration::from_secs(31), "{:?}", begun.elapsed());
    etcd.state().delete("/micro/registry/greeter/a");
    assert_eq!(ids(&mut stream).await, ["b"]);
}

const SILENT_FOR: Duration = Duration::from_millis(305_000);

#[tokio::test(start_paused = true)]
async fn an_etcd_restored_from_the_past_is_listed_anew() {
    let mut etcd = Etcd::start().await;
    for id in ["a", "b", "c"] {
        etcd.state().put(&format!("/micro/registry/greeter/{id}"), &record(id), 0);
    }
    let mut stream = at(&etcd).watch("greeter").await.unwrap();
    assert_eq!(ids(&mut stream).await, ["a", "b", "c"]);
    etcd.stop().await;
    etcd.state().empty();
    etcd.state().put("/micro/registry/greeter/a", &record("a"), 0);
    etcd.start_again().await;
    assert_eq!(ids(&mut stream).await, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn an_outage_keeps_what_is_known_and_hanging_counts_as_one() {
    let etcd = Etcd::start().await;
    etcd.state().put("/micro/registry/greeter/a", &record("a"), 0);
    let mut stream = at(&etcd).watch("greeter").await.unwrap();
    assert_eq!(ids(&mut stream).await, ["a"]);
    etcd.state().hangs = true;
    etcd.state().end_watches();
    assert!(timeout(Duration::from_secs(120), stream.next()).await.is_err());
    assert!(at(&etcd).services().await.is_err());
    etcd.state().hangs = false;
    etcd.state().put("/micro/registry/greeter/b", &record("b"), 0);
    assert_eq!(ids(&mut stream).await, ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_asked_for_once_and_again_when_it_has_expired() {
    let etcd = Etcd::start().await;
    etcd.state().password = Some("pw");
    let registry = at(&etcd).credentials("root", "pw");
    let _lease = registry.register(instance()).await.unwrap();
    let calls = (0..20).map(|_| registry.services());
    for services in futures_util::future::join_all(calls).await {
        assert_eq!(services.unwrap(), ["greeter"]);
    }
    assert_eq!(etcd.asked("/v3/auth/authenticate"), 1);
    etcd.state().token += 1;
    let calls = (0..20).map(|_| registry.services());
    for services in futures_util::future::join_all(calls).await {
        assert_eq!(services.unwrap(), ["greeter"]);
    }
    assert_eq!(etcd.asked("/v3/auth/authenticate"), 2);
    let mut stream = registry.watch("greeter").await.unwrap();
    assert_eq!(ids(&mut stream).await, ["greeter-1"]);
    etcd.state().token += 1;
    etcd.state().end_watches();
    etcd.state().put("/micro/registry/greeter/b", &record("b"), 0);
    assert_eq!(ids(&mut stream).await, ["b", "greeter-1"]);
    assert_eq!(etcd.asked("/v3/auth/authenticate"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_lease_outlives_its_token() {
    let etcd = Etcd::start().await;
    etcd.state().password = Some("pw");
    let lease = at(&etcd).credentials("root", "pw").register(instance()).await.unwrap();
    for _ in 0..10 {
        etcd.state().token += 1;
        sleep(TTL / 3).await;
    }
    assert!(etcd.state().keys.contains_key(KEY));
    let health = lease.health();
    assert!(health.error.is_none() && health.recoveries == 0, "{health:?}");
    assert!(etcd.asked("/v3/auth/authenticate") <= 12);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_not_tried_again_and_again() {
    let etcd = Etcd::start().await;
    etcd.state().password = Some("pw");
    let registry = at(&etcd).credentials("root", "wrong");
    for _ in 0..50 {
        let error = registry.services().await.unwrap_err().to_string();
        assert!(error.contains("invalid user ID or password"), "{error}");
        assert!(!error.contains("wrong"), "{error}");
    }
    assert_eq!(etcd.asked("/v3/auth/authenticate"), 1);
    sleep(Duration::from_secs(11)).await;
    registry.services().await.unwrap_err();
    assert_eq!(etcd.asked("/v3/auth/authenticate"), 2);
    let nobody = at(&etcd).services().await.unwrap_err().to_string();
    assert!(nobody.ends_with("etcdserver: user name is empty"), "{nobody}");
}

#[tokio::test(start_paused = true)]
async fn an_etcd_that_cannot_say_whether_a_login_is_right_is_asked_again_at_once() {
    let etcd = Etcd::start().await;
    etcd.state().password = Some("pw");
    let registry = at(&etcd).credentials("root", "pw");
    etcd.state().leaderless = true;
    let error = registry.services().await.unwrap_err().to_string();
    assert!(error.ends_with("etcdserver: no leader"), "{error}");
    etcd.state().leaderless = false;
    registry.services().await.unwrap();
    assert_eq!(etcd.asked("/v3/auth/authenticate"), 2);
}

#[tokio::test(start_paused = true)]
async fn logging_in_is_left_out_where_etcd_does_not_want_it_until_it_does() {
    let etcd = Etcd::start().await;
    let registry = at(&etcd).credentials("root", "pw");
    for _ in 0..3 {
        registry.services().await.unwrap();
    }
    assert_eq!(etcd.asked("/v3/auth/authenticate"), 1);
    etcd.state().password = Some("pw");
    registry.services().await.unwrap();
    assert_eq!(etcd.asked("/v3/auth/authenticate"), 2);
}

#[tokio::test]
async fn what_is_not_etcd_is_an_error_that_says_so() {
    use crate::http::fake::{Answered, Fake};
    for (status, body, why) in [
        (200, "<html>", "not what etcd answers"),
        (404, "404 page not found", "HTTP status 404"),
        (502, "", "HTTP status 502"),
        (200, r#"{"kvs":[{"key":"?"}]}"#, "not what etcd answers"),
    ] {
        let fake = Fake::start(move |_| Answered::Whole(status, body.to_owned())).await;
        let registry = EtcdRegistry::new([&fake.address[..]]).unwrap();
        let error = registry.watch("s").await.err().unwrap().to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn urls_say_members_login_time_and_prefix() {
    let url = "//me:pw@a:1,b/?ttl=30s&prefix=/x";
    let registry = EtcdRegistry::parse(url, false).unwrap();
    let text = format!("{registry:?}");
    assert!(text.contains("a:1") && text.contains("b:2379") && !text.contains("pw"), "{text}");
    assert_eq!((registry.ttl, &registry.prefix[..]), (Duration::from_secs(30), "/x/"));
    for (bad, why) in
        [("//", "no host"), ("//a?x=1", "`x`"), ("//a?ttl=0s", "`ttl=0s`"), ("//a:b", "`a:b`")]
    {
        let error = EtcdRegistry::parse(bad, false).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert!(error.source().is_none());
    }
}
