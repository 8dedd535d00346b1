//! go-micro's errors, and what they are here.

use std::fmt::Write as _;

use http::StatusCode;
use polywire_core::{Code, Status};
use serde::{Deserialize, Serialize};

/// What `Micro-Error` says at the orderly end of a stream, in both directions.
pub const EOS: &str = "EOS";

/// An error as go-micro's services write it, in the header `Micro-Error`.
///
/// As a [`Status`] it keeps all it has: the status is of the code that comes nearest, its message is
/// the detail, and the error itself is its source. A handler that returns such a status answers with
/// exactly this error.
///
/// ```
/// use polywire_core::{Code, Status};
/// use polywire_wire::micro::MicroError;
///
/// let status = Status::from(MicroError::new("greeter", 404, "nobody of that name"));
/// assert_eq!(status.code(), Code::NotFound);
/// assert_eq!(status.cause::<MicroError>().unwrap().id, "greeter");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error, Serialize, Deserialize)]
#[error("{detail}")]
#[serde(default)]
pub struct MicroError {
    /// Who failed: the name of a service, or `go.micro.client` and `go.micro.server` for the
    /// frameworks themselves.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// A status of HTTP; 0 if the peer gave a text alone.
    #[serde(skip_serializing_if = "is_zero")]
    pub code: i32,
    /// What went wrong.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The words of HTTP for the code; empty if it has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
const fn is_zero(code: &i32) -> bool {
    *code == 0
}

impl MicroError {
    /// An error with the words that go with its code.
    #[must_use]
    pub fn new(id: impl Into<String>, code: i32, detail: impl Into<String>) -> Self {
        let status = words(code).to_owned();
        Self { id: id.into(), code, detail: detail.into(), status }
    }

    /// Reads the value of `Micro-Error`: an object of JSON, or else a text, which is the detail.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        // An array could be read as the fields in their order, which nobody means.
        let object = text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok());
        object.flatten().unwrap_or_else(|| Self { detail: text.to_owned(), ..Self::default() })
    }

    /// The error that a status is: the one it was made of, or one of the nearest code. `service` is
    /// whose it is, unless the framework itself failed the call.
    #[must_use]
    pub fn of(status: &Status, service: &str) -> Self {
        if let Some(error) = status.cause::<Self>() {
            return error.clone();
        }
        let by_framework = matches!(
            status.code(),
            Code::Internal | Code::Unimplemented | Code::Unavailable | Code::DeadlineExceeded
        );
        let id = if by_framework || service.is_empty() { FRAMEWORK } else { service };
        Self::new(id, micro_code(status.code()), status.message())
    }

    /// The value of `Micro-Error`: JSON in ASCII, so that it passes whatever reads headers.
    #[must_use]
    pub fn to_header(&self) -> String {
        let json = serde_json::to_string(self).unwrap_or_default();
        if json.bytes().all(is_plain) {
            return json;
        }
        let mut text = String::with_capacity(json.len().saturating_mul(2));
        for char in json.chars() {
            if char.is_ascii() && u8::try_from(char).is_ok_and(is_plain) {
                text.push(char);
                continue;
            }
            for unit in char.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
        text
    }
}

/// What stands as it is: ASCII that HTTP carries, but for what Go's encoder escapes.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'<' | b'>' | b'&')
}

impl From<MicroError> for Status {
    fn from(error: MicroError) -> Self {
        let code = match error.code {
            // The router of a go-micro server gives a text alone.
            0 if error.detail.starts_with("rpc: can't find ") => Code::Unimplemented,
            // So does a handler that gives back why its context has ended.
            0 if error.detail == "context deadline exceeded" => Code::DeadlineExceeded,
            0 if error.detail == "context canceled" => Code::Cancelled,
            code => code_from_micro(code),
        };
        Self::new(code, error.detail.clone()).with_source(error)
    }
}

/// go-micro's code, a status of HTTP, for a code.
#[must_use]
pub const fn micro_code(code: Code) -> i32 {
    match code {
        Code::InvalidArgument | Code::OutOfRange => 400,
        Code::Unauthenticated => 401,
        Code::PermissionDenied => 403,
        Code::NotFound => 404,
        // go-micro's own word for a call that took too long.
        Code::DeadlineExceeded => 408,
        Code::AlreadyExists | Code::Aborted => 409,
        Code::FailedPrecondition => 412,
        Code::ResourceExhausted => 429,
        Code::Cancelled => 499,
        Code::Unimplemented => 501,
        Code::Unavailable => 503,
        _ => 500,
    }
}

/// The code for go-micro's, as its own gRPC server has them; what it does not list is
/// [`Code::Unknown`].
#[must_use]
pub const fn code_from_micro(code: i32) -> Code {
    match code {
        400 => Code::InvalidArgument,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::NotFound,
        405 | 501 => Code::Unimplemented,
        408 | 504 => Code::DeadlineExceeded,
        409 => Code::AlreadyExists,
        412 => Code::FailedPrecondition,
        429 => Code::ResourceExhausted,
        499 => Code::Cancelled,
        500 => Code::Internal,
        502 | 503 => Code::Unavailable,
        _ => Code::Unknown,
    }
}

/// What HTTP says for a code, as Go has it.
fn words(code: i32) -> &'static str {
    let status = u16::try_from(code).ok().and_then(|code| StatusCode::from_u16(code).ok());
    status.and_then(|status| status.canonical_reason()).unwrap_or_default()
}

/// Whose errors those are that no service raised.
const FRAMEWORK: &str = "go.micro.server";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_written_as_go_micro_writes_it() {
        let error = MicroError::new("my.id", 404, "no err");
        let text = r#"{"id":"my.id","code":404,"detail":"no err","status":"Not Found"}"#;
        assert_eq!(error.to_header(), text);
        assert_eq!(MicroError::parse(text), error);
        let error = MicroError::new("", 0, "a <b> & \u{e9}\n\u{1f980}\u{7f}");
        let text = "{\"detail\":\"a \\u003cb\\u003e \\u0026 \\u00e9\\n\\ud83e\\udd80\\u007f\"}";
        assert_eq!(error.to_header(), text);
        assert_eq!(MicroError::parse(text), error);
    }

    #[test]
    fn a_text_that_is_no_json_is_the_detail() {
        let error = MicroError::parse("rpc: can't find service X");
        assert_eq!((error.code, error.detail.as_str()), (0, "rpc: can't find service X"));
        assert_eq!(Status::from(error).code(), Code::Unimplemented);
        for (text, code) in [
            ("boom", Code::Unknown),
            ("context deadline exceeded", Code::DeadlineExceeded),
            ("context canceled", Code::Cancelled),
        ] {
            assert_eq!(Status::from(MicroError::parse(text)).code(), code);
        }
        for text in ["7", "[\"my.id\"]", "{\"code\":\"x\"}"] {
            assert_eq!(MicroError::parse(text).detail, text);
        }
    }

    #[test]
    fn every_code_has_one_of_go_micros_and_comes_back_as_near_as_there_is() {
        for (code, micro, back) in [
            (Code::Cancelled, 499, Code::Cancelled),
            (Code::Unknown, 500, Code::Internal),
            (Code::InvalidArgument, 400, Code::InvalidArgument),
            (Code::DeadlineExceeded, 408, Code::DeadlineExceeded),
            (Code::NotFound, 404, Code::NotFound),
            (Code::AlreadyExists, 409, Code::AlreadyExists),
            (Code::PermissionDenied, 403, Code::PermissionDenied),
            (Code::ResourceExhausted, 429, Code::ResourceExhausted),
            (Code::FailedPrecondition, 412, Code::FailedPrecondition),
            (Code::Aborted, 409, Code::AlreadyExists),
            (Code::OutOfRange, 400, Code::InvalidArgument),
            (Code::Unimplemented, 501, Code::Unimplemented),
            (Code::Internal, 500, Code::Internal),
            (Code::Unavailable, 503, Code::Unavailable),
            (Code::DataLoss, 500, Code::Internal),
            (Code::Unauthenticated, 401, Code::Unauthenticated),
        ] {
            assert_eq!(micro_code(code), micro);
            assert_eq!(code_from_micro(micro), back, "{code}");
        }
    }

    #[test]
    fn a_status_made_of_an_error_is_that_error_again() {
        let error = MicroError { status: "I'm a teapot".into(), ..MicroError::new("pot", 418, "") };
        let status = Status::from(error.clone());
        assert_eq!(MicroError::of(&status, "other"), error);
    }

    #[test]
    fn who_failed_is_the_service_or_the_framework() {
        let of = |code, service| MicroError::of(&Status::new(code, "x"), service).id;
        assert_eq!(of(Code::NotFound, "greeter"), "greeter");
        assert_eq!(of(Code::NotFound, ""), "go.micro.server");
        assert_eq!(of(Code::Internal, "greeter"), "go.micro.server");
    }
}
