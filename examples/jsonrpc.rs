//! JSON-RPC from any language: text on a TCP connection, to the port that Go's clients use.
//!
//! ```console
//! cargo run -p polywire-examples --example jsonrpc
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]
#![expect(clippy::unused_async, reason = "a method is async whether it waits or not")]

use std::error::Error;

use polywire::prelude::*;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

struct Arith;

#[polywire::service]
impl Arith {
    /// Adds.
    pub(crate) async fn add(&self, a: i64, b: i64) -> Result<i64, Status> {
        a.checked_add(b).ok_or_else(|| Status::new(Code::OutOfRange, "overflow"))
    }
}

/// What a client might write.
const CALLS: [&str; 4] = [
    // Version 2.0, by name and by position.
    r#"{"jsonrpc":"2.0","method":"Arith.Add","params":{"a":1,"b":2},"id":1}"#,
    r#"{"jsonrpc":"2.0","method":"Arith.Add","params":[3,4],"id":"x"}"#,
    // An error is an object with a code.
    r#"{"jsonrpc":"2.0","method":"Arith.Sub","params":[3,4],"id":2}"#,
    // Version 1.0, as Go writes it: names in Go's spelling, one element.
    r#"{"method":"Arith.Add","params":[{"A":5,"B":6}],"id":3}"#,
];

/// Sends each line and reads the line it is answered with.
pub(crate) async fn converse() -> Result<Vec<String>, Box<dyn Error>> {
    let app = App::new("arith").serve(ArithServer::new(Arith)).private().start().await?;
    let mut stream = BufReader::new(TcpStream::connect(app.address().as_str()).await?);
    let mut answers = Vec::new();
    for call in CALLS {
        stream.write_all(call.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_line(&mut answer).await?;
        answers.push(answer.trim_end().to_owned());
    }
    drop(stream);
    app.shutdown().await;
    Ok(answers)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    for (call, answer) in CALLS.iter().zip(converse().await?) {
        println!("-> {call}\n<- {answer}");
    }
    Ok(())
}
