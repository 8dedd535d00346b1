//! Instances in etcd, where go-micro's services look for each other.
//!
//! Each instance is one key, `/micro/registry/SERVICE/ID`, on a lease of its own, which nothing but
//! that instance's registration uses: revoked, it takes away what it has put there and nothing
//! else. etcd is asked by its JSON gateway, which versions from 3.4 on have on their client port.

mod auth;
mod gateway;
mod list;
mod record;
mod watch;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use polywire_core::{Instance, Lease, Registry, RegistryError, SnapshotStream};
use polywire_net::TlsClient;

use self::auth::Auth;
use self::gateway::Gateway;
use self::list::{Complaints, list};
use self::record::Record;
use self::watch::Watch;
use crate::RegistryFuture;
use crate::follow::follow;
use crate::http::{Endpoint, HttpClient};
use crate::keep::{self, Timing};
use crate::url::Parts;

/// A registry in etcd, in the records of go-micro, all versions of which find these instances and
/// are found.
///
/// An instance stays as long as it is renewed, three times in its time to live; whatever has taken
/// it away, it is back a third of that later. A record that another one has replaced by the same
/// id is left alone.
///
/// Clones share connections.
#[derive(Clone)]
pub struct EtcdRegistry {
    endpoints: Vec<Endpoint>,
    gateway: Gateway,
    complaints: Arc<Complaints>,
    prefix: String,
    ttl: Duration,
}

impl EtcdRegistry {
    /// The registry in the etcd whose members are at these addresses, `HOST:PORT` or
    /// `https://HOST:PORT`; further ones are asked when one does not answer. The port is 2379
    /// where none is said. Nothing is connected yet.
    ///
    /// # Errors
    /// There is no address, or one is malformed or wants TLS, which this build lacks or which finds
    /// no authorities to trust.
    pub fn new<'a>(members: impl IntoIterator<Item = &'a str>) -> Result<Self, RegistryError> {
        let endpoints: Result<Vec<_>, _> =
            members.into_iter().map(|text| Endpoint::parse(text, PORT, false)).collect();
        let endpoints = endpoints?;
        Ok(Self::of(HttpClient::new(endpoints.clone())?, endpoints))
    }

    fn of(http: HttpClient, endpoints: Vec<Endpoint>) -> Self {
        Self {
            endpoints,
            gateway: Gateway::new(http),
            complaints: Arc::default(),
            prefix: PREFIX.to_owned(),
            ttl: TTL,
        }
    }

    /// Reads what follows `etcd:` or `etcd+tls:`.
    pub(crate) fn parse(rest: &str, tls: bool) -> Result<Self, RegistryError> {
        let mut parts = Parts::parse(rest)?;
        let endpoints: Result<Vec<_>, _> =
            parts.hosts.iter().map(|text| Endpoint::parse(text, PORT, tls)).collect();
        let endpoints = endpoints?;
        let http = match parts.tls()? {
            Some(tls) => HttpClient::with_tls(endpoints.clone(), Some(tls))?,
            None => HttpClient::new(endpoints.clone())?,
        };
        let mut registry = Self::of(http, endpoints);
        if let Some(ttl) = parts.query.duration("ttl")? {
            registry = registry.ttl(ttl);
        }
        if let Some(prefix) = parts.query.take("prefix") {
            registry = registry.prefix(prefix);
        }
        parts.query.end()?;
        Ok(match parts.user.or_else(from_environment) {
            Some((user, password)) => registry.credentials(user, password),
            None => registry,
        })
    }

    /// How long an instance stays that is not renewed, in whole seconds; etcd raises what is too
    /// short for it. Default: 15 s.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Duration::from_secs(ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0));
        self.ttl = self.ttl.clamp(Duration::from_secs(1), MAX_TTL);
        self
    }

    /// What all keys begin with. Default: `/micro/registry/`, as go-micro has it.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        if !self.prefix.ends_with('/') {
            self.prefix.push('/');
        }
        self
    }

    /// Whom to log in as, at etcds that want to know. Default: nobody.
    #[must_use]
    pub fn credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.gateway = self.gateway.with_auth(Auth::new(user.into(), password.into()));
        self
    }

    /// Whom to trust, and what certificate to show. Default: the authorities of the system, and
    /// none.
    ///
    /// # Errors
    /// None at present.
    pub fn tls(mut self, tls: TlsClient) -> Result<Self, RegistryError> {
        let http = HttpClient::with_tls(self.endpoints.clone(), Some(tls))?;
        self.gateway = self.gateway.with_http(http);
        Ok(self)
    }

    /// What the keys of a service begin with.
    fn service_prefix(&self, service: &str) -> String {
        format!("{}{}/", self.prefix, flat(service))
    }
}

impl Registry for EtcdRegistry {
    fn register(&self, instance: Instance) -> RegistryFuture<Box<dyn Lease>> {
        let registry = self.clone();
        Box::pin(async move {
            if instance.service.is_empty() || instance.id.is_empty() {
                return Err(RegistryError::new("an instance needs a service and an id"));
            }
            let key = registry.service_prefix(&instance.service) + &flat(&instance.id);
            let record = Record::new(registry.gateway, key, &instance, registry.ttl);
            keep::register(record, Timing::of(registry.ttl)).await
        })
    }

    fn watch(&self, service: &str) -> RegistryFuture<SnapshotStream> {
        let prefix = self.service_prefix(service);
        let complaints = Arc::clone(&self.complaints);
        let watch = Watch::new(self.gateway.clone(), complaints, service, prefix);
        Box::pin(follow(watch))
    }

    fn services(&self) -> RegistryFuture<Vec<String>> {
        let registry = self.clone();
        Box::pin(async move {
            let listed = list(&registry.gateway, &registry.complaints, &registry.prefix).await?;
            let instances = listed.entries.into_values().flat_map(|entry| entry.instances);
            let mut names: Vec<String> = instances.map(|instance| instance.service).collect();
            names.sort();
            names.dedup();
            Ok(names)
        })
    }
}

impl fmt::Debug for EtcdRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdRegistry")
            .field("endpoints", &self.endpoints)
            .field("prefix", &self.prefix)
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}

/// A part of a key: it must not have parts of its own.
fn flat(part: &str) -> String {
    part.replace('/', "-")
}

/// Whom to log in as, as go-micro is told.
fn from_environment() -> Option<(String, String)> {
    let user = std::env::var("ETCD_USERNAME").ok().filter(|user| !user.is_empty())?;
    Some((user, std::env::var("ETCD_PASSWORD").unwrap_or_default()))
}

/// What go-micro calls this registry.
const NAME: &str = "etcd";

/// Where etcd listens for clients.
const PORT: u16 = 2379;

/// What go-micro's keys begin with.
const PREFIX: &str = "/micro/registry/";

/// How long an instance stays that is not renewed.
const TTL: Duration = Duration::from_secs(15);

/// The longest an instance may stay that is not renewed; etcd has a bound of its own beyond it.
const MAX_TTL: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests;
