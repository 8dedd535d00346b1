//! Statuses as JSON-RPC 2.0 error objects, and back.

use bytes::{BufMut, BytesMut};
use polywire_core::{Code, Status};

use super::text::{Members, put_string, string};

pub(super) const PARSE_ERROR: i64 = -32700;
pub(super) const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;
const INTERNAL_ERROR: i64 = -32603;

/// The start of the numbers that JSON-RPC leaves to servers; a code without a number of its own is
/// its own number below this.
const SERVER_ERROR: i64 = -32000;

/// The number of a status in JSON-RPC 2.0.
pub(super) fn number(code: Code) -> i64 {
    match code {
        Code::InvalidArgument => INVALID_PARAMS,
        Code::Unimplemented => METHOD_NOT_FOUND,
        Code::Internal => INTERNAL_ERROR,
        other => SERVER_ERROR.saturating_sub(i64::from(other.number())),
    }
}

/// The code of a number that came without ours beside it.
fn code(number: i64) -> Code {
    match number {
        INVALID_PARAMS | INVALID_REQUEST | PARSE_ERROR => Code::InvalidArgument,
        METHOD_NOT_FOUND => Code::Unimplemented,
        INTERNAL_ERROR => Code::Internal,
        other => {
            let below = SERVER_ERROR.saturating_sub(other);
            u64::try_from(below).map_or(Code::Unknown, Code::from_number)
        }
    }
}

/// Appends an error object.
pub(super) fn put_error(status: &Status, number: i64, dst: &mut BytesMut) {
    dst.put_slice(format!("{{\"code\":{number},\"message\":").as_bytes());
    put_string(message(status), dst);
    let code = status.code();
    let data = format!(",\"data\":{{\"code\":{},\"status\":\"{code}\"}}}}", code.number());
    dst.put_slice(data.as_bytes());
}

/// The text of a status; never empty, since an empty one would read as success in 1.0.
pub(super) fn message(status: &Status) -> &str {
    match status.message() {
        "" => status.code().as_str(),
        text => text,
    }
}

/// Reads an error object; `None` if it is none.
pub(super) fn read_error(raw: &str) -> Option<Status> {
    let members = Members::read(raw.as_bytes(), ["code", "message", "data"]).ok()?;
    let number = members.exact("code")?.parse::<i64>().ok()?;
    let message = string(members.exact("message")?)?;
    let stated = members.exact("data").and_then(stated_code);
    Some(Status::new(stated.unwrap_or_else(|| code(number)), message))
}

/// The code that a polywire peer puts beside the number.
fn stated_code(data: &str) -> Option<Code> {
    let members = Members::read(data.as_bytes(), ["code", "status"]).ok()?;
    let code = Code::from_number(members.exact("code")?.parse().ok()?);
    (string(members.exact("status")?)? == code.as_str()).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_comes_back_from_its_error_object() {
        for code in (1..=16).map(Code::from_number) {
            let mut dst = BytesMut::new();
            put_error(&Status::new(code, "a \"b\""), number(code), &mut dst);
            let text = std::str::from_utf8(&dst).unwrap();
            let status = read_error(text).unwrap();
            assert_eq!((status.code(), status.message()), (code, "a \"b\""), "{text}");
            let foreign = format!("{{\"code\":{},\"message\":\"\"}}", number(code));
            assert_eq!(read_error(&foreign).unwrap().code(), code, "{foreign}");
        }
    }

    #[test]
    fn a_foreign_servers_number_reads_as_unknown() {
        for number in [-32000, -32099, 5, 0, -1, i64::MIN, i64::MAX] {
            let text = format!("{{\"code\":{number},\"message\":\"m\",\"data\":{{\"code\":3}}}}");
            assert_eq!(read_error(&text).unwrap().code(), Code::Unknown, "{text}");
        }
    }
}
