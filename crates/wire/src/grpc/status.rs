//! A status in trailers, or in the headers of an answer that has nothing else.

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use polywire_core::{Code, Status};

use super::{details, percent};
use crate::http::{
    HeaderError, decode_binary, encode_binary, metadata_from_headers, metadata_to_headers,
};

/// Adds a status to trailers: `grpc-status`, `grpc-message` and `grpc-status-details-bin` as far
/// as there is something to say, then the status's metadata. Returns what of the metadata was left
/// out, as [`metadata_to_headers`] does.
///
/// Details that are no list of details ([`details`]) are left out.
pub fn status_to_trailers(
    status: Result<(), &Status>,
    trailers: &mut HeaderMap,
) -> Vec<HeaderError> {
    let Err(status) = status else {
        trailers.insert(STATUS, HeaderValue::from_static("0"));
        return Vec::new();
    };
    trailers.insert(STATUS, HeaderValue::from(u16::from(status.code().number())));
    if !status.message().is_empty()
        && let Ok(message) = HeaderValue::try_from(percent::encode(status.message()).into_owned())
    {
        trailers.insert(MESSAGE, message);
    }
    if let Some(message) = details::status_message(status)
        && let Ok(value) = HeaderValue::try_from(encode_binary(&message))
    {
        trailers.insert(DETAILS, value);
    }
    metadata_to_headers(status.metadata(), trailers)
}

/// Whether a status is there. In headers it means that nothing follows: they are trailers.
#[must_use]
pub fn has_status(headers: &HeaderMap) -> bool {
    headers.contains_key(STATUS)
}

/// Reads the status of a call from trailers, with their metadata as its own.
///
/// Details that are no base64 or no `google.rpc.Status` are left out: they would only hide what
/// went wrong.
///
/// # Errors
/// The status, if it is not 0. [`Code::Unknown`] if there is none or its number has no code;
/// [`Code::Internal`] if it is no number.
pub fn status_from_trailers(trailers: &HeaderMap) -> Result<(), Status> {
    let Some(value) = trailers.get(STATUS) else {
        let status = Status::new(Code::Unknown, "the reply ended without a grpc-status");
        return Err(status.with_metadata(metadata_from_headers(trailers)));
    };
    let code = match number(value.as_bytes()) {
        Some(0) => return Ok(()),
        Some(number) => Code::from_number(number),
        None => return Err(Status::new(Code::Internal, "malformed grpc-status: not a number")),
    };
    let message = trailers.get(MESSAGE).map(|value| percent::decode(value.as_bytes()));
    let status = Status::new(code, message.unwrap_or_default())
        .with_metadata(metadata_from_headers(trailers));
    Err(match read_details(trailers) {
        Some(found) => status.with_details(found),
        None => status,
    })
}

/// The code of a call whose stream of HTTP/2 was reset with this error code, before there was a
/// status.
///
/// 7, `REFUSED_STREAM`, is [`Code::Unavailable`]: nothing was done, the call may be sent again.
#[must_use]
pub const fn code_from_reset(error_code: u32) -> Code {
    match error_code {
        // REFUSED_STREAM
        7 => Code::Unavailable,
        // CANCEL
        8 => Code::Cancelled,
        // ENHANCE_YOUR_CALM
        11 => Code::ResourceExhausted,
        // INADEQUATE_SECURITY
        12 => Code::PermissionDenied,
        // NO_ERROR (a status should have come first) to FRAME_SIZE_ERROR, COMPRESSION_ERROR,
        // CONNECT_ERROR
        0..=6 | 9 | 10 => Code::Internal,
        _ => Code::Unknown,
    }
}

fn read_details(trailers: &HeaderMap) -> Option<Bytes> {
    let bytes = decode_binary(trailers.get(DETAILS)?.to_str().ok()?)?;
    let found = details::parse(&Bytes::from(bytes)).ok()?;
    Some(details::build(&found))
}

/// Digits and nothing else; what is too large for a number is none.
fn number(value: &[u8]) -> Option<u64> {
    if !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

#[cfg(test)]
mod tests;
