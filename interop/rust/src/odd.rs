//! Go's services with other types than theirs, and with methods that only Go's server has.

use polywire::{Schema, service};
use serde::{Deserialize, Serialize};

use crate::{Args, Base, Narrow, Reply};

/// `Arith` by somebody who got its types wrong.
#[service(name = "Arith")]
pub trait Odd {
    /// A text where numbers are wanted.
    #[rpc(name = "Add")]
    async fn add_text(&self, text: String) -> Reply;

    /// A struct with a field of the wrong type.
    #[rpc(name = "Mul")]
    async fn mul_text(&self, args: TextArgs) -> Reply;

    /// A struct that comes back where a text is wanted.
    #[rpc(name = "Div")]
    async fn div_to_text(&self, args: Args) -> String;

    /// A float, which has no place in JSON if it is NaN.
    #[rpc(name = "Scan")]
    async fn scan_float(&self, float: f64) -> Reply;

    /// A method that is not there.
    async fn bad_operation(&self, args: Args) -> Reply;

    /// Fails without a text.
    async fn empty_error(&self, args: Args) -> Reply;
}

/// `Args` with a text in it.
#[derive(Debug, Serialize, Deserialize, Schema)]
pub struct TextArgs {
    /// A number in Go.
    pub a: String,
}

/// `Types` by somebody with wider numbers and fewer fields.
#[service(name = "Types")]
pub trait Wide {
    /// May overflow.
    async fn narrow(&self, wide: WideArgs) -> Narrow;

    /// Takes two of many fields.
    async fn echo(&self, few: Few) -> Few;
}

/// What may not fit into [`Narrow`].
#[derive(Debug, Serialize, Deserialize, Schema)]
pub struct WideArgs {
    /// Goes up to 127 in Go.
    pub n: i64,
}

/// Two fields of [`Many`](crate::Many).
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Few {
    /// One field.
    pub text: String,
    /// Another.
    pub base: Base,
}

/// What goes wrong on Go's side, or cannot be sent at all.
#[service(name = "Faulty")]
pub trait Faulty {
    /// Between the numbers there is an interface with something else each time.
    async fn any(&self, n: i64) -> Numbers;

    /// An interface that holds nothing.
    async fn nil(&self) -> Numbers;

    /// A reply without a field that gob would send.
    async fn hide(&self) -> Numbers;

    /// A nil in a slice, which gob has no way to write.
    async fn holes(&self, holes: Holes) -> Numbers;
}

/// The fields around an interface.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Numbers {
    /// The field before it.
    pub a: i64,
    /// The field behind it.
    pub b: i64,
}

/// What gob has no way to write.
#[derive(Debug, Serialize, Deserialize, Schema)]
pub struct Holes {
    /// With nothing in it here and there.
    pub items: Vec<Option<i64>>,
}
