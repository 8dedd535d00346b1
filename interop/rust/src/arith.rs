//! The service of Go's own tests of net/rpc, with a few methods more.

use std::panic;
use std::time::Duration;

use bytes::Bytes;
use polywire::{Code, Schema, Status, service};
use serde::{Deserialize, Serialize};
use tokio::time;

/// The argument of most methods of [`Arith`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[serde(default)]
pub struct Args {
    /// The first number.
    pub a: i64,
    /// The second number.
    pub b: i64,
}

/// The answer of most methods of [`Arith`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[serde(default)]
pub struct Reply {
    /// The result.
    pub c: i64,
}

/// Does sums.
#[derive(Debug, Default)]
pub struct Arith;

#[service]
impl Arith {
    /// The sum.
    #[rpc(idempotent)]
    pub async fn add(&self, args: Args) -> Reply {
        Reply { c: args.a.wrapping_add(args.b) }
    }

    /// The product.
    pub async fn mul(&self, args: Args) -> Reply {
        Reply { c: args.a.wrapping_mul(args.b) }
    }

    /// The quotient.
    ///
    /// # Errors
    /// The divisor is zero.
    pub async fn div(&self, args: Args) -> Result<Reply, Status> {
        match args.a.checked_div(args.b) {
            Some(c) => Ok(Reply { c }),
            None => Err(Status::new(Code::Unknown, "divide by zero")),
        }
    }

    /// `a`, after so many milliseconds.
    pub async fn sleep_milli(&self, args: Args) -> Reply {
        time::sleep(Duration::from_millis(args.a.unsigned_abs())).await;
        Reply { c: args.a }
    }

    /// A reply that is no struct.
    pub async fn string(&self, args: Args) -> String {
        format!("{}+{}={}", args.a, args.b, args.a.wrapping_add(args.b))
    }

    /// An argument that is no struct.
    ///
    /// # Errors
    /// The text is no number.
    pub async fn scan(&self, text: String) -> Result<Reply, Status> {
        let parsed = text.trim().parse();
        parsed.map(|c| Reply { c }).map_err(|_| Status::new(Code::InvalidArgument, "no number"))
    }

    /// The bytes it was sent.
    pub async fn echo(&self, bytes: Bytes) -> Bytes {
        bytes
    }

    /// What a bug does, but for the message that `panic!` would print on every run.
    pub async fn panic(&self, _args: Args) -> Reply {
        panic::resume_unwind(Box::new("panic asked for"))
    }

    /// A float that JSON cannot carry.
    pub async fn not_a_number(&self, _args: Args) -> f64 {
        f64::NAN
    }
}
