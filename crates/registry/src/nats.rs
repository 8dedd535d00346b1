//! Instances behind NATS, as go-micro's services ask for each other there.
//!
//! NATS keeps nothing: whoever wants to know a service asks on `micro.nats.query`, and every process
//! that runs it answers. What comes and goes is told on `micro.nats.watch`, by those who can still
//! tell; a node of which nothing is heard is asked for, and is gone when it does not answer.

mod known;
mod link;
mod owned;
mod record;
mod watch;
mod wire;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use polywire_core::{Instance, Lease, Registry, RegistryError, SnapshotStream};

use self::link::{Link, Settings};
use self::record::Record;
use self::watch::Watch;
use self::wire::Asked;
use crate::RegistryFuture;
use crate::follow::follow;
use crate::keep::{self, Timing};
use crate::url::Parts;

/// A registry of those that answer over NATS, in the records of go-micro, all versions of which find
/// these instances and are found.
///
/// Instances answer for themselves, and are announced again three times in their time to live. A
/// node that was not heard of for as long is asked for, and gone when it does not answer three
/// times in a row; go-micro would keep it. An outage of NATS is an error and not an empty answer:
/// it is noticed by a message that does not come back.
///
/// Clones share one connection.
#[derive(Clone)]
pub struct NatsRegistry {
    settings: Settings,
    link: Arc<Link>,
    ttl: Duration,
}

impl NatsRegistry {
    /// The registry behind the NATS servers at these addresses, `HOST:PORT`, `nats://HOST:PORT` or
    /// `tls://HOST:PORT`. The port is 4222 where none is said. Nothing is connected yet.
    ///
    /// # Errors
    /// There is no address, or one is malformed.
    pub fn new<'a>(servers: impl IntoIterator<Item = &'a str>) -> Result<Self, RegistryError> {
        Ok(Self::of(Settings::new(servers)?))
    }

    fn of(settings: Settings) -> Self {
        Self { link: Arc::new(Link::new(settings.clone())), settings, ttl: TTL }
    }

    /// Reads what follows `nats:` or `nats+tls:`.
    pub(crate) fn parse(rest: &str, tls: bool) -> Result<Self, RegistryError> {
        let mut parts = Parts::parse(rest)?;
        let mut settings = Settings::new(parts.hosts.iter().map(|host| &host[..]))?;
        settings.user = parts.user.take();
        settings.tls = tls;
        settings.authority = parts.query.take("ca");
        settings.certificate = match (parts.query.take("cert"), parts.query.take("key")) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some((certificate, key)),
            _ => return Err(RegistryError::new("`cert` and `key` go together")),
        };
        if let Some(gather) = parts.query.duration("gather")? {
            settings.gather = gather;
        }
        if let Some(prefix) = parts.query.take("prefix") {
            settings.prefix = prefix;
        }
        let ttl = parts.query.duration("ttl")?;
        parts.query.end()?;
        let registry = Self::of(settings);
        Ok(match ttl {
            Some(ttl) => registry.ttl(ttl),
            None => registry,
        })
    }

    /// How long a node may be silent before it is asked for; instances are announced three times as
    /// often. Default: 15 s, at least 1 s.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl.max(Duration::from_secs(1));
        self
    }

    /// How long answers are waited for after a question. Default: 100 ms, as go-micro has it.
    #[must_use]
    pub fn gather(self, gather: Duration) -> Self {
        self.with(|settings| settings.gather = gather)
    }

    /// What both subjects begin with. Default: `micro.nats`.
    #[must_use]
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        self.with(|settings| settings.prefix = prefix.into())
    }

    /// Whom to log in as. Default: nobody.
    #[must_use]
    pub fn credentials(self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.with(|settings| settings.user = Some((user.into(), password.into())))
    }

    /// Another registry than before, with a connection of its own.
    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self.link = Arc::new(Link::new(self.settings.clone()));
        self
    }
}

impl Registry for NatsRegistry {
    fn register(&self, instance: Instance) -> RegistryFuture<Box<dyn Lease>> {
        let (link, ttl) = (Arc::clone(&self.link), self.ttl);
        Box::pin(async move {
            if instance.service.is_empty() || instance.id.is_empty() {
                return Err(RegistryError::new("an instance needs a service and an id"));
            }
            keep::register(Record::new(link, &instance), Timing::of(ttl)).await
        })
    }

    fn watch(&self, service: &str) -> RegistryFuture<SnapshotStream> {
        Box::pin(follow(Watch::new(Arc::clone(&self.link), service, self.ttl)))
    }

    fn services(&self) -> RegistryFuture<Vec<String>> {
        let link = Arc::clone(&self.link);
        Box::pin(async move {
            let instances = link.ask(&Asked::all()).await?;
            let names: BTreeSet<_> = instances.into_iter().map(|one| one.service).collect();
            Ok(names.into_iter().collect())
        })
    }
}

impl fmt::Debug for NatsRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsRegistry")
            .field("settings", &self.settings)
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}

/// What go-micro calls this registry.
const NAME: &str = "nats";

/// How long a node may be silent.
const TTL: Duration = Duration::from_secs(15);
