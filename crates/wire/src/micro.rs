//! go-micro's wire over HTTP/1.1, "mucp": a call is a POST whose head says what is called, in
//! `Micro-*` headers, and whose status is 200 whatever comes of it; errors are in `Micro-Error`.
//!
//! [`Head`] reads the head, [`Content`] says how messages lie in bodies, [`Argument`] takes a message
//! out of one, and [`Echo`] makes an [`Answer`] of a reply. [`MicroServer`] puts them together for a
//! connection of its own, on which streams go both ways at once; [`CallHead`], [`StreamWriter`] and
//! [`StreamReader`] are the client's side. What go-micro puts into gRPC is [`GrpcCaller`] and
//! [`to_grpc_status`]. Facts: `docs/wire/micro.md`.

mod answer;
mod argument;
mod client;
mod content;
mod envelope;
mod error;
mod grpc;
mod head;
mod http1;
mod server;

pub use self::answer::{Answer, Echo};
pub use self::argument::Argument;
pub use self::client::{
    CallHead, StreamEvent, StreamReader, StreamWriter, check_body, disclose, enclose, judge,
};
pub use self::content::{Content, Framing};
pub use self::error::{EOS, MicroError, code_from_micro, micro_code};
pub use self::grpc::{GrpcCaller, read_grpc_status, to_grpc_status, with_grpc_detail};
pub use self::head::{Head, event, format_timeout, is_micro, method};
pub use self::server::{KindOf, MicroServer, MicroTicket};
