//! A Go `net/rpc` service, moved to Rust behind the clients it has.
//!
//! ```console
//! cargo run -p polywire-examples --example go-migration
//! ```
//!
//! It serves what this Go program served, on the same port, and ends with Ctrl-C:
//!
//! ```go
//! type Args struct{ A, B int }
//! type Quotient struct{ Quo, Rem int }
//!
//! func (t *Arith) Multiply(args *Args, reply *int) error  { *reply = args.A * args.B; return nil }
//! func (t *Arith) Divide(args *Args, quo *Quotient) error { ... errors.New("divide by zero") ... }
//!
//! rpc.Register(new(Arith))
//! ```
//!
//! and its clients go on as they are:
//!
//! ```go
//! client, err := rpc.Dial("tcp", "127.0.0.1:1234")   // or rpc.DialHTTP, or jsonrpc.Dial
//! err = client.Call("Arith.Divide", &Args{17, 8}, &quotient)
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]
#![expect(clippy::unused_async, reason = "a method is async whether it waits or not")]

use std::error::Error;

use polywire::prelude::*;

/// Go's `Args`: `a` travels as `A`.
#[derive(Serialize, Deserialize, Schema)]
struct Args {
    a: i64,
    b: i64,
}

/// Go's `Quotient`; a name that the rules would not give is stated.
#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
pub(crate) struct Quotient {
    #[schema(go = "Quo")]
    quotient: i64,
    #[schema(go = "Rem")]
    remainder: i64,
}

struct Arith;

#[polywire::service]
impl Arith {
    /// Multiplies.
    #[rpc(idempotent)]
    pub(crate) async fn multiply(&self, args: Args) -> Result<i64, Status> {
        args.a.checked_mul(args.b).ok_or_else(|| Status::new(Code::OutOfRange, "overflow"))
    }

    /// Divides; the error is the text that Go's clients compare with.
    #[rpc(idempotent)]
    pub(crate) async fn divide(&self, args: Args) -> Result<Quotient, Status> {
        let quotient = args.a.checked_div(args.b);
        let remainder = args.a.checked_rem(args.b);
        match (quotient, remainder) {
            (Some(quotient), Some(remainder)) => Ok(Quotient { quotient, remainder }),
            _ => Err(Status::new(Code::InvalidArgument, "divide by zero")),
        }
    }
}

fn app(address: &str) -> App {
    App::new("arith").serve(ArithServer::new(Arith)).listen(address)
}

/// Serves, and calls over each of the ways in which Go's clients connect.
pub(crate) async fn divide(a: i64, b: i64) -> Result<Vec<Quotient>, Box<dyn Error>> {
    let running = app("127.0.0.1:0").private().start().await?;
    let mut answers = Vec::new();
    for scheme in ["netrpc", "netrpc+http", "jsonrpc"] {
        let arith = ArithClient::connect(&format!("{scheme}://{}", running.address())).await?;
        answers.push(arith.divide(Args { a, b }).await?);
    }
    running.shutdown().await;
    Ok(answers)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    println!("17 / 8 = {:?}", divide(17, 8).await?.first());
    Ok(app("127.0.0.1:1234").run().await?)
}
