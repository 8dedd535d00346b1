//! The command line against servers it knows nothing of but what their reflection says.

use std::process::{Output, Stdio};

use serde_json::{Value as Json, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::peer::Peer;
use super::{Case, Failure, Outcome, Transport, expect};

/// Every case; `polywire` is expected beside this program.
pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("describe", |peer| async move {
            let text = polywire(&peer, &["describe"], &[], "").await?;
            holds(&text, "service grpc.testing.TestService {")?;
            holds(
                &text,
                "rpc FullDuplexCall(stream grpc.testing.StreamingOutputCallRequest) returns \
                 (stream grpc.testing.StreamingOutputCallResponse);",
            )?;
            holds(&text, "  int32 response_size = 2;")
        }),
        Case::new("describe_message", |peer| async move {
            let symbol = ["grpc.testing.Payload"];
            let text = polywire(&peer, &["describe"], &symbol, "").await?;
            holds(&text, "  bytes body = 2;")
        }),
        Case::new("unary", |peer| async move {
            let request = r#"{"response_size": 3, "payload": {"body": "AAAA"}}"#;
            let reply = call(&peer, "UnaryCall", request).await?;
            expect("the reply", &reply[0]["payload"]["body"], &json!("AAAA"))
        }),
        Case::new("client_stream", |peer| async move {
            let requests = r#"{"payload": {"body": "AAAA"}} {"payload": {"body": "AA=="}}"#;
            let reply = call(&peer, "StreamingInputCall", requests).await?;
            expect("the sum", &reply[0]["aggregatedPayloadSize"], &json!(4))
        }),
        Case::new("server_stream", |peer| async move {
            let request = r#"{"responseParameters": [{"size": 1}, {"size": 2}]}"#;
            expect_bodies(&call(&peer, "StreamingOutputCall", request).await?)
        }),
        Case::new("bidi_stream", |peer| async move {
            let requests = "{\"responseParameters\": [{\"size\": 1}]}\n\
                            {\"responseParameters\": [{\"size\": 2}]}\n";
            expect_bodies(&call(&peer, "FullDuplexCall", requests).await?)
        }),
        Case::new("error", |peer| async move {
            let request = r#"{"responseStatus": {"code": 5, "message": "on purpose"}}"#;
            let method = ["grpc.testing.TestService/UnaryCall", request];
            let output = run(&peer, &["call"], &method, "").await?;
            // Eight times the number of the code.
            expect("the exit code", &output.status.code(), &Some(40))?;
            holds(&String::from_utf8_lossy(&output.stderr), "on purpose")
        }),
        Case::new("unknown_method", |peer| async move {
            let output = run(&peer, &["call"], &["grpc.testing.TestService/UnaryCal"], "").await?;
            let stderr = String::from_utf8_lossy(&output.stderr);
            holds(&stderr, "did you mean `grpc.testing.TestService.UnaryCall`?")
        }),
    ]
}

fn expect_bodies(replies: &[Json]) -> Outcome {
    let bodies: Vec<&Json> = replies.iter().map(|reply| &reply["payload"]["body"]).collect();
    expect("the replies", &bodies, &vec![&json!("AA=="), &json!("AAA=")])
}

/// The replies to a call whose arguments come by standard input.
async fn call(peer: &Peer, method: &str, requests: &str) -> Result<Vec<Json>, Failure> {
    let method = format!("grpc.testing.TestService/{method}");
    let text = polywire(peer, &["call"], &[&method, "-d", "@-"], requests).await?;
    let replies = serde_json::Deserializer::from_str(&text).into_iter();
    let replies = replies.collect::<Result<Vec<Json>, _>>()?;
    if replies.is_empty() { Err("there is no reply".into()) } else { Ok(replies) }
}

/// What the command line prints if it succeeds.
async fn polywire(
    peer: &Peer,
    verb: &[&str],
    words: &[&str],
    input: &str,
) -> Result<String, Failure> {
    let output = run(peer, verb, words, input).await?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}: {}", output.status, stderr.trim()).into())
}

async fn run(peer: &Peer, verb: &[&str], words: &[&str], input: &str) -> Result<Output, Failure> {
    let program = std::env::current_exe()?.with_file_name("polywire");
    let url = peer.url(Transport::Grpc);
    let mut command = Command::new(program.with_extension(std::env::consts::EXE_EXTENSION));
    command.args(verb).arg(url).args(words).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).await?;
    }
    Ok(child.wait_with_output().await?)
}

fn holds(text: &str, part: &str) -> Outcome {
    if text.contains(part) { Ok(()) } else { Err(format!("no `{part}` in `{text}`").into()) }
}
