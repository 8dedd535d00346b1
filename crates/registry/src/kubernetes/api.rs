//! What the API server is asked.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderValue, Method};
use polywire_core::RegistryError;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::slice::Slice;
use crate::http::{Call, HttpClient, Lines};

/// The API server of a cluster.
#[derive(Clone)]
pub(super) struct Api {
    http: HttpClient,
    /// Where the token is; it is another one every hour or so.
    token: Option<Arc<PathBuf>>,
}

/// Whether changes after a version are still known.
pub(super) enum Changes {
    Known(Lines),
    /// All has to be listed again.
    Forgotten,
}

/// Objects of one kind, as of a version.
#[derive(Debug, Deserialize)]
pub(super) struct List<T> {
    pub(super) metadata: Metadata,
    pub(super) items: Option<Vec<T>>,
}

/// What all objects have.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Metadata {
    pub(super) name: String,
    pub(super) resource_version: String,
}

#[derive(Debug, Deserialize)]
struct Named {
    metadata: Metadata,
}

/// How the API server says that something failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Failure {
    pub(super) code: u16,
    pub(super) message: String,
}

impl Api {
    pub(super) fn new(http: HttpClient, token: Option<PathBuf>) -> Self {
        Self { http, token: token.map(Arc::new) }
    }

    /// The slices of a Service.
    pub(super) async fn slices(
        &self,
        namespace: &str,
        service: &str,
    ) -> Result<List<Slice>, RegistryError> {
        self.list(slices_path(namespace, service)).await
    }

    /// What has changed in them since, and what changes.
    pub(super) async fn changes(
        &self,
        namespace: &str,
        service: &str,
        version: &str,
    ) -> Result<Changes, RegistryError> {
        // Watches that began together are not to end together.
        let seconds = WATCH_TIME.as_secs() + fastrand::u64(0..JITTER_SECS);
        let path = format!(
            "{}&watch=1&allowWatchBookmarks=true&resourceVersion={version}&timeoutSeconds={seconds}",
            slices_path(namespace, service)
        );
        let call = self.call(path)?;
        let mut streamed = self.http.stream(&call).await?;
        match streamed.status {
            200 => Ok(Changes::Known(streamed.lines)),
            GONE => Ok(Changes::Forgotten),
            status => {
                let said = streamed.lines.next().await.ok().flatten().unwrap_or_default();
                Err(self.refused(&call, status, &said))
            }
        }
    }

    /// The names of all Services, sorted.
    pub(super) async fn services(&self, namespace: &str) -> Result<Vec<String>, RegistryError> {
        let path = format!("/api/v1/namespaces/{namespace}/services");
        let list: List<Named> = self.list(path).await?;
        let names = list.items.unwrap_or_default().into_iter().map(|named| named.metadata.name);
        let mut names: Vec<String> = names.collect();
        names.sort();
        Ok(names)
    }

    async fn list<T: DeserializeOwned>(&self, path: String) -> Result<List<T>, RegistryError> {
        let call = self.call(path)?.patience(LIST_TIME);
        let answer = self.http.request(&call).await?;
        if answer.status != 200 {
            return Err(self.refused(&call, answer.status, &answer.body));
        }
        serde_json::from_slice(&answer.body).map_err(|error| {
            let why = format!("{call} at {}: not what an API server answers", self.http);
            RegistryError::new(why).with_source(error)
        })
    }

    fn call(&self, path: String) -> Result<Call, RegistryError> {
        let call = Call::new(Method::GET, path);
        let Some(file) = &self.token else { return Ok(call) };
        // A small file in memory, read some times an hour.
        let token = fs::read_to_string(&**file).map_err(|error| {
            RegistryError::new(format!("cannot read {}", file.display())).with_source(error)
        })?;
        let value = HeaderValue::from_str(&format!("Bearer {}", token.trim()));
        let mut value = value.map_err(|error| {
            RegistryError::new(format!("{}: no token", file.display())).with_source(error)
        })?;
        value.set_sensitive(true);
        Ok(call.header(AUTHORIZATION, value))
    }

    fn refused(&self, call: &Call, status: u16, body: &[u8]) -> RegistryError {
        let said = match serde_json::from_slice::<Failure>(body) {
            Ok(failure) => failure.message,
            Err(_no_json) => String::from_utf8_lossy(body).into_owned(),
        };
        let said: String = said.trim().chars().take(MAX_SAID).collect();
        let why = format!("{call} at {}: {status} {said}", self.http);
        RegistryError::new(why.trim_end())
    }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.http.fmt(f)
    }
}

/// Namespace and service are names that need no encoding.
fn slices_path(namespace: &str, service: &str) -> String {
    format!(
        "/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices\
         ?labelSelector=kubernetes.io%2Fservice-name%3D{service}"
    )
}

/// What the API server says of a version that it knows no more.
pub(super) const GONE: u16 = 410;

/// How long the API server watches, and how much longer at random.
pub(super) const WATCH_TIME: Duration = Duration::from_secs(240);
pub(super) const JITTER_SECS: u64 = 60;

/// How long a list may take.
const LIST_TIME: Duration = Duration::from_secs(10);

/// How much of what the API server complains about goes into an error, in characters.
const MAX_SAID: usize = 300;
