//! The built program, run as a user runs it.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value as Json, json};

const POLYWIRE: &str = env!("CARGO_BIN_EXE_polywire");

fn polywire(registry: &str, args: &[&str]) -> Output {
    Command::new(POLYWIRE)
        .args(args)
        .env("POLYWIRE_REGISTRY", registry)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[track_caller]
fn fails(output: &Output, code: i32, message: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(stderr.contains(message), "{stderr}");
    assert!(output.stdout.is_empty(), "messages go to standard error");
}

#[track_caller]
fn prints(output: &Output) -> Json {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// `polywire demo --stay`, registered in a directory of its own.
struct Demo {
    child: Child,
    registry: String,
    address: String,
}

impl Demo {
    fn start(name: &str) -> Self {
        let registry = format!("local:{}/{name}", env!("CARGO_TARGET_TMPDIR"));
        let mut child = Command::new(POLYWIRE)
            .args(["demo", "--stay"])
            .env("POLYWIRE_REGISTRY", &registry)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // The last line of what it prints once it serves.
        let address = lines.find_map(|line| {
            let line = line.unwrap();
            Some(line.split_once("rpc.Dial(\"tcp\", \"")?.1.trim_end_matches("\")").to_owned())
        });
        Self { child, registry, address: address.unwrap() }
    }

    fn run(&self, args: &[&str]) -> Output {
        polywire(&self.registry, args)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn the_demo_calls_over_every_wire() {
    let report = prints(&polywire("memory:", &["demo", "-o", "json"]));
    let wires = report.as_array().unwrap();
    assert!(wires.len() >= 4);
    assert!(wires.iter().all(|wire| wire["ok"] == json!(true)), "{report}");
}

#[test]
fn a_service_is_found_described_and_called() {
    let demo = Demo::start("called");
    let services = prints(&demo.run(&["services", "-o", "json"]));
    assert_eq!(services[0]["service"], "greeter");
    assert_eq!(services[0]["address"], demo.address.as_str());

    let described = prints(&demo.run(&["describe", "greeter", "Greeter.Hello", "-o", "json"]));
    assert_eq!(described["services"][0]["methods"][0]["docs"], "Says hello.");
    let page = demo.run(&["describe", "greeter"]);
    let page = String::from_utf8(page.stdout).unwrap();
    assert!(page.contains("Hello(HelloRequest) -> HelloReply  (idempotent)"), "{page}");

    let hello = ["call", "greeter", "Greeter.Hello", r#"{"name":"Ann"}"#];
    assert_eq!(prints(&demo.run(&hello)), json!({ "greeting": "Hello, Ann!" }));
    for scheme in ["netrpc", "netrpc+http", "jsonrpc", "jsonrpc2"] {
        let url = format!("{scheme}://{}", demo.address);
        let sum = demo.run(&["call", &url, "Greeter/Add", r#"{"a":1,"b":2}"#]);
        assert_eq!(prints(&sum), json!(3), "{scheme}");
    }

    let failed = demo.run(&["call", "greeter", "Greeter.Helo"]);
    fails(&failed, 96, "did you mean `Greeter.Hello`?");
    let failed = demo.run(&["call", "greter", "Greeter.Hello"]);
    fails(&failed, 3, "did you mean `greeter`?");
    let failed = demo.run(&["call", "greeter", "Greeter.Hello", r#"{"nane":"x"}"#]);
    fails(&failed, 1, "did you mean `name`?");
    let failed =
        demo.run(&["call", "greeter", "Greeter.Add", r#"{"a":9223372036854775807,"b":1}"#]);
    fails(&failed, 88, "the sum is too large");
}

#[test]
fn a_bench_reports_what_it_measured() {
    let demo = Demo::start("bench");
    let url = format!("netrpc://{}", demo.address);
    let add = [&url, "Greeter.Add", r#"{"a":1,"b":2}"#];
    let args = [&["bench"][..], &add, &["-n", "300", "-c", "4", "-o", "json"]].concat();
    let report = prints(&demo.run(&args));
    assert_eq!((&report["calls"], &report["failures"]), (&json!(300), &json!(0)));
    assert!(report["latency_ns"]["p99"].as_u64().unwrap() > 0);
    let args = [&["bench"][..], &add, &["-n", "20", "-c", "2"]].concat();
    let output = demo.run(&args);
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(page.contains("p99.9"), "{page}");
    assert!(output.stderr.is_empty(), "no progress where nobody watches");
}

#[test]
fn wrong_usage_is_exit_code_1() {
    fails(&polywire("memory:", &["servces"]), 1, "services");
    fails(&polywire("memory:", &["call", "x"]), 1, "METHOD");
    fails(&polywire("memory:", &["call", "x://127.0.0.1:1", "A.B"]), 1, "x");
    fails(&polywire("memory:", &["call", "netrpc://127.0.0.1:1", "NoDot"]), 1, "SERVICE.METHOD");
    fails(&polywire("memory:", &["call", "greeter", "A.B", "{"]), 1, "no JSON");
    fails(&polywire("memory:", &["bench", "x", "A.B", "-z", "5"]), 1, "unit");
}

#[test]
fn what_cannot_be_reached_has_exit_codes_of_its_own() {
    fails(&polywire("nosuch:", &["services"]), 2, "unknown registry `nosuch`");
    fails(&polywire("memory:", &["call", "a", "A.B", "-d", "@/no/such/file"]), 2, "/no/such/file");
    fails(&polywire("memory:", &["call", "greeter", "A.B"]), 3, "no service `greeter`");
    // Nobody listens on port 1: unavailable is status 14.
    fails(&polywire("memory:", &["call", "netrpc://127.0.0.1:1", "A.B"]), 112, "127.0.0.1:1");
}

#[test]
fn help_and_completion_go_to_standard_output() {
    for args in [&["--help"][..], &["--version"], &["completion", "bash"], &["call", "--help"]] {
        let output = polywire("memory:", args);
        assert_eq!(output.status.code(), Some(0));
        assert!(String::from_utf8(output.stdout).unwrap().contains("polywire"), "{args:?}");
    }
}
