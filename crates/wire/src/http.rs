//! What gRPC, gRPC-Web and Connect have in common: metadata in HTTP headers, binary values, and
//! what an HTTP status means where a call's own status is missing.

mod binary;
mod metadata;

use http::StatusCode;
use polywire_core::Code;

pub(crate) use self::binary::BASE64;
pub use self::binary::{decode_binary, encode_binary};
pub use self::metadata::{
    HeaderError, is_reserved, metadata_from_headers, metadata_to_headers, split_trailers,
    trailers_to_headers, try_metadata_from_headers,
};
pub(crate) use self::metadata::{collect, has_binary_suffix, normal_binary};

/// The code of a call whose answer has this HTTP status and no status of its own: the answer of a
/// proxy, or of a server that knows nothing of the protocol.
///
/// gRPC and Connect have one table. 431 is [`Code::Unknown`] as Connect has it and gRPC had it
/// until lately.
#[must_use]
pub const fn code_from_http(status: StatusCode) -> Code {
    match status.as_u16() {
        400 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 | 502 | 503 | 504 => Code::Unavailable,
        _ => Code::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_http_status_without_a_status_of_the_call_has_a_code() {
        for (status, code) in [
            (200, Code::Unknown),
            (400, Code::Internal),
            (401, Code::Unauthenticated),
            (403, Code::PermissionDenied),
            (404, Code::Unimplemented),
            (409, Code::Unknown),
            (412, Code::Unknown),
            (413, Code::Unknown),
            (415, Code::Unknown),
            (429, Code::Unavailable),
            (431, Code::Unknown),
            (500, Code::Unknown),
            (502, Code::Unavailable),
            (503, Code::Unavailable),
            (504, Code::Unavailable),
            (505, Code::Unknown),
        ] {
            assert_eq!(code_from_http(StatusCode::from_u16(status).unwrap()), code, "{status}");
        }
    }
}
