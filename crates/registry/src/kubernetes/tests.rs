mod server;

use std::path::PathBuf;
use std::time::Duration;

use futures_util::StreamExt;
use polywire_testkit::registry::fixed;
use serde_json::json;
use tokio::time::{sleep, timeout};

use self::server::{FakeServer, gone};
use super::*;

fn registry(server: &FakeServer) -> KubernetesRegistry {
    KubernetesRegistry::proxy(&server.address).unwrap().namespace("prod").unwrap()
}

async fn next(stream: &mut SnapshotStream) -> Vec<String> {
    let snapshot = stream.next().await.unwrap();
    snapshot.instances.iter().map(|instance| instance.address.to_string()).collect()
}

#[tokio::test]
async fn what_can_be_promised_of_registries_is_kept() {
    let server = FakeServer::start().await;
    server.write("greeter-1", &["10.0.0.1", "10.0.0.2"]);
    fixed(&registry(&server), "greeter", &["10.0.0.1:7000", "10.0.0.2:7000"]).await;
}

#[tokio::test(start_paused = true)]
async fn every_change_of_every_slice_is_followed() {
    let server = FakeServer::start().await;
    let mut stream = registry(&server).watch("greeter").await.unwrap();
    assert!(next(&mut stream).await.is_empty());
    server.write("greeter-1", &["10.0.0.1"]);
    assert_eq!(next(&mut stream).await, ["10.0.0.1:7000"]);
    server.write("greeter-2", &["10.0.0.2", "10.0.0.1"]);
    assert_eq!(next(&mut stream).await, ["10.0.0.1:7000", "10.0.0.2:7000"]);
    server.write("greeter-1", &["10.0.0.3"]);
    assert_eq!(next(&mut stream).await.len(), 3);
    server.delete("greeter-2");
    assert_eq!(next(&mut stream).await, ["10.0.0.3:7000"]);
    let state = server.state();
    assert_eq!((state.asked("watch=1"), state.asked("")), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_watch_goes_on_from_the_last_bookmark_when_it_ends() {
    let server = FakeServer::start().await;
    let mut stream = registry(&server).watch("greeter").await.unwrap();
    assert!(next(&mut stream).await.is_empty());
    assert!(timeout(Duration::from_secs(5), next(&mut stream)).await.is_err());
    let mut stream = registry(&server).watch("greeter").await.unwrap();
    assert!(next(&mut stream).await.is_empty());
    let steps = async {
        sleep(Duration::from_secs(5)).await;
        server.state().bookmark();
        sleep(Duration::from_secs(5)).await;
        // What was before the bookmark is known no more, which does not matter.
        server.state().compacted = 110;
        server.state().end_watches();
        sleep(Duration::from_secs(5)).await;
        server.write("greeter-1", &["10.0.0.1"]);
    };
    let (found, ()) = tokio::join!(next(&mut stream), steps);
    assert_eq!(found, ["10.0.0.1:7000"]);
    assert_eq!(server.state().asked("resourceVersion=110"), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_known_no_more_is_listed_again() {
    let server = FakeServer::start().await;
    server.write("greeter-1", &["10.0.0.1"]);
    let mut stream = registry(&server).watch("greeter").await.unwrap();
    assert_eq!(next(&mut stream).await, ["10.0.0.1:7000"]);
    // Before the watch begins.
    server.delete("greeter-1");
    server.write("greeter-2", &["10.0.0.2"]);
    server.state().compacted = 1000;
    assert_eq!(next(&mut stream).await, ["10.0.0.2:7000"]);
    // And as an event of a watch.
    server.state().compacted = 0;
    let steps = async {
        sleep(Duration::from_secs(5)).await;
        server.state().send(&format!("{}\n", json!({"type": "ERROR", "object": gone()})));
        server.state().end_watches();
        server.write("greeter-2", &["10.0.0.3"]);
    };
    let (found, ()) = tokio::join!(next(&mut stream), steps);
    assert_eq!(found, ["10.0.0.3:7000"]);
}

#[tokio::test(start_paused = true)]
async fn errors_keep_what_is_known_and_are_named() {
    let server = FakeServer::start().await;
    server.write("greeter-1", &["10.0.0.1"]);
    let registry = registry(&server);
    let mut stream = registry.watch("greeter").await.unwrap();
    assert_eq!(next(&mut stream).await, ["10.0.0.1:7000"]);
    let steps = async {
        sleep(Duration::from_secs(5)).await;
        for line in ["no JSON\n", "{\"type\":\"ADDED\",\"object\":7}\n"] {
            server.state().send(line);
            sleep(Duration::from_secs(5)).await;
        }
        let failure = json!({"kind": "Status", "code": 500, "message": "etcd is gone"});
        server.state().send(&format!("{}\n", json!({"type": "ERROR", "object": failure})));
        server.state().refuse = Some((500, failure.to_string()));
        sleep(Duration::from_secs(600)).await;
        server.state().refuse = None;
        server.write("greeter-1", &["10.0.0.2"]);
    };
    let (found, ()) = tokio::join!(next(&mut stream), steps);
    assert_eq!(found, ["10.0.0.2:7000"]);
    let asked = server.state().asked("");
    assert!((300..=1200).contains(&asked), "{asked} requests");

    let message = "endpointslices.discovery.k8s.io is forbidden: User \"x\" cannot list resource";
    let failure = json!({"kind": "Status", "code": 403, "message": message});
    server.state().refuse = Some((403, failure.to_string()));
    let error = registry.watch("greeter").await.err().unwrap().to_string();
    assert!(error.ends_with(&format!("403 {message}")), "{error}");
    server.state().refuse = Some((404, "404 page not found\n".to_owned()));
    let error = registry.services().await.unwrap_err().to_string();
    assert!(error.ends_with("404 404 page not found"), "{error}");
    for name in ["", "Greeter", "a.b", "a,b", "../x", "-a", &"a".repeat(64)] {
        let error = registry.watch(name).await.err().unwrap().to_string();
        assert!(error.contains("cannot be the name of a Service"), "{error}");
    }
}

#[tokio::test]
async fn the_token_is_read_for_every_request() {
    let server = FakeServer::start().await;
    let scratch = Scratch::new("token");
    let file = scratch.0.join("token");
    let mut registry = registry(&server);
    let endpoint = Endpoint::parse(&server.address, 1, false).unwrap();
    registry.api = Api::new(HttpClient::new(vec![endpoint]).unwrap(), Some(file.clone()));
    let error = registry.services().await.unwrap_err().to_string();
    assert!(error.starts_with("cannot read ") && error.ends_with("/token"), "{error}");
    for token in ["one", "two"] {
        fs::write(&file, format!("{token}\n")).unwrap();
        assert_eq!(registry.services().await.unwrap(), ["greeter"]);
        assert_eq!(server.state().asked(&format!(" Bearer {token}")), 1);
    }
    fs::write(&file, "a\nb").unwrap();
    assert!(registry.services().await.unwrap_err().to_string().ends_with("token: no token"));
}

#[test]
fn a_pod_knows_its_cluster_and_its_namespace() {
    let scratch = Scratch::new("account");
    let set = |name: &str| match name {
        "KUBERNETES_SERVICE_HOST" => Some("fd00::1".to_owned()),
        "KUBERNETES_SERVICE_PORT" => Some("443".to_owned()),
        _ => None,
    };
    let error = KubernetesRegistry::in_cluster_of(|_| None, &scratch.0).unwrap_err().to_string();
    assert!(error.contains("this is no pod of Kubernetes"), "{error}");
    let error = KubernetesRegistry::in_cluster_of(set, &scratch.0).unwrap_err().to_string();
    assert!(error.ends_with("ca.crt: no authority to trust"), "{error}");
    fs::write(scratch.0.join("ca.crt"), AUTHORITY).unwrap();
    let error = KubernetesRegistry::in_cluster_of(set, &scratch.0).unwrap_err().to_string();
    assert!(error.ends_with("/namespace"), "{error}");
    fs::write(scratch.0.join("namespace"), "prod\n").unwrap();
    let registry = KubernetesRegistry::in_cluster_of(set, &scratch.0).unwrap();
    assert_eq!((&*registry.namespace, &*registry.port), ("prod", "polywire"));
    assert_eq!(registry.api.to_string(), "https://[fd00::1]:443");
}

#[test]
fn urls_say_where_and_which_port() {
    let registry = KubernetesRegistry::parse("//127.0.0.1:8001/prod?port=grpc").unwrap();
    assert_eq!((&*registry.namespace, &*registry.port), ("prod", "grpc"));
    assert_eq!(registry.api.to_string(), "http://127.0.0.1:8001");
    let registry = KubernetesRegistry::parse("//127.0.0.1:8001").unwrap();
    assert_eq!((&*registry.namespace, &*registry.port), ("default", "polywire"));
    for (text, why) in [
        ("//127.0.0.1:8001/Prod", "`Prod` cannot be the name of a namespace"),
        ("//127.0.0.1:8001/a/b", "`a/b` cannot be the name of a namespace"),
        ("//127.0.0.1:8001/a?x=1", "nothing is known of `x` in the query (known: port)"),
        ("//host/prod", "is neither a namespace nor HOST:PORT/NAMESPACE"),
    ] {
        let error = KubernetesRegistry::parse(text).unwrap_err().to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
}

/// A directory that is removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let name = format!("polywire-kubernetes-{name}-{}", std::process::id());
        let directory = env::temp_dir().join(name);
        fs::create_dir_all(&directory).unwrap();
        Self(directory)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// An authority that nobody trusts.
const AUTHORITY: &str = include_str!("tests/authority.pem");
