//! `polywire doctor`, run as a user runs it, with local registries of its own.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use polywire::core::Lease;
use polywire::{App, Instance, Registry, Running};
use serde_json::{Value as Json, json};
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;

/// A directory that holds nothing from an earlier run.
fn registry(name: &str) -> (String, Arc<dyn Registry>) {
    let directory = format!("{}/doctor-{name}", env!("CARGO_TARGET_TMPDIR"));
    // It is not there the first time.
    std::fs::remove_dir_all(&directory).unwrap_or_default();
    let url = format!("local:{directory}");
    let registry = polywire::registry::from_url(&url).unwrap();
    (url, registry)
}

/// Runs it, outside of the runtime's threads, which serve what it looks at.
async fn doctor(variables: &[(&str, &str)], args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_polywire"));
    command.arg("doctor").args(args).stdin(Stdio::null());
    for name in ["POLYWIRE_REGISTRY", "MICRO_REGISTRY", "POLYWIRE_BROKER", "MICRO_BROKER"] {
        command.env_remove(name);
    }
    command.env_remove("MICRO_BROKER_ADDRESS").envs(variables.iter().copied());
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// What it prints as JSON, and the exit code.
async fn examine(url: &str, args: &[&str]) -> (Json, Option<i32>) {
    let args = [&["-o", "json"], args].concat();
    read(&doctor(&[("POLYWIRE_REGISTRY", url)], &args).await)
}

fn read(output: &Output) -> (Json, Option<i32>) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let report = serde_json::from_slice(&output.stdout);
    (report.unwrap_or_else(|error| panic!("{error}: {stderr}")), output.status.code())
}

/// The findings of a level, as `about: text`.
fn findings(report: &Json, level: &str) -> Vec<String> {
    let of_level = |finding: &&Json| finding["level"] == level;
    let shown = |finding: &Json| {
        let (about, text) = (finding["about"].as_str().unwrap(), finding["text"].as_str().unwrap());
        assert_eq!(finding["advice"] == "", level == "ok", "{finding}");
        format!("{about}: {text}")
    };
    report["findings"].as_array().unwrap().iter().filter(of_level).map(shown).collect()
}

async fn start(registry: &Arc<dyn Registry>) -> Running {
    App::new("greeter").version("1").registry(Arc::clone(registry)).start().await.unwrap()
}

async fn register(registry: &Arc<dyn Registry>, instance: Instance) -> Box<dyn Lease> {
    registry.register(instance).await.unwrap()
}

/// Nobody listens on port 1.
const CLOSED: &str = "127.0.0.1:1";

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_serves_is_well() {
    let (url, registry) = registry("well");
    let running = start(&registry).await;
    let (report, code) = examine(&url, &[]).await;
    assert_eq!(code, Some(0), "{report:#}");
    assert_eq!((&report["warnings"], &report["problems"]), (&json!(0), &json!(0)), "{report:#}");
    assert_eq!(findings(&report, "ok")[1], "greeter: 1 instance, and it answers");
    assert_eq!(report["registry"]["by"], "POLYWIRE_REGISTRY");
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_of_the_report_is_fixed() {
    let (url, registry) = registry("form");
    let running = start(&registry).await;
    let (mut report, _) = examine(&url, &["greeter"]).await;
    let wires = report["instances"][0]["wires"].take();
    let wires = wires.as_array().unwrap();
    assert!(wires.len() >= 8, "{wires:?}");
    for wire in wires {
        assert_eq!(*wire, json!({ "wire": wire["wire"], "answers": true, "error": null }));
    }
    for time in ["/registry/answer_ns", "/instances/0/connect_ns"] {
        let time = report.pointer_mut(time).unwrap().take();
        assert!(time.as_u64().unwrap() > 0);
    }
    let id = report["instances"][0]["id"].take();
    assert!(id.as_str().unwrap().starts_with("greeter-"), "{id}");
    let text = report["findings"][0]["text"].take();
    assert!(text.as_str().unwrap().starts_with(&url), "{text}");
    let expected = json!({
        "registry": { "url": url, "by": "POLYWIRE_REGISTRY", "answer_ns": null },
        "broker": null,
        "instances": [{
            "service": "greeter",
            "id": null,
            "address": running.address().as_str(),
            "version": "1",
            "connect_ns": null,
            "connect_error": null,
            "wires": null,
            "takes_calls": true,
            "registration": { "confirmed": true, "failures": 0, "recoveries": 0 },
        }],
        "findings": [
            { "level": "ok", "about": "registry", "text": null, "advice": "" },
            {
                "level": "ok",
                "about": "greeter",
                "text": "1 instance, and it answers",
                "advice": "",
            },
        ],
        "warnings": 0,
        "problems": 0,
    });
    assert_eq!(report, expected);
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_does_not_listen_is_a_problem_of_its_own_service() {
    let (url, registry) = registry("closed");
    let running = start(&registry).await;
    let gone = Instance::new("users", "users-1", CLOSED.into());
    let _lease = register(&registry, gone.with_metadata("wires", "netrpc")).await;
    let output = doctor(&[("POLYWIRE_REGISTRY", &url)], &[]).await;
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "polywire: 1 problem\n");
    let page = String::from_utf8(output.stdout).unwrap();
    let line = format!("problem  users-1: nobody accepts connections at {CLOSED}: ");
    assert!(page.contains(&line), "{page}");
    assert!(page.contains("ok       greeter: 1 instance, and it answers"), "{page}");

    let (report, code) = examine(&url, &["greeter"]).await;
    assert_eq!((code, report["instances"].as_array().unwrap().len()), (Some(0), 1), "{report:#}");
    let (report, code) = examine(&url, &["users"]).await;
    assert_eq!((code, &report["problems"]), (Some(4), &json!(1)), "{report:#}");
    assert_eq!(report["instances"][0]["wires"][0]["answers"], json!(null));
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_answers_with_garbage_does_not_speak_what_it_claims() {
    let (url, registry) = registry("garbage");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut babbler = JoinSet::new();
    babbler.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // The other side may have had enough of it.
            stream.write_all(&[0xff; 512]).await.unwrap_or_default();
        }
    });
    let instance = Instance::new("users", "users-1", address.as_str().into());
    let instance = instance.with_metadata("wires", "netrpc,grpc,jsonrpc2,dubbo");
    let _lease = register(&registry, instance).await;
    let (report, code) = examine(&url, &["--timeout", "1s"]).await;
    assert_eq!(code, Some(4), "{report:#}");
    let problems = findings(&report, "problem");
    let [problem] = problems.as_slice() else { panic!("{report:#}") };
    let expected = "users-1: it claims netrpc, grpc, jsonrpc2 and does not answer";
    assert!(problem.starts_with(expected), "{problem}");
    let warnings = findings(&report, "warning");
    assert_eq!(warnings, ["users-1: it claims dubbo, which no caller knows"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_no_records_disturb_nobody() {
    let (url, registry) = registry("junk");
    let running = start(&registry).await;
    let directory = url.strip_prefix("local:").unwrap();
    std::fs::write(format!("{directory}/greeter/junk.json"), b"\xff{").unwrap();
    let (report, code) = examine(&url, &[]).await;
    assert_eq!((code, &report["problems"]), (Some(0), &json!(0)), "{report:#}");
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_at_one_address_and_of_two_versions_are_told() {
    let (url, registry) = registry("twins");
    let running = start(&registry).await;
    let twin = Instance::new("greeter", "twin", running.address().clone());
    let _lease = register(&registry, twin.with_version("2")).await;
    let (report, code) = examine(&url, &[]).await;
    assert_eq!(code, Some(0), "{report:#}");
    let warnings = findings(&report, "warning");
    assert!(warnings[0].contains("twin are all at"), "{warnings:?}");
    assert_eq!(warnings[1], "greeter: versions side by side: 1 (1), 2 (1)");
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_registry_is_a_warning_and_an_unknown_service_no_instance() {
    let (url, _registry) = registry("empty");
    let (report, code) = examine(&url, &[]).await;
    assert_eq!((code, &report["instances"]), (Some(0), &json!([])), "{report:#}");
    assert!(findings(&report, "warning")[0].ends_with("no service is registered"), "{report:#}");
    let output = doctor(&[("POLYWIRE_REGISTRY", &url)], &["greeter"]).await;
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "polywire: no service `greeter`\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_named_the_registry_is_told_also_if_it_cannot_be_asked() {
    let consul = format!("consul://{CLOSED}?token=secret");
    for (variables, args, url, by) in [
        (
            &[("POLYWIRE_REGISTRY", "nosuch:u:secret@h")][..],
            &[][..],
            "nosuch://h",
            "POLYWIRE_REGISTRY",
        ),
        (&[], &["--registry", &consul], &consul.replace("?token=secret", ""), "--registry"),
        (
            // A variable that is empty is as good as none.
            &[
                ("POLYWIRE_REGISTRY", ""),
                ("MICRO_REGISTRY", "consul"),
                ("MICRO_REGISTRY_ADDRESS", CLOSED),
            ],
            &[],
            &format!("consul://{CLOSED}"),
            "MICRO_REGISTRY",
        ),
        (&[("MICRO_REGISTRY", "zookeeper")], &[], "zookeeper://", "MICRO_REGISTRY"),
    ] {
        let args = [&["-o", "json", "--timeout", "1s"], args].concat();
        let output = doctor(variables, &args).await;
        let (report, code) = read(&output);
        assert_eq!(code, Some(2), "{report:#}");
        let registry = json!({ "url": url, "by": by, "answer_ns": null });
        assert_eq!(report["registry"], registry, "{report:#}");
        assert_eq!(findings(&report, "problem").len(), 1, "{report:#}");
        assert!(!report.to_string().contains("secret"), "{report:#}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("secret"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_is_looked_at_if_somebody_named_one() {
    let (url, registry) = registry("broker");
    let running = start(&registry).await;
    let nats = format!("nats://u:secret@{CLOSED}");
    for (broker, code, level, text) in [
        ("http:", 0, "ok", "subscribers are in the registry"),
        ("kafka://h:1", 4, "problem", "unknown broker"),
        (&nats, 4, "problem", "nats://127.0.0.1:"),
    ] {
        let variables = [("POLYWIRE_REGISTRY", url.as_str()), ("POLYWIRE_BROKER", broker)];
        let output = doctor(&variables, &["-o", "json"]).await;
        let (report, found) = read(&output);
        assert_eq!(found, Some(code), "{report:#}");
        assert_eq!(report["broker"]["by"], "POLYWIRE_BROKER");
        let findings = findings(&report, level).join("\n");
        assert!(findings.contains("broker: ") && findings.contains(text), "{findings}");
        assert!(!findings.contains("secret"), "{findings}");
    }
    running.shutdown().await;
}
