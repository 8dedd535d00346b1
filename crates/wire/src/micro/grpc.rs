//! What go-micro puts into gRPC: how its callers are told from others, how long they wait, and its
//! errors in statuses.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::HeaderMap;
use polywire_core::{Metadata, Status};

use super::error::{MicroError, micro_code};
use super::head::parse_timeout;
use crate::grpc::details::{self, Detail, Fields, VARINT, put_field, put_key, put_varint};

/// A caller by go-micro's gRPC client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct GrpcCaller {
    /// How long it waits, in its own words.
    pub timeout: Option<Duration>,
}

impl GrpcCaller {
    /// Tells it by the header that every call of go-micro's has, and nobody else's. `timeout` alone
    /// tells nothing: others may mean something else by it.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        headers.get(CONTENT_TYPE)?;
        let timeout = headers.get(TIMEOUT).and_then(|value| value.to_str().ok());
        Some(Self { timeout: timeout.and_then(parse_timeout) })
    }

    /// What the call's metadata is without go-micro's own entries, which no handler sees.
    #[must_use]
    pub fn metadata(self, metadata: &Metadata) -> Metadata {
        metadata.iter().filter(|(name, _)| ![CONTENT_TYPE, TIMEOUT].contains(name)).collect()
    }
}

/// The status as a caller of go-micro's is told it: its error as JSON is the message, and the first
/// detail. `service` is whose error it is if the framework did not raise it.
#[must_use]
pub fn to_grpc_status(status: &Status, service: &str) -> Status {
    let error = MicroError::of(status, service);
    Status::new(status.code(), error.to_header())
        .with_details(detailed(status, &error))
        .with_metadata(status.metadata().clone())
}

/// The status as any other caller is told it: if it was made of a go-micro error, that is its first
/// detail. `None` if it was not.
#[must_use]
pub fn with_grpc_detail(status: &Status) -> Option<Status> {
    let error = status.cause::<MicroError>()?;
    Some(status.clone().with_details(detailed(status, error)))
}

/// The status of a call over gRPC with go-micro's error in it: the one among its details, if there
/// is one. Where the callee `is_micro`, it may also be the message, and what is neither is made an
/// error as go-micro's clients do, by [`micro_code`].
#[must_use]
pub fn read_grpc_status(status: Status, is_micro: bool) -> Status {
    let found = details::parse(status.details()).unwrap_or_default();
    let detail = found.iter().find(|detail| detail.type_name() == TYPE);
    let error = detail.and_then(|detail| decode(&detail.value));
    let error = error.or_else(|| {
        let error = MicroError::parse(status.message());
        (is_micro && error.code > 0).then_some(error)
    });
    match error {
        // What others mean by their code and text is what they say in gRPC's own words.
        Some(error) if is_micro && error.code > 0 => Status::from(error)
            .with_origin(status.origin())
            .with_details(status.details().clone())
            .with_metadata(status.metadata().clone()),
        Some(error) => status.with_source(error),
        None if is_micro => {
            let error = MicroError::new(CLIENT, micro_code(status.code()), status.message());
            status.with_source(error)
        }
        None => status,
    }
}

/// The details of a status behind the error.
fn detailed(status: &Status, error: &MicroError) -> Bytes {
    let mut list = vec![Detail::new(TYPE, encode(error))];
    let others = details::parse(status.details()).unwrap_or_default();
    list.extend(others.into_iter().filter(|detail| detail.type_name() != TYPE));
    details::build(&list)
}

/// The message `errors.Error`.
fn encode(error: &MicroError) -> Bytes {
    let mut out = BytesMut::new();
    put_field(&mut out, ID, error.id.as_bytes());
    if error.code != 0 {
        put_key(&mut out, CODE, VARINT);
        // A negative one has ten bytes, as Protocol Buffers have it.
        put_varint(&mut out, u64::from_ne_bytes(i64::from(error.code).to_ne_bytes()));
    }
    put_field(&mut out, DETAIL, error.detail.as_bytes());
    put_field(&mut out, STATUS, error.status.as_bytes());
    out.freeze()
}

fn decode(message: &[u8]) -> Option<MicroError> {
    let mut error = MicroError::default();
    let mut fields = Fields(message);
    while let Some(field) = fields.next().ok()? {
        let text = || field.bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        match field.number {
            ID => error.id = text()?,
            CODE => error.code = int32(field.varint?),
            DETAIL => error.detail = text()?,
            STATUS => error.status = text()?,
            _ => {}
        }
    }
    Some(error)
}

/// The low half of a varint.
fn int32(value: u64) -> i32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

/// What go-micro's clients send with every call, in metadata.
const CONTENT_TYPE: &str = "x-content-type";
const TIMEOUT: &str = "timeout";

/// The type of go-micro's error among details.
const TYPE: &str = "errors.Error";

/// Whose errors those are that the caller's own framework makes.
const CLIENT: &str = "go.micro.client";

// Fields of errors.Error.
const ID: u64 = 1;
const CODE: u64 = 2;
const DETAIL: u64 = 3;
const STATUS: u64 = 4;

#[cfg(test)]
mod tests {
    use polywire_core::Code;

    use super::*;

    /// `errors.Error` as Go's protobuf writes it.
    const ERROR: &[u8] = b"\x0a\x05my.id\x10\x94\x03\x1a\x06no err\x22\x09Not Found";

    fn error() -> MicroError {
        MicroError::new("my.id", 404, "no err")
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn an_error_is_written_as_go_writes_it_and_read_again() {
        assert_eq!(encode(&error()), ERROR);
        assert_eq!(decode(ERROR), Some(error()));
        let negative = MicroError { code: -1, ..MicroError::default() };
        assert_eq!(&encode(&negative)[..], b"\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
        assert_eq!(decode(&encode(&negative)), Some(negative));
        for cut in [1, 3, 8, ERROR.len() - 1] {
            assert_eq!(decode(&ERROR[..cut]), None, "cut at {cut}");
        }
    }

    #[test]
    fn a_caller_of_go_micros_is_told_all_and_gets_it_back() {
        let status = to_grpc_status(&Status::from(error()), "other");
        assert_eq!(status.code(), Code::NotFound);
        assert_eq!(
            status.message(),
            r#"{"id":"my.id","code":404,"detail":"no err","status":"Not Found"}"#
        );
        let found = details::parse(status.details()).unwrap();
        assert_eq!(found[0].type_url, "type.googleapis.com/errors.Error");
        assert_eq!(found[0].value, ERROR);
        let read = read_grpc_status(status, true);
        assert_eq!((read.code(), read.message()), (Code::NotFound, "no err"));
        assert_eq!(read.cause::<MicroError>(), Some(&error()));
        // Told on, it is in there once.
        let again = to_grpc_status(&read, "other");
        assert_eq!(details::parse(again.details()).unwrap().len(), 1);
    }

    #[test]
    fn a_status_of_no_error_is_one_of_the_service() {
        let status = to_grpc_status(&Status::new(Code::NotFound, "x"), "helloworld");
        let found = details::parse(status.details()).unwrap();
        assert_eq!(decode(&found[0].value), Some(MicroError::new("helloworld", 404, "x")));
        assert!(with_grpc_detail(&Status::new(Code::NotFound, "x")).is_none());
    }

    #[test]
    fn other_callers_get_the_error_beside_their_text_and_their_details() {
        let retry = Detail::new("google.rpc.RetryInfo", Bytes::from_static(b"\x0a\x02\x08\x1e"));
        let own = Status::from(error()).with_details(details::build(std::slice::from_ref(&retry)));
        let status = with_grpc_detail(&own).unwrap();
        assert_eq!(status.message(), "no err");
        let found = details::parse(status.details()).unwrap();
        assert_eq!((found[0].type_name(), &found[1]), ("errors.Error", &retry));
        assert_eq!(read_grpc_status(status, false).cause::<MicroError>(), Some(&error()));
    }

    #[test]
    fn the_message_may_be_the_error_and_a_text_is_one_of_the_client() {
        let text = r#"{"id":"a","code":409,"detail":"d","status":"Conflict"}"#;
        let read = read_grpc_status(Status::new(Code::Unknown, text), true);
        assert_eq!((read.code(), read.message()), (Code::AlreadyExists, "d"));
        let plain = read_grpc_status(Status::new(Code::Unknown, text), false);
        assert_eq!((plain.message(), plain.cause::<MicroError>()), (text, None));
        let read = read_grpc_status(Status::new(Code::Unimplemented, "unknown service X"), true);
        let expected = MicroError::new("go.micro.client", 501, "unknown service X");
        assert_eq!((read.code(), read.cause()), (Code::Unimplemented, Some(&expected)));
    }

    #[test]
    fn callers_of_go_micros_are_told_by_the_content_type_they_repeat() {
        assert_eq!(GrpcCaller::of(&headers(&[("timeout", "5")])), None);
        let caller = GrpcCaller::of(&headers(&[
            ("timeout", "30000000000"),
            ("x-content-type", "application/grpc+proto"),
        ]));
        let caller = caller.unwrap();
        assert_eq!(caller.timeout, Some(Duration::from_secs(30)));
        let metadata =
            Metadata::from_iter([("timeout", "3"), ("trace-id", "7"), ("x-content-type", "x")]);
        assert_eq!(caller.metadata(&metadata).iter().collect::<Vec<_>>(), [("trace-id", "7")]);
    }
}
