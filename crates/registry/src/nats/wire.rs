//! What is asked and told over NATS, in go-micro's JSON. Answers are bare records.

use serde::{Deserialize, Serialize};

use crate::micro::{ServiceRecord, from_json, to_json};

/// A question, or news: what Go calls `registry.Result`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    #[serde(rename = "Service", alias = "service")]
    pub(super) service: Option<ServiceRecord>,
    #[serde(rename = "Action", alias = "action")]
    pub(super) action: String,
}

impl Asked {
    /// Who runs this service?
    pub(super) fn service(name: &str) -> Self {
        let service = ServiceRecord { name: name.to_owned(), ..ServiceRecord::default() };
        Self { service: Some(service), action: GET.to_owned() }
    }

    /// Who runs any?
    pub(super) fn all() -> Self {
        Self { service: None, action: LIST.to_owned() }
    }

    pub(super) fn created(service: ServiceRecord) -> Self {
        Self { service: Some(service), action: CREATE.to_owned() }
    }

    pub(super) fn deleted(service: ServiceRecord) -> Self {
        Self { service: Some(service), action: DELETE.to_owned() }
    }

    /// Reads a message.
    ///
    /// # Errors
    /// When it is too large or no JSON.
    pub(super) fn parse(json: &[u8]) -> Result<Self, String> {
        from_json(json)
    }

    pub(super) fn to_json(&self) -> String {
        to_json(self)
    }

    /// Whether records of this service answer the question.
    pub(super) fn is_about(&self, service: &str) -> bool {
        match &self.action[..] {
            GET => self.service.as_ref().is_some_and(|asked| asked.name == service),
            LIST => true,
            _ => false,
        }
    }

    pub(super) fn is_deletion(&self) -> bool {
        self.action == DELETE
    }
}

const GET: &str = "get";
const LIST: &str = "list";
const CREATE: &str = "create";
const DELETE: &str = "delete";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_go_micro_asks_is_read() {
        let get = r#"{"Service":{"name":"foo","version":"","metadata":null,"endpoints":null,"nodes":null},"Action":"get"}"#;
        let get = Asked::parse(get.as_bytes()).unwrap();
        assert_eq!(get, Asked::service("foo"));
        assert!(get.is_about("foo") && !get.is_about("bar"));
        let list = Asked::parse(br#"{"Service":null,"Action":"list"}"#).unwrap();
        assert_eq!(list, Asked::all());
        assert!(list.is_about("foo") && list.is_about("bar"));
    }

    #[test]
    fn what_is_asked_is_written_as_go_micro_writes_it() {
        let get = r#"{"Service":{"name":"foo","version":"","metadata":null,"endpoints":null,"nodes":null},"Action":"get"}"#;
        assert_eq!(Asked::service("foo").to_json(), get);
        assert_eq!(Asked::all().to_json(), r#"{"Service":null,"Action":"list"}"#);
    }

    #[test]
    fn what_is_no_question_is_about_nothing() {
        for json in ["{}", r#"{"Action":"get"}"#, r#"{"Action":"create","Service":{"name":"s"}}"#] {
            assert!(!Asked::parse(json.as_bytes()).unwrap().is_about("s"), "{json}");
        }
        assert!(Asked::parse(b"garbage").is_err());
    }
}
