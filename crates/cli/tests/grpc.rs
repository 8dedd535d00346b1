//! The built program against servers that describe themselves by gRPC's reflection.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value as Json, json};

const POLYWIRE: &str = env!("CARGO_BIN_EXE_polywire");

/// `polywire demo --stay`, registered in a directory of its own.
struct Demo {
    child: Child,
    registry: String,
    address: String,
}

impl Demo {
    fn start(name: &str) -> Self {
        let registry = format!("local:{}/grpc-{name}", env!("CARGO_TARGET_TMPDIR"));
        let mut child = Command::new(POLYWIRE)
            .args(["demo", "--stay"])
            .env("POLYWIRE_REGISTRY", &registry)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.find_map(|line| {
            let line = line.unwrap();
            Some(line.split_once("rpc.Dial(\"tcp\", \"")?.1.trim_end_matches("\")").to_owned())
        });
        Self { child, registry, address: address.unwrap() }
    }

    fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(POLYWIRE);
        command.args(args).env("POLYWIRE_REGISTRY", &self.registry);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    #[track_caller]
    fn prints(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn fails(&self, args: &[&str], code: i32, message: &str) {
        let output = self.run(args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
        assert!(stderr.contains(message), "{args:?}: {stderr}");
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn lines(text: &str) -> Vec<Json> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_server_is_described_as_its_proto_files_would() {
    let demo = Demo::start("described");
    let text = demo.prints(&["describe", &demo.url("grpc")]);
    for part in [
        "// Greets people.\nservice Greeter {\n",
        "  // Says hello.\n  rpc Hello(HelloRequest) returns (HelloReply);  // idempotent\n",
        "  rpc HelloAll(stream HelloRequest) returns (stream HelloReply);\n",
        "// Whom to greet.\nmessage HelloRequest {\n  // The name, as it should be spoken.\n  \
         string name = 1;\n}\n",
        "service grpc.health.v1.Health {\n",
        "enum grpc.health.v1.ServingStatus {\n",
    ] {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
    let text = demo.prints(&["describe", &demo.url("connect"), "Greeter/Add"]);
    assert!(text.contains("rpc Add(") && !text.contains("rpc Hello("), "{text}");
    let described = demo.prints(&["describe", &demo.url("grpc"), "Greeter", "-o", "json"]);
    let described: Json = serde_json::from_str(&described).unwrap();
    let method = &described["services"][0]["methods"][2];
    assert_eq!((&method["name"], &method["server_streams"]), (&json!("Countdown"), &json!(true)));
    demo.fails(&["describe", &demo.url("grpc"), "Greter"], 1, "did you mean `Greeter`?");
}

#[test]
fn every_kind_of_method_is_called_over_every_wire_that_has_it() {
    let demo = Demo::start("called");
    for scheme in ["grpc", "grpc-web", "connect"] {
        let url = demo.url(scheme);
        let hello = demo.prints(&["call", &url, "Greeter/Hello", r#"{"name":"Ann"}"#]);
        assert_eq!(
            serde_json::from_str::<Json>(&hello).unwrap(),
            json!({"greeting":"Hello, Ann!"})
        );
        let header = ["-H", "x-tenant: acme"];
        let args = [&["call", &url, "Greeter.Countdown", "2"][..], &header].concat();
        assert_eq!(lines(&demo.prints(&args)), [json!(2), json!(1), json!(0)], "{scheme}");
    }
    for scheme in ["grpc", "connect", "netrpc"] {
        let people = r#"{"name":"Ann"} {"name":"Bob"}"#;
        let replies = demo.prints(&["call", &demo.url(scheme), "Greeter.HelloAll", people]);
        let greeted = [json!({"greeting":"Hello, Ann!"}), json!({"greeting":"Hello, Bob!"})];
        assert_eq!(lines(&replies), greeted, "{scheme}");
    }
    let url = format!("{}?codec=json", demo.url("connect"));
    let sum = demo.prints(&["call", &url, "Greeter.Add", r#"{"a":1,"b":"2"}"#]);
    assert_eq!(serde_json::from_str::<Json>(&sum).unwrap(), json!("3"));

    let grpc = demo.url("grpc");
    demo.fails(&["call", &grpc, "Greeter.Helo"], 96, "did you mean `Greeter.Hello`?");
    demo.fails(&["call", &grpc, "Greeter.Hello", r#"{"nane":"x"}"#], 1, "nane");
    let large = r#"{"a":9223372036854775807,"b":1}"#;
    demo.fails(&["call", &grpc, "Greeter.Add", large], 88, "the sum is too large");
    demo.fails(&["call", &grpc, "Greeter.Hello", "{} {}"], 1, "one argument");
    demo.fails(&["bench", &grpc, "Greeter.Countdown", "1"], 1, "streams");
}

#[test]
fn standard_input_is_sent_as_it_comes() {
    let demo = Demo::start("input");
    let url = demo.url("grpc");
    let mut command = demo.command(&["call", &url, "Greeter.HelloAll", "-d", "@-"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut replies = BufReader::new(child.stdout.take().unwrap()).lines();
    for name in ["Ann", "Bob"] {
        writeln!(stdin, "{}", json!({ "name": name })).unwrap();
        let reply = replies.next().unwrap().unwrap();
        assert_eq!(lines(&reply), [json!({ "greeting": format!("Hello, {name}!") })]);
    }
    drop(stdin);
    assert!(replies.next().is_none());
    assert!(child.wait().unwrap().success());
}

#[test]
fn other_languages_get_what_they_need() {
    let demo = Demo::start("exported");
    let text = demo.prints(&["export", "--proto", "greeter"]);
    assert!(text.starts_with("syntax = \"proto3\";\n"), "{text}");
    assert!(text.contains("  rpc Countdown(google.protobuf.UInt32Value)"), "{text}");
    let netrpc = demo.url("netrpc");
    let document = demo.prints(&["export", "--openapi", &netrpc, "Greeter"]);
    let document: Json = serde_json::from_str(&document).unwrap();
    assert!(document["paths"]["/Greeter/Hello"]["post"].is_object(), "{document}");
    let schema = demo.prints(&["export", "--jsonschema", &demo.url("grpc")]);
    let schema: Json = serde_json::from_str(&schema).unwrap();
    assert_eq!(schema["$defs"]["HelloRequest"]["properties"]["name"]["type"], "string");
    demo.fails(&["export", "--proto", "greeter", "Nobody"], 40, "no service `Nobody`");
    demo.fails(&["export", "greeter"], 1, "--proto");

    let folder = format!("{}/exported", env!("CARGO_TARGET_TMPDIR"));
    demo.prints(&["export", "--proto", "greeter", "--out", &folder]);
    let written = std::fs::read_to_string(format!("{folder}/services.proto")).unwrap();
    assert_eq!(written.trim_end(), text.trim_end());
}
