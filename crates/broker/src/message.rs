//! An event as go-micro's brokers write it: JSON with a map of headers, and the body in base64.
//!
//! ```text
//! {"Header":{"Content-Type":"application/json","Micro-ID":"74aa3131-..","Micro-Topic":"my.topic"},
//!  "Body":"eyJuYW1lIjoiZXZ0In0K"}
//! ```

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use polywire_core::{Event, Metadata};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Writes an event. Header names all in lower case go out as Go spells headers, which is how its
/// handlers look for them; others stay as they are. Several values of one name are joined by commas.
pub(crate) fn encode(event: &Event) -> Bytes {
    let mut header: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in event.headers.iter().filter(|(name, _)| !is_own(name)) {
        let joined = header.entry(canonical(name)).or_default();
        if !joined.is_empty() {
            joined.push(',');
        }
        joined.push_str(value);
    }
    for (name, value) in [(CONTENT_TYPE, &event.content_type), (ID, &event.id)] {
        if !value.is_empty() {
            header.insert(name.to_owned(), value.clone());
        }
    }
    header.insert(TOPIC.to_owned(), event.topic.clone());
    let body = STANDARD.encode(&event.body);
    // Maps and strings have a form in JSON, and a Vec takes whatever is written.
    serde_json::to_vec(&Outgoing { header, body }).unwrap_or_default().into()
}

/// Reads an event; its topic is empty if no header says it.
///
/// # Errors
/// When it is no JSON of this form.
pub(crate) fn decode(bytes: &[u8]) -> Result<Event, serde_json::Error> {
    let Incoming { header, body } = serde_json::from_slice(bytes)?;
    let body = STANDARD.decode(body).map_err(serde::de::Error::custom)?;
    let mut event = Event::new("", "", body);
    // An event that a handler of a call published has the number of that call beside its own id.
    let exact = header.iter().find(|(name, _)| name == ID);
    let id = exact.or_else(|| header.iter().find(|(name, _)| name.eq_ignore_ascii_case(ID)));
    event.id = id.map(|(_, id)| id.clone()).unwrap_or_default();
    let mut headers = Metadata::new();
    for (name, value) in header {
        if name.eq_ignore_ascii_case(TOPIC) {
            event.topic = value;
        } else if name.eq_ignore_ascii_case(CONTENT_TYPE) {
            event.content_type = value;
        } else if !is_own(&name) {
            headers.append(name, value);
        }
    }
    Ok(event.with_headers(headers))
}

/// Whether a header is the broker's own, whatever its case.
fn is_own(name: &str) -> bool {
    [CONTENT_TYPE, ID, TOPIC].iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// `trace-id` as `Trace-Id`.
fn canonical(name: &str) -> String {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return name.to_owned();
    }
    let mut begins = true;
    let spelled = name.chars().map(|c| {
        let c = if begins { c.to_ascii_uppercase() } else { c };
        begins = c == '-';
        c
    });
    spelled.collect()
}

#[derive(Serialize)]
struct Outgoing {
    #[serde(rename = "Header")]
    header: BTreeMap<String, String>,
    #[serde(rename = "Body")]
    body: String,
}

#[derive(Default)]
struct Incoming {
    header: Vec<(String, String)>,
    body: String,
}

impl<'de> Deserialize<'de> for Incoming {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

/// Go finds the members of a struct whatever the case of their names.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Incoming;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `Header` and `Body`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Incoming, A::Error> {
        let mut incoming = Incoming::default();
        while let Some(key) = map.next_key::<String>()? {
            if key.eq_ignore_ascii_case("header") {
                let header: Option<BTreeMap<String, String>> = map.next_value()?;
                incoming.header = header.unwrap_or_default().into_iter().collect();
            } else if key.eq_ignore_ascii_case("body") {
                incoming.body = map.next_value::<Option<String>>()?.unwrap_or_default();
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(incoming)
    }
}

const CONTENT_TYPE: &str = "Content-Type";
/// As go-micro writes it from v4.10 on.
const ID: &str = "Micro-ID";
const TOPIC: &str = "Micro-Topic";

#[cfg(test)]
mod tests {
    use super::*;

    /// As go-micro v6.10 sends it.
    const CAPTURED: &str = r#"{"Header":{"Content-Type":"application/json","Micro-ID":"74aa3131-6f6c-4d5b-9c55-1c8b1f6f0a11","Micro-Topic":"my.topic","Trace":"t1"},"Body":"eyJuYW1lIjoiZXZ0In0K"}"#;

    #[test]
    fn an_event_of_a_go_publisher_is_read_and_written_alike() {
        let event = decode(CAPTURED.as_bytes()).unwrap();
        assert_eq!(event.topic, "my.topic");
        assert_eq!(event.id, "74aa3131-6f6c-4d5b-9c55-1c8b1f6f0a11");
        assert_eq!(event.content_type, "application/json");
        assert_eq!(&event.body[..], b"{\"name\":\"evt\"}\n");
        assert_eq!(event.headers.iter().collect::<Vec<_>>(), [("Trace", "t1")]);
        assert_eq!(encode(&event), CAPTURED);
    }

    #[test]
    fn keys_are_found_whatever_their_case_and_may_be_missing() {
        let text = r#"{"header":{"micro-topic":"t","micro-id":"7"},"BODY":"aGk=","more":[1]}"#;
        let event = decode(text.as_bytes()).unwrap();
        assert_eq!(
            (event.topic.as_str(), event.id.as_str(), &event.body[..]),
            ("t", "7", &b"hi"[..])
        );
        let event = decode(br#"{"Header":null,"Body":null}"#).unwrap();
        assert_eq!((event.topic.as_str(), event.body.len()), ("", 0));
    }

    #[test]
    fn the_id_of_the_event_goes_before_the_number_of_a_call() {
        let text = r#"{"Header":{"Micro-Id":"0","Micro-ID":"74aa"},"Body":""}"#;
        let event = decode(text.as_bytes()).unwrap();
        assert_eq!((event.id.as_str(), event.headers.is_empty()), ("74aa", true));
    }

    #[test]
    fn names_are_spelled_as_go_looks_for_them() {
        let headers =
            [("traceparent", "1"), ("my-key", "a"), ("MY-key", "b"), ("x", "1"), ("x", "2")];
        let headers = headers.into_iter().chain([("micro-topic", "no"), ("content-type", "no")]);
        let event = Event::new("t", "", "").with_headers(headers.collect());
        let expected = r#"{"Header":{"MY-key":"b","Micro-Topic":"t","My-Key":"a","Traceparent":"1","X":"1,2"},"Body":""}"#;
        assert_eq!(encode(&event), expected);
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for text in [
            "",
            "7",
            "[]",
            "{\"Header\":[]}",
            "{\"Header\":{\"a\":1}}",
            "{\"Body\":\"%\"}",
            "{\"Body\":7}",
            "{\"Body\":\"aGk\"}",
        ] {
            assert!(decode(text.as_bytes()).is_err(), "{text}");
        }
    }
}
