//! Codes as Connect writes them, and the HTTP statuses that go with them.

use http::StatusCode;
use polywire_core::Code;

/// The name of a code in Connect's JSON: `canceled` with one l, all others as [`Code::as_str`].
#[must_use]
pub fn code_as_str(code: Code) -> &'static str {
    if code == Code::Cancelled { "canceled" } else { code.as_str() }
}

/// The code of that name; `None` if Connect has none.
#[must_use]
pub fn code_from_str(name: &str) -> Option<Code> {
    (1..=16).map(Code::from_number).find(|code| code_as_str(*code) == name)
}

/// The HTTP status of a unary reply that failed with this code.
#[must_use]
pub fn http_status(code: Code) -> StatusCode {
    match code {
        // nginx's "client closed request", which has no name of its own.
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => {
            StatusCode::BAD_REQUEST
        }
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_the_name_and_the_http_status_of_the_reference() {
        let table = [
            ("canceled", 499),
            ("unknown", 500),
            ("invalid_argument", 400),
            ("deadline_exceeded", 504),
            ("not_found", 404),
            ("already_exists", 409),
            ("permission_denied", 403),
            ("resource_exhausted", 429),
            ("failed_precondition", 400),
            ("aborted", 409),
            ("out_of_range", 400),
            ("unimplemented", 501),
            ("internal", 500),
            ("unavailable", 503),
            ("data_loss", 500),
            ("unauthenticated", 401),
        ];
        for (number, (name, status)) in (1..).zip(table) {
            let code = Code::from_number(number);
            assert_eq!(code_as_str(code), name);
            assert_eq!(code_from_str(name), Some(code));
            assert_eq!(http_status(code).as_u16(), status, "{name}");
        }
        for name in ["", "ok", "cancelled", "Unknown", "foobar"] {
            assert_eq!(code_from_str(name), None, "{name}");
        }
    }
}
