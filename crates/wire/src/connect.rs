//! Connect: content types, codes, errors, deadlines, the end of a stream, and calls by GET. Facts:
//! the Connect protocol reference at connectrpc.com.

mod code;
mod content_type;
mod end_stream;
mod error;
pub mod get;
pub mod timeout;

pub use self::code::{code_as_str, code_from_str, http_status};
pub use self::content_type::{ContentType, Protocol};
pub use self::end_stream::{END_STREAM, EndStream};
pub use self::error::{encode_error, parse_error};
