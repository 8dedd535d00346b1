//! What an agent is asked, and how it answers.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method};
use polywire_core::RegistryError;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::record::{Entry, Registered};
use crate::http::{Answer, Call, HttpClient};

/// The agent of a machine, which knows its own services and answers for the catalog of all.
#[derive(Clone)]
pub(super) struct Agent {
    client: HttpClient,
    headers: HeaderMap,
    /// Whose catalog is read; empty for the agent's own.
    datacenter: String,
}

/// What the catalog said of a service, and at which of its indices.
#[derive(Debug)]
pub(super) struct Health {
    pub(super) index: u64,
    pub(super) entries: Vec<Entry>,
}

/// What of a service's health is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Query<'a> {
    /// The index after which something is to have changed; 0 asks for what there is now.
    pub(super) index: u64,
    /// How long to wait for a change.
    pub(super) wait: Duration,
    /// One instance in the agent's own datacenter; `None` for all, in the one that is set.
    pub(super) only: Option<&'a str>,
}

impl Agent {
    pub(super) fn new(client: HttpClient) -> Self {
        Self { client, headers: HeaderMap::new(), datacenter: String::new() }
    }

    pub(super) fn with_http(self, client: HttpClient) -> Self {
        Self { client: client.with_headers(self.headers.clone()), ..self }
    }

    /// # Errors
    /// The token cannot be in the head of a request.
    pub(super) fn with_token(mut self, token: &str) -> Result<Self, RegistryError> {
        let mut value = HeaderValue::from_str(token)
            .map_err(|error| RegistryError::new("no token for consul").with_source(error))?;
        value.set_sensitive(true);
        self.headers.insert("x-consul-token", value);
        let client = self.client.clone();
        Ok(self.with_http(client))
    }

    pub(super) fn with_datacenter(self, datacenter: String) -> Self {
        Self { datacenter, ..self }
    }

    /// Writes a registration over whatever was there.
    pub(super) async fn register(&self, json: String) -> Result<(), RegistryError> {
        let path = "/v1/agent/service/register?replace-existing-checks=true";
        let call = Call::new(Method::PUT, path).json(json);
        self.done(&call).await.map(drop)
    }

    /// Says that a check is passed; `false` if the agent has no such check.
    pub(super) async fn pass(&self, check_id: &str) -> Result<bool, RegistryError> {
        let call = Call::new(Method::PUT, path("/v1/agent/check/pass/", check_id));
        let answer = self.client.request(&call).await?;
        // Before 1.13 an unknown check was an internal error.
        let unknown = answer.status == 404
            || (answer.status == 500
                && ["Unknown check", "does not have associated TTL"]
                    .iter()
                    .any(|text| String::from_utf8_lossy(&answer.body).contains(text)));
        if unknown { Ok(false) } else { self.expect(&call, answer).map(|_answer| true) }
    }

    /// What the agent has registered by this id.
    pub(super) async fn service(&self, id: &str) -> Result<Option<Registered>, RegistryError> {
        let call = Call::new(Method::GET, path("/v1/agent/service/", id));
        let answer = self.client.request(&call).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        self.parsed(&call, &self.expect(&call, answer)?).map(Some)
    }

    /// Removes a registration; it is no error if there is none.
    pub(super) async fn deregister(&self, id: &str) -> Result<(), RegistryError> {
        let call = Call::new(Method::PUT, path("/v1/agent/service/deregister/", id));
        let answer = self.client.request(&call).await?;
        if answer.status == 404 { Ok(()) } else { self.expect(&call, answer).map(drop) }
    }

    /// The instances of a service with their checks, once they may have changed.
    ///
    /// Any server may answer, not only the leader: what is a little old is better than nothing.
    pub(super) async fn health(
        &self,
        service: &str,
        query: Query<'_>,
    ) -> Result<Health, RegistryError> {
        let mut path = path("/v1/health/service/", service);
        path.push_str("?stale");
        match query.only {
            // Strings are quoted there as in Go, which JSON's are, too.
            Some(id) => {
                let id = serde_json::to_string(id).unwrap_or_default();
                push(&mut path, "filter", &format!("Service.ID == {id}"));
            }
            None if !self.datacenter.is_empty() => push(&mut path, "dc", &self.datacenter),
            None => {}
        }
        let mut patience = PATIENCE;
        if query.index > 0 {
            push(&mut path, "index", &query.index.to_string());
            push(&mut path, "wait", &format!("{}ms", query.wait.as_millis()));
            // The agent itself adds up to a sixteenth.
            patience += query.wait + query.wait / 16;
        }
        let call = Call::new(Method::GET, path).patience(patience);
        let answer = self.done(&call).await?;
        let entries: Vec<Entry> = self.parsed(&call, &answer)?;
        if entries.is_empty() && says(&answer.headers, FILTERED, "true") {
            let why = format!("{call} at {}: the token may not read `{service}`", self.client);
            return Err(RegistryError::new(why));
        }
        // Whom Consul does not know is not told what is kept from them.
        let anonymous = self.headers.is_empty() && says(&answer.headers, DEFAULT_POLICY, "deny");
        if entries.is_empty() && query.index == 0 && anonymous {
            let agent = self.client.to_string();
            tracing::warn!(service, agent, "empty without a token, where most is kept from those");
        }
        let index = answer.headers.get(INDEX).and_then(|index| index.to_str().ok()?.parse().ok());
        Ok(Health { index: index.unwrap_or_default(), entries })
    }

    /// The names of all services in the catalog.
    pub(super) async fn services(&self) -> Result<Vec<String>, RegistryError> {
        let mut path = "/v1/catalog/services?stale".to_owned();
        if !self.datacenter.is_empty() {
            push(&mut path, "dc", &self.datacenter);
        }
        let call = Call::new(Method::GET, path);
        let answer = self.done(&call).await?;
        let tags_by_name: BTreeMap<String, IgnoredAny> = self.parsed(&call, &answer)?;
        Ok(tags_by_name.into_keys().collect())
    }

    async fn done(&self, call: &Call) -> Result<Answer, RegistryError> {
        self.expect(call, self.client.request(call).await?)
    }

    fn expect(&self, call: &Call, answer: Answer) -> Result<Answer, RegistryError> {
        if answer.status == 200 {
            return Ok(answer);
        }
        let said = String::from_utf8_lossy(&answer.body);
        let said: String = said.trim().chars().take(MAX_SAID).collect();
        let why = format!("{call} at {}: {} {said}", self.client, answer.status);
        Err(RegistryError::new(why.trim_end()))
    }

    fn parsed<T: DeserializeOwned>(
        &self,
        call: &Call,
        answer: &Answer,
    ) -> Result<T, RegistryError> {
        serde_json::from_slice(&answer.body).map_err(|error| {
            let why = format!("{call} at {}: not what an agent answers", self.client);
            RegistryError::new(why).with_source(error)
        })
    }
}

impl fmt::Display for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.client.fmt(f)
    }
}

/// A path that ends in a name, whatever is in the name.
fn path(prefix: &str, name: &str) -> String {
    let mut path = prefix.to_owned();
    escape(&mut path, name);
    path
}

fn push(path: &mut String, key: &str, value: &str) {
    path.push('&');
    path.push_str(key);
    path.push('=');
    escape(path, value);
}

fn escape(path: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            path.push(char::from(byte));
        } else {
            let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
            path.extend(['%', digit(byte >> 4), digit(byte & 0xf)].map(|c| c.to_ascii_uppercase()));
        }
    }
}

fn says(headers: &HeaderMap, name: &str, what: &str) -> bool {
    headers.get(name).is_some_and(|value| value == what)
}

/// Where the index of an answer is, that the next question is to name.
const INDEX: &str = "x-consul-index";

/// Whether something was left out that the token may not read.
const FILTERED: &str = "x-consul-results-filtered-by-acls";

/// What those may do who have no permission of their own.
const DEFAULT_POLICY: &str = "x-consul-default-acl-policy";

/// How long an answer may take where nothing is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much of an agent's complaint goes into an error, in characters.
const MAX_SAID: usize = 300;
