//! etcd's messages as its gateway writes them: protobuf's JSON, so bytes are base64, 64-bit numbers
//! are strings, and what is zero or empty is absent. As captured from 3.4.23 and 3.5.35.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes, which etcd's keys and values are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Base64(pub(super) Vec<u8>);

/// A 64-bit number, `0` if it is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Number(pub(super) i64);

/// What all answers begin with.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Header {
    pub(super) revision: Number,
}

/// A key, and what is there. In events of deletion it has no value.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct KeyValue {
    pub(super) key: Base64,
    pub(super) value: Base64,
    pub(super) mod_revision: Number,
    pub(super) lease: Number,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct RangeRequest {
    pub(super) key: Base64,
    pub(super) range_end: Base64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) limit: Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sort_order: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sort_target: Option<&'static str>,
    pub(super) keys_only: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RangeResponse {
    pub(super) header: Header,
    pub(super) kvs: Vec<KeyValue>,
    pub(super) count: Number,
}

#[derive(Debug, Serialize)]
pub(super) struct PutRequest {
    pub(super) key: Base64,
    pub(super) value: Base64,
    pub(super) lease: Number,
}

/// For granting, prolonging and revoking.
#[derive(Debug, Serialize)]
pub(super) struct LeaseRequest {
    #[serde(rename = "ID")]
    pub(super) id: Number,
    #[serde(rename = "TTL", skip_serializing_if = "is_zero")]
    pub(super) ttl: Number,
}

/// An answer of which only its arrival counts.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Done {}

/// What a lease has left, in seconds; nothing if there is no such lease.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct KeepAliveResponse {
    #[serde(rename = "TTL")]
    pub(super) ttl: Number,
}

#[derive(Debug, Serialize)]
pub(super) struct AuthenticateRequest<'a> {
    pub(super) name: &'a str,
    pub(super) password: &'a str,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AuthenticateResponse {
    pub(super) token: String,
}

#[derive(Debug, Serialize)]
pub(super) struct WatchRequest {
    pub(super) create_request: WatchCreateRequest,
}

#[derive(Debug, Serialize)]
pub(super) struct WatchCreateRequest {
    pub(super) key: Base64,
    pub(super) range_end: Base64,
    pub(super) start_revision: Number,
    /// Whether one answer may be cut into several rather than grow beyond all bounds.
    pub(super) fragment: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct WatchResponse {
    pub(super) header: Header,
    pub(super) created: bool,
    pub(super) canceled: bool,
    pub(super) cancel_reason: String,
    /// What the watch would have had to begin with, if that is no more.
    pub(super) compact_revision: Number,
    /// Whether more of the same answer follows.
    pub(super) fragment: bool,
    pub(super) events: Vec<Event>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Event {
    #[serde(rename = "type")]
    pub(super) kind: EventKind,
    pub(super) kv: KeyValue,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum EventKind {
    #[default]
    Put,
    Delete,
}

/// One message of a stream.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub(super) struct Streamed<T> {
    pub(super) result: Option<T>,
    pub(super) error: Option<Refused>,
}

/// Why etcd does not do something; the code is gRPC's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Refused {
    #[serde(alias = "grpc_code")]
    pub(super) code: u32,
    pub(super) message: String,
}

impl Base64 {
    pub(super) fn of(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }

    /// Behind the last key that begins with this one, which does not end with the byte `ff`.
    pub(super) fn end_of(prefix: &str) -> Self {
        let mut end = prefix.as_bytes().to_vec();
        if let Some(last) = end.last_mut() {
            *last = last.saturating_add(1);
        }
        Self(end)
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

// By reference, as serde wants it.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_zero(number: &Number) -> bool {
    number.0 == 0
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        STANDARD.decode(text.as_bytes()).map(Self).map_err(de::Error::custom)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

/// Takes numbers for numbers, too, as every reader of protobuf's JSON is to do.
struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a 64-bit number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
        text.parse().map(Number).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Number, E> {
        Ok(Number(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Number, E> {
        i64::try_from(number).map(Number).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_etcd_has_answered_is_read() {
        let range = r#"{"header":{"cluster_id":"15118495548433857066","member_id":"13668033151171901709","revision":"2","raft_term":"2"},"kvs":[{"key":"L21pY3JvL3JlZ2lzdHJ5L3MvYQ==","create_revision":"2","mod_revision":"2","version":"1","value":"djE=","lease":"4242"}],"count":"1"}"#;
        let range: RangeResponse = serde_json::from_str(range).unwrap();
        assert_eq!((range.header.revision, range.count), (Number(2), Number(1)));
        let [pair] = &range.kvs[..] else { panic!("one key") };
        assert_eq!(
            (pair.key.text(), pair.value.text()),
            ("/micro/registry/s/a".into(), "v1".into())
        );
        assert_eq!((pair.mod_revision, pair.lease), (Number(2), Number(4242)));
    }

    #[test]
    fn what_a_watch_has_told_is_read() {
        let deleted = r#"{"result":{"header":{"cluster_id":"1","member_id":"1","revision":"4","raft_term":"2"},"events":[{"type":"DELETE","kv":{"key":"L21pY3JvL3JlZ2lzdHJ5L3MvYQ==","mod_revision":"4"}}]}}"#;
        let deleted: Streamed<WatchResponse> = serde_json::from_str(deleted).unwrap();
        let deleted = deleted.result.unwrap();
        assert_eq!(deleted.events[0].kind, EventKind::Delete);
        let compacted = r#"{"result":{"header":{"cluster_id":"1","member_id":"1","raft_term":"2"},"canceled":true,"compact_revision":"4"}}"#;
        let compacted: Streamed<WatchResponse> = serde_json::from_str(compacted).unwrap();
        let compacted = compacted.result.unwrap();
        assert!(compacted.canceled);
        assert_eq!(compacted.compact_revision, Number(4));
    }

    #[test]
    fn refusals_of_both_versions_are_read() {
        let new = r#"{"error":"etcdserver: requested lease not found","code":5,"message":"etcdserver: requested lease not found"}"#;
        let old = r#"{"error":"etcdserver: requested lease not found","message":"etcdserver: requested lease not found","code":5}"#;
        let read = |text| serde_json::from_str::<Refused>(text).unwrap();
        assert_eq!(read(new), read(old));
        assert_eq!(read(new).code, 5);
        let streamed = r#"{"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader","http_status":"Service Unavailable"}}"#;
        let streamed: Streamed<WatchResponse> = serde_json::from_str(streamed).unwrap();
        assert_eq!(streamed.error.unwrap().code, 14);
    }

    #[test]
    fn requests_are_written_as_etcd_reads_them() {
        let put = PutRequest { key: Base64::of("k"), value: Base64::of("v"), lease: Number(7) };
        let json = serde_json::to_string(&put).unwrap();
        assert_eq!(json, r#"{"key":"aw==","value":"dg==","lease":"7"}"#);
        let range = RangeRequest {
            key: Base64::of("/s/"),
            range_end: Base64::end_of("/s/"),
            ..RangeRequest::default()
        };
        let json = serde_json::to_string(&range).unwrap();
        assert_eq!(json, r#"{"key":"L3Mv","range_end":"L3Mw","keys_only":false}"#);
    }

    #[test]
    fn what_is_no_number_or_no_base64_is_refused() {
        for (json, read) in [(r#""1""#, Some(1)), ("-1", Some(-1)), (r#""x""#, None), ("1.5", None)]
        {
            assert_eq!(serde_json::from_str(json).ok(), read.map(Number), "{json}");
        }
        assert!(serde_json::from_str::<Number>("18446744073709551615").is_err());
        assert!(serde_json::from_str::<Base64>(r#""?""#).is_err());
    }
}
