//! Kubernetes: who is behind a Service.

mod api;
mod slice;
mod watch;

use std::env;
use std::fmt;
use std::fs;
use std::future::ready;
use std::path::Path;

use polywire_core::{Instance, Lease, Registry, RegistryError, SnapshotStream};
use polywire_net::TlsClient;

use self::api::Api;
use self::watch::Watch;
use crate::RegistryFuture;
use crate::follow::follow;
use crate::http::{Endpoint, HttpClient};
use crate::url::Query;

/// The Services of a Kubernetes namespace, by their EndpointSlices.
///
/// A service is a Service of that name, its instances are the endpoints that are ready. Those that
/// terminate are left out, unless there are none but them and they still serve. The port is the one
/// called as [`port`](Self::port) says, or else the only one. `zone` is in the metadata of
/// instances, for selectors.
///
/// Registering succeeds and changes nothing: in a cluster it is a pod's labels and its readiness
/// probe that make it an endpoint of a Service.
///
/// The account needs `list` and `watch` of `endpointslices` in the group `discovery.k8s.io`, and
/// `list` of `services` for [`services`](Registry::services).
///
/// Clones share connections.
#[derive(Clone)]
pub struct KubernetesRegistry {
    api: Api,
    namespace: String,
    port: String,
}

impl KubernetesRegistry {
    /// The namespace of the pod that this runs in, as its service account has it. The account's
    /// token is read again for each request, since it is replaced now and then. Nothing is connected
    /// yet.
    ///
    /// # Errors
    /// This runs in no pod, or in one without a service account.
    pub fn in_cluster() -> Result<Self, RegistryError> {
        Self::in_cluster_of(|name| env::var(name).ok(), Path::new(ACCOUNT))
    }

    fn in_cluster_of(
        variable: impl Fn(&str) -> Option<String>,
        account: &Path,
    ) -> Result<Self, RegistryError> {
        let (Some(host), Some(port)) = (variable(HOST), variable(PORT)) else {
            let why = format!("{HOST} and {PORT} are not set: this is no pod of Kubernetes");
            return Err(RegistryError::new(why));
        };
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        let endpoint = Endpoint::parse(&format!("https://{host}:{port}"), 443, true)?;
        let authority = account.join("ca.crt");
        let tls = TlsClient::from_ca_file(&authority).map_err(|error| {
            let why = format!("{}: no authority to trust", authority.display());
            RegistryError::new(why).with_source(error)
        })?;
        let file = account.join("namespace");
        let namespace = fs::read_to_string(&file).map_err(|error| {
            RegistryError::new(format!("cannot read {}", file.display())).with_source(error)
        })?;
        let http = HttpClient::with_tls(vec![endpoint], Some(tls))?;
        let api = Api::new(http, Some(account.join("token")));
        Self { api, namespace: String::new(), port: PORT_NAME.to_owned() }
            .namespace(namespace.trim())
    }

    /// A namespace behind `kubectl proxy`, or any other that answers for the API server without TLS,
    /// at `HOST:PORT`. Nothing is connected yet.
    ///
    /// # Errors
    /// The address is malformed.
    pub fn proxy(address: &str) -> Result<Self, RegistryError> {
        let http = HttpClient::new(vec![Endpoint::parse(address, PROXY_PORT, false)?])?;
        let (namespace, port) = (NAMESPACE.to_owned(), PORT_NAME.to_owned());
        Ok(Self { api: Api::new(http, None), namespace, port })
    }

    /// Reads what follows `k8s:`: `//NAMESPACE` or nothing in a pod, `//HOST:PORT/NAMESPACE` for a
    /// proxy; each with `?port=NAME` if need be.
    pub(crate) fn parse(rest: &str) -> Result<Self, RegistryError> {
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (registry, namespace) = if host.contains(':') {
            (Self::proxy(host)?, path)
        } else if path.is_empty() {
            (Self::in_cluster()?, host)
        } else {
            let why = format!("`{rest}` is neither a namespace nor HOST:PORT/NAMESPACE");
            return Err(RegistryError::new(why));
        };
        let registry =
            if namespace.is_empty() { registry } else { registry.namespace(namespace)? };
        let mut query = Query::parse(query)?;
        let registry = match query.take("port") {
            Some(name) => registry.port(name),
            None => registry,
        };
        query.end()?;
        Ok(registry)
    }

    /// Whose Services are looked up. Default: those of the pod's own namespace, of `default` behind
    /// a proxy.
    ///
    /// # Errors
    /// It is no name that a namespace can have.
    pub fn namespace(mut self, name: &str) -> Result<Self, RegistryError> {
        if !is_label(name) {
            return Err(RegistryError::new(format!("`{name}` cannot be the name of a namespace")));
        }
        name.clone_into(&mut self.namespace);
        Ok(self)
    }

    /// What the port is called in Services that have several. Default: `polywire`.
    #[must_use]
    pub fn port(mut self, name: impl Into<String>) -> Self {
        self.port = name.into();
        self
    }
}

/// The lease of an instance that Kubernetes itself knows of.
struct Known;

impl Lease for Known {
    fn revoke(self: Box<Self>) -> RegistryFuture<()> {
        Box::pin(ready(Ok(())))
    }
}

impl Registry for KubernetesRegistry {
    fn register(&self, instance: Instance) -> RegistryFuture<Box<dyn Lease>> {
        let Instance { service, id, .. } = instance;
        tracing::info!(service, id, "left to Kubernetes: pods are found by their Services");
        let lease: Box<dyn Lease> = Box::new(Known);
        Box::pin(ready(Ok(lease)))
    }

    fn watch(&self, service: &str) -> RegistryFuture<SnapshotStream> {
        if !is_label(service) {
            let why = format!("`{service}` cannot be the name of a Service of Kubernetes");
            return Box::pin(ready(Err(RegistryError::new(why))));
        }
        let Self { api, namespace, port } = self.clone();
        Box::pin(follow(Watch::new(api, namespace, service.to_owned(), port)))
    }

    fn services(&self) -> RegistryFuture<Vec<String>> {
        let registry = self.clone();
        Box::pin(async move { registry.api.services(&registry.namespace).await })
    }
}

impl fmt::Debug for KubernetesRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubernetesRegistry")
            .field("api", &self.api.to_string())
            .field("namespace", &self.namespace)
            .field("port", &self.port)
            .finish()
    }
}

/// Whether it is a label as DNS has them, which Services and namespaces are named by.
fn is_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let ends = name.starts_with('-') || name.ends_with('-');
    (1..=MAX_LABEL_BYTES).contains(&name.len()) && name.bytes().all(inner) && !ends
}

/// Where a pod has what it needs to know of its service account.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Where a pod is told that the API server is.
const HOST: &str = "KUBERNETES_SERVICE_HOST";
const PORT: &str = "KUBERNETES_SERVICE_PORT";

/// Where `kubectl proxy` listens.
const PROXY_PORT: u16 = 8001;

/// The namespace of those who chose none.
const NAMESPACE: &str = "default";

/// What the port is called.
const PORT_NAME: &str = "polywire";

const MAX_LABEL_BYTES: usize = 63;

#[cfg(test)]
mod tests;
