//! Consul, in go-micro's records.

mod lease;
mod record;
mod watch;
mod wire;

use std::env;
use std::fmt;
use std::time::Duration;

use polywire_core::{Instance, Lease, Registry, RegistryError, SnapshotStream};
use polywire_net::TlsClient;

use self::lease::Announced;
use self::watch::Watch;
use self::wire::Agent;
use crate::RegistryFuture;
use crate::follow::follow;
use crate::http::{Endpoint, HttpClient};
use crate::keep::{self, Timing};
use crate::url::Parts;

/// Services in Consul, by the HTTP API of the agent that runs on every machine.
///
/// Records are go-micro's (v2 to v6), so that its programs and polywire's find each other. A
/// registration has a check that is passed three times as often as it must be; when a process is
/// killed, its instance turns critical after the time to live, at which clients drop it, and Consul
/// removes it a minute or so later. An agent that has forgotten an instance is told again; a
/// registration that another one has replaced by the same id is left alone.
///
/// Registering goes to the agent that the address names, which should be the one of this machine:
/// Consul takes a service to be where its agent is. What others have registered is called, too,
/// go-micro's or not, if it has a port.
///
/// Clones share connections.
#[derive(Clone)]
pub struct ConsulRegistry {
    endpoint: Endpoint,
    agent: Agent,
    ttl: Duration,
}

impl ConsulRegistry {
    /// The registry behind an agent at `HOST:PORT`, `http://HOST:PORT` or `https://HOST:PORT`; the
    /// port is 8500 if none is given. Nothing is connected yet.
    ///
    /// # Errors
    /// The address is malformed, or wants TLS, which this build lacks or which finds no authorities
    /// to trust; or there is a token in the environment that cannot be one.
    pub fn new(address: &str) -> Result<Self, RegistryError> {
        let endpoint = Endpoint::parse(address, PORT, false)?;
        Self::of(HttpClient::new(vec![endpoint.clone()])?, endpoint)
    }

    fn of(http: HttpClient, endpoint: Endpoint) -> Result<Self, RegistryError> {
        let registry = Self { endpoint, agent: Agent::new(http), ttl: TTL };
        match env::var(TOKEN) {
            Ok(token) if !token.is_empty() => registry.token(&token),
            _ => Ok(registry),
        }
    }

    /// Reads what follows `consul:` or `consul+tls:`.
    pub(crate) fn parse(rest: &str, tls: bool) -> Result<Self, RegistryError> {
        let mut parts = Parts::parse(rest)?;
        let [address] = &*parts.hosts else {
            let why = format!("consul has one agent to a machine, and {:?} are given", parts.hosts);
            return Err(RegistryError::new(why));
        };
        if parts.user.is_some() {
            return Err(RegistryError::new("consul knows no users; it has `?token=`"));
        }
        let endpoint = Endpoint::parse(address, PORT, tls)?;
        let http = match parts.tls()? {
            Some(tls) => HttpClient::with_tls(vec![endpoint.clone()], Some(tls))?,
            None => HttpClient::new(vec![endpoint.clone()])?,
        };
        let mut registry = Self::of(http, endpoint)?;
        if let Some(ttl) = parts.query.duration("ttl")? {
            registry = registry.ttl(ttl);
        }
        if let Some(token) = parts.query.take("token") {
            registry = registry.token(&token)?;
        }
        if let Some(name) = parts.query.take("dc") {
            registry = registry.datacenter(name);
        }
        parts.query.end()?;
        Ok(registry)
    }

    /// How long an instance counts as alive after its process last said so. Default: 30 s; from 3 s
    /// to a day.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl.clamp(MIN_TTL, MAX_TTL);
        self
    }

    /// The ACL token that is sent with every request. Default: what `CONSUL_HTTP_TOKEN` says.
    ///
    /// # Errors
    /// It has characters that no head of a request can have.
    pub fn token(mut self, token: &str) -> Result<Self, RegistryError> {
        self.agent = self.agent.with_token(token)?;
        Ok(self)
    }

    /// Whose services are looked up. Default: those of the agent's own datacenter, which is where
    /// instances are registered in any case.
    #[must_use]
    pub fn datacenter(mut self, name: impl Into<String>) -> Self {
        self.agent = self.agent.with_datacenter(name.into());
        self
    }

    /// Whom to trust where the address says `https://`, and what certificate to show. Default: the
    /// authorities of the system, and none.
    ///
    /// # Errors
    /// None at present.
    pub fn tls(mut self, tls: TlsClient) -> Result<Self, RegistryError> {
        let http = HttpClient::with_tls(vec![self.endpoint.clone()], Some(tls))?;
        self.agent = self.agent.with_http(http);
        Ok(self)
    }
}

/// Without the token.
impl fmt::Debug for ConsulRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsulRegistry")
            .field("endpoint", &self.endpoint)
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}

impl Registry for ConsulRegistry {
    fn register(&self, instance: Instance) -> RegistryFuture<Box<dyn Lease>> {
        let announced = Announced::new(self.agent.clone(), &instance, self.ttl);
        let timing = Timing::of(self.ttl);
        Box::pin(async move { keep::register(announced?, timing).await })
    }

    fn watch(&self, service: &str) -> RegistryFuture<SnapshotStream> {
        Box::pin(follow(Watch::new(self.agent.clone(), service.to_owned())))
    }

    fn services(&self) -> RegistryFuture<Vec<String>> {
        let agent = self.agent.clone();
        Box::pin(async move {
            let mut names = agent.services().await?;
            // The servers of Consul, which list themselves.
            names.retain(|name| name != ITSELF);
            Ok(names)
        })
    }
}

/// The environment variable that tokens are in.
const TOKEN: &str = "CONSUL_HTTP_TOKEN";

/// Where agents listen.
const PORT: u16 = 8500;

/// How long an instance counts as alive.
const TTL: Duration = Duration::from_secs(30);

/// The shortest it may be: registering takes several requests, in a third of this.
const MIN_TTL: Duration = Duration::from_secs(3);

/// The longest.
const MAX_TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// The service that Consul's servers register for themselves.
const ITSELF: &str = "consul";

#[cfg(test)]
mod tests;
