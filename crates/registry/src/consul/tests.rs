mod agent;

use futures_util::StreamExt;
use polywire_core::ServiceSnapshot;
use polywire_testkit::registry::{conformance, superseded};
use tokio::time::{Instant, advance, sleep, timeout};

use self::agent::FakeAgent;
use super::*;

fn registry(agent: &FakeAgent) -> ConsulRegistry {
    ConsulRegistry::new(&agent.address).unwrap().token("t").unwrap()
}

fn greeter(port: u16) -> Instance {
    Instance::new("greeter", "a", format!("127.0.0.1:{port}").into())
}

async fn next(stream: &mut SnapshotStream) -> Vec<String> {
    let snapshot: ServiceSnapshot = stream.next().await.unwrap();
    snapshot.instances.iter().map(|instance| instance.address.to_string()).collect()
}

#[tokio::test]
async fn the_promises_of_registries_are_kept() {
    let mut agents = Vec::new();
    for _ in 0..11 {
        agents.push(FakeAgent::start().await);
    }
    let mut each = agents.iter();
    conformance(|| registry(each.next().unwrap())).await;
}

#[tokio::test(start_paused = true)]
async fn who_was_superseded_says_so_as_in_every_registry() {
    let agent = FakeAgent::start().await;
    superseded(&registry(&agent), TTL).await;
}

#[tokio::test(start_paused = true)]
async fn an_instance_is_kept_with_two_small_requests_at_a_time() {
    let agent = FakeAgent::start().await;
    let lease = registry(&agent).register(greeter(1)).await.unwrap();
    let begin = agent.data().asked.len();
    sleep(TTL * 10 + Duration::from_secs(1)).await;
    let asked = agent.data().asked[begin..].to_vec();
    assert_eq!(asked.len(), 60, "{asked:?}");
    assert_eq!(asked[0], "GET /v1/agent/service/a t");
    assert_eq!(asked[1], "PUT /v1/agent/check/pass/service%3Aa t");
    assert!(lease.health().error.is_none());
    lease.revoke().await.unwrap();
    assert!(agent.data().services.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_has_lost_its_data_is_told_again() {
    let mut agent = FakeAgent::start().await;
    let lease = registry(&agent).register(greeter(1)).await.unwrap();
    let mut stream = registry(&agent).watch("greeter").await.unwrap();
    assert_eq!(next(&mut stream).await, ["127.0.0.1:1"]);
    agent.stop().await;
    sleep(Duration::from_secs(60)).await;
    assert!(lease.health().failures > 1);
    agent.change(|data| {
        data.services.clear();
        data.checks.clear();
        data.index = 3;
    });
    agent.listen().await;
    sleep(Duration::from_secs(3)).await;
    assert_eq!(agent.data().services["a"]["Port"], 1);
    assert_eq!((lease.health().failures, lease.health().recoveries), (0, 1));
    // The watch has seen nothing but the end of it, whatever the index was.
    let last = registry(&agent).register(greeter(2)).await.unwrap();
    while next(&mut stream).await != ["127.0.0.1:2"] {}
    drop(last);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_turned_critical_is_passed_again_and_one_that_is_gone_comes_back() {
    let agent = FakeAgent::start().await;
    let lease = registry(&agent).register(greeter(1)).await.unwrap();
    agent.change(|data| *data.checks.get_mut("service:a").unwrap() = "critical");
    sleep(TTL / 2).await;
    assert_eq!(agent.data().checks["service:a"], "passing");
    assert_eq!(lease.health().recoveries, 0);
    agent.change(|data| data.checks.clear());
    sleep(TTL / 2).await;
    assert_eq!(agent.data().checks["service:a"], "passing");
    assert_eq!(lease.health().recoveries, 1);
    // As agents before 1.13 say it.
    agent.change(|data| data.refuse = Some(("check", 500, "Unknown check \"service:a\"")));
    let begin = agent.asked("/v1/agent/service/register");
    sleep(TTL).await;
    assert!(agent.asked("/v1/agent/service/register") > begin);
    let error = lease.health().error.unwrap().to_string();
    assert!(error.contains("has lost its check"), "{error}");
    agent.change(|data| data.refuse = None);
    sleep(Duration::from_secs(3)).await;
    assert!(lease.health().error.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_registration_that_somebody_changed_is_put_right() {
    let agent = FakeAgent::start().await;
    let lease = registry(&agent).register(greeter(1)).await.unwrap();
    agent.change(|data| data.services.get_mut("a").unwrap()["Port"] = 7.into());
    sleep(TTL / 2).await;
    assert_eq!(agent.data().services["a"]["Port"], 1);
    agent.change(|data| drop(data.services.get_mut("a").unwrap()["Meta"].take()));
    sleep(TTL / 2).await;
    assert!(agent.data().services["a"]["Meta"].is_object());
    assert_eq!(lease.health().recoveries, 2);
}

#[tokio::test(start_paused = true)]
async fn who_was_replaced_says_so_and_comes_back_after_the_other() {
    let agent = FakeAgent::start().await;
    let first = registry(&agent).register(greeter(1)).await.unwrap();
    let second = registry(&agent).register(greeter(2)).await.unwrap();
    sleep(TTL).await;
    assert_eq!(agent.data().services["a"]["Port"], 2);
    let error = first.health().error.unwrap().to_string();
    assert!(error.starts_with("`a` of `greeter` in consul at"), "{error}");
    assert!(second.health().error.is_none());
    second.revoke().await.unwrap();
    sleep(TTL).await;
    assert_eq!(agent.data().services["a"]["Port"], 1);
    assert!(first.health().error.is_none());
}

#[tokio::test(start_paused = true)]
async fn errors_name_the_thing_and_what_the_agent_said() {
    let agent = FakeAgent::start().await;
    let denied = r#"Permission denied: token lacks permission 'service:write' on "greeter""#;
    agent.change(|data| data.refuse = Some(("", 403, denied)));
    let registry = registry(&agent);
    let error = registry.register(greeter(1)).await.err().unwrap();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(error.to_string().starts_with("cannot register `a` of `greeter` in consul at"));
    assert!(cause.ends_with(&format!("403 {denied}")), "{cause}");
    let error = registry.watch("greeter").await.err().unwrap().to_string();
    assert!(error.contains("/v1/health/service/greeter") && error.contains("403"), "{error}");
    assert!(registry.services().await.unwrap_err().to_string().contains("403"));
    // Reading without permission looks like a service without instances.
    agent.change(|data| {
        data.refuse = None;
        data.head.push(("X-Consul-Results-Filtered-By-ACLs", "true"));
    });
    let error = registry.watch("greeter").await.err().unwrap().to_string();
    assert!(error.ends_with("the token may not read `greeter`"), "{error}");
    for nameless in [Instance::new("", "a", "h:1".into()), Instance::new("s", "", "h:1".into())] {
        let error = registry.register(nameless).await.err().unwrap().to_string();
        assert!(error.contains("and Consul wants one"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_waits_at_the_agent_and_survives_what_it_answers() {
    let agent = FakeAgent::start().await;
    let registry = registry(&agent);
    let mut stream = registry.watch("greeter").await.unwrap();
    assert!(next(&mut stream).await.is_empty());
    let begin = agent.asked("/v1/health");
    assert!(timeout(Duration::from_secs(300), next(&mut stream)).await.is_err());
    // Between 30 and 40 seconds each, and what Consul adds.
    let asked = agent.asked("/v1/health") - begin;
    assert!((7..=10).contains(&asked), "{asked}");

    let mut stream = registry.watch("greeter").await.unwrap();
    assert!(next(&mut stream).await.is_empty());
    agent.change(|data| data.refuse = Some(("health", 500, "rpc error: No cluster leader")));
    assert!(timeout(Duration::from_secs(120), next(&mut stream)).await.is_err());
    let mut stream = {
        agent.change(|data| data.refuse = None);
        registry.watch("greeter").await.unwrap()
    };
    assert!(next(&mut stream).await.is_empty());
    agent.change(|data| data.refuse = Some(("health", 200, "[{]")));
    let lease = registry.register(greeter(1)).await.unwrap();
    agent.change(|data| data.refuse = None);
    assert_eq!(next(&mut stream).await, ["127.0.0.1:1"]);
    drop(lease);
}

#[tokio::test(start_paused = true)]
async fn an_index_that_goes_backwards_or_is_none_is_asked_anew() {
    let agent = FakeAgent::start().await;
    let registry = registry(&agent);
    let _lease = registry.register(greeter(1)).await.unwrap();
    let mut stream = registry.watch("greeter").await.unwrap();
    assert_eq!(next(&mut stream).await, ["127.0.0.1:1"]);
    // As after a restore: an older index, and nothing after it.
    agent.change(|data| {
        data.index = 2;
        data.services.get_mut("a").unwrap()["Port"] = 2.into();
    });
    assert_eq!(next(&mut stream).await, ["127.0.0.1:2"]);
    let begin = Instant::now();
    let _other = registry.register(greeter(3)).await.unwrap();
    assert_eq!(next(&mut stream).await, ["127.0.0.1:3"]);
    assert!(begin.elapsed() < Duration::from_secs(1));
    // Without any, it is asked now and then.
    agent.change(|data| data.index = 0);
    let begin = agent.asked("/v1/health");
    let watching = async {
        while agent.asked("/v1/health") < begin + 10 {
            agent.data().index = 0;
            advance(Duration::from_millis(10)).await;
        }
    };
    let before = Instant::now();
    tokio::select! {
        () = watching => {}
        _ = next(&mut stream) => {}
    }
    assert!(before.elapsed() > Duration::from_secs(5), "{:?}", before.elapsed());
}

#[test]
fn urls_say_what_setters_say() {
    let parse = |text| ConsulRegistry::parse(text, false);
    let good = parse("//h:1?ttl=90s&token=secret-17&dc=eu").unwrap();
    assert_eq!(good.ttl, Duration::from_secs(90));
    assert_eq!(good.agent.to_string(), "http://h:1");
    assert!(!format!("{good:?}").contains("secret-17"));
    assert_eq!(parse("//h").unwrap().agent.to_string(), "http://h:8500");
    assert_eq!(parse("//h?ttl=1ms").unwrap().ttl, MIN_TTL);
    for (text, why) in [
        ("//h:1?x=1", "nothing is known of `x`"),
        ("//h:1?ttl=soon", "`ttl=soon` is no time"),
        ("//a:1,b:2", "one agent to a machine"),
        ("//me:secret@a:1", "knows no users"),
        ("//h:1?token=%07", "no token for consul"),
        ("//h:1?ca=/none", "no TLS"),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_datacenter_is_read_and_the_agent_s_own_written_to() {
    let agent = FakeAgent::start().await;
    let registry = registry(&agent).datacenter("eu west");
    let _lease = registry.register(greeter(1)).await.unwrap();
    assert_eq!(agent.asked("dc="), 0);
    let mut stream = registry.watch("greeter").await.unwrap();
    assert_eq!(next(&mut stream).await, ["127.0.0.1:1"]);
    assert_eq!(registry.services().await.unwrap(), ["greeter"]);
    assert_eq!(agent.asked("dc=eu%20west"), 2);
}
