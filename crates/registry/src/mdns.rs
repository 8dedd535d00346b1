//! Multicast DNS, in go-micro's records.

mod hub;
mod name;
mod packet;
mod query;
mod record;
mod responder;
mod socket;
#[cfg(test)]
mod testdata;

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use polywire_core::{Instance, Lease, Registry, RegistryError, SnapshotStream};
use tokio::sync::watch;

use self::hub::Hub;
use self::query::Known;
use self::responder::Registration;
use crate::RegistryFuture;
use crate::follow::{Source, follow};
use crate::keep::{Announcement, Renewal, Timing, register};
use crate::url::Query;

/// A registry without a server: instances tell each other where they are by multicast, within one
/// network or one host. It is go-micro's default, and go-micro's services and clients are seen and
/// see everything here.
///
/// Everything registered and watched through one value and its clones shares one pair of sockets
/// for each of IPv4 and IPv6, at UDP port 5353 and at one of their own. They are opened when
/// something is registered, watched or listed, and closed with the last of these.
///
/// # What takes how long
///
/// A first snapshot comes after [`MdnsOptions::gather`], as nobody knows how many will answer, and an
/// empty one after twice that and a second question. A
/// newcomer is seen as soon as its announcement arrives, one that leaves as soon as it says so. One
/// that is killed is dropped when it has not answered three questions one second apart, of which
/// the first comes with the next [`MdnsOptions::refresh`]: after 14 seconds at most by default.
///
/// # What does not fit
///
/// DNS takes names of 255 bytes, of which 63 may be without a dot; longer ones are refused. Dots
/// separate labels as in go-micro. An instance at `0.0.0.0` or `[::]` is shown at an address of
/// this host. Other addresses than IP and port reach polywire as they are; go-micro is shown this
/// host's address instead of a host's name, and nothing of an instance it could not connect to,
/// such as one at a Unix socket.
///
/// Layout of the packets: what go-micro v5.30 and v2.9.1 send, byte for byte.
#[derive(Debug, Clone)]
pub struct MdnsRegistry(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: MdnsOptions,
    hub: Mutex<Weak<Hub>>,
}

impl MdnsRegistry {
    /// A registry; nothing is opened yet.
    #[must_use]
    pub fn new(options: MdnsOptions) -> Self {
        Self(Arc::new(Shared { options, hub: Mutex::default() }))
    }

    /// The registry that the part of a URL after `mdns:` describes.
    ///
    /// # Errors
    /// An option is unknown, or its value cannot be.
    pub(crate) fn parse(text: &str) -> Result<Self, RegistryError> {
        MdnsOptions::parse(text).map(Self::new)
    }

    /// The task with the sockets, opened if there is none.
    fn hub(&self) -> Result<Arc<Hub>, RegistryError> {
        let mut known = self.0.hub.lock().unwrap_or_else(PoisonError::into_inner);
        // Its runtime may have ended.
        if let Some(hub) = known.upgrade().filter(|hub| !hub.is_closed()) {
            return Ok(hub);
        }
        let hub = Arc::new(Hub::open(&self.0.options)?);
        *known = Arc::downgrade(&hub);
        Ok(hub)
    }
}

impl Default for MdnsRegistry {
    fn default() -> Self {
        Self::new(MdnsOptions::default())
    }
}

impl Registry for MdnsRegistry {
    fn register(&self, instance: Instance) -> RegistryFuture<Box<dyn Lease>> {
        let own = OwnInstance { registry: self.clone(), instance, held: Mutex::default() };
        let timing = Timing::of(CHECKED_FOR);
        Box::pin(register(own, timing))
    }

    fn watch(&self, service: &str) -> RegistryFuture<SnapshotStream> {
        let watching =
            Watching { registry: self.clone(), service: service.to_owned(), watched: None };
        Box::pin(follow(watching))
    }

    fn services(&self) -> RegistryFuture<Vec<String>> {
        let registry = self.clone();
        Box::pin(async move { registry.hub()?.list().await })
    }
}

/// How multicast DNS is spoken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MdnsOptions {
    domain: String,
    interface: Option<String>,
    ttl: Duration,
    gather: Duration,
    refresh: Duration,
}

impl Default for MdnsOptions {
    fn default() -> Self {
        Self {
            domain: "micro".to_owned(),
            interface: None,
            ttl: Duration::from_secs(120),
            gather: Duration::from_millis(100),
            refresh: Duration::from_secs(10),
        }
    }
}

impl MdnsOptions {
    /// The domain of all names; those of other domains do not see each other. Default: `micro`,
    /// which is go-micro's.
    #[must_use]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = domain.into().trim_matches('.').to_owned();
        self
    }

    /// The only interface to send and listen on, such as `eth0`. Default: all that are up and have
    /// an address, without those to a single peer such as VPNs; the loopback where there is no
    /// other.
    #[must_use]
    pub fn interface(mut self, name: impl Into<String>) -> Self {
        self.interface = Some(name.into());
        self
    }

    /// For how long others may remember what they were told, in whole seconds; polywire and
    /// go-micro ask again long before. Default: 120 seconds; at least one.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl.max(Duration::from_secs(1));
        self
    }

    /// How long the first answers to a question are awaited; later ones still count, but a first
    /// snapshot or a list of services lacks them. Default: 100 milliseconds, as in go-micro.
    #[must_use]
    pub fn gather(mut self, gather: Duration) -> Self {
        self.gather = gather;
        self
    }

    /// How often everyone is asked for the instances of a watched service, give or take a tenth.
    /// Default: 10 seconds; at least one.
    #[must_use]
    pub fn refresh(mut self, refresh: Duration) -> Self {
        self.refresh = refresh.max(Duration::from_secs(1));
        self
    }

    fn parse(text: &str) -> Result<Self, RegistryError> {
        let text = text.strip_prefix("//").unwrap_or(text);
        let (rest, query) = text.split_once('?').unwrap_or((text, ""));
        if !rest.is_empty() {
            let why = format!("`{rest}` in `mdns:{text}`: only options, after a `?`");
            return Err(RegistryError::new(why));
        }
        let (mut options, mut query) = (Self::default(), Query::parse(query)?);
        if let Some(domain) = name(&mut query, "domain")? {
            options = options.domain(domain);
        }
        if let Some(interface) = name(&mut query, "interface")? {
            options = options.interface(interface);
        }
        if let Some(ttl) = query.duration("ttl")? {
            options = options.ttl(ttl);
        }
        if let Some(gather) = query.duration("gather")? {
            options = options.gather(gather);
        }
        if let Some(refresh) = query.duration("refresh")? {
            options = options.refresh(refresh);
        }
        query.end()?;
        Ok(options)
    }
}

/// Takes a name off the query.
fn name(query: &mut Query, key: &'static str) -> Result<Option<String>, RegistryError> {
    let name = query.take(key);
    if name.as_deref() == Some("") {
        let why = format!("`{key}=` in the URL of multicast DNS: no name");
        return Err(RegistryError::new(why));
    }
    Ok(name)
}

/// An instance of this process.
struct OwnInstance {
    registry: MdnsRegistry,
    instance: Instance,
    /// `None` until it was announced, and after it was withdrawn.
    held: Mutex<Option<(Arc<Hub>, Registration)>>,
}

impl OwnInstance {
    fn hold(&self, held: Option<(Arc<Hub>, Registration)>) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = held;
    }

    fn held(&self) -> Option<(Arc<Hub>, Registration)> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Announcement for OwnInstance {
    async fn announce(&self) -> Result<(), RegistryError> {
        let hub = self.registry.hub()?;
        let registration = hub.register(self.instance.clone()).await?;
        self.hold(Some((hub, registration)));
        Ok(())
    }

    async fn renew(&self) -> Result<Renewal, RegistryError> {
        match self.held() {
            Some((hub, registration)) if !hub.is_closed() => {
                hub.check(registration, self.instance.clone()).await
            }
            _ => Ok(Renewal::Gone),
        }
    }

    async fn withdraw(&self) -> Result<(), RegistryError> {
        match self.held() {
            Some((hub, registration)) if !hub.is_closed() => {
                hub.withdraw(registration).await?;
                self.hold(None);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn name(&self) -> String {
        format!("`{}` of `{}` in multicast DNS", self.instance.id, self.instance.service)
    }
}

/// A service as it is watched.
struct Watching {
    registry: MdnsRegistry,
    service: String,
    /// The hub is held so that it goes on.
    watched: Option<(Arc<Hub>, watch::Receiver<Known>)>,
}

impl Source for Watching {
    async fn next(&mut self) -> Result<Vec<Instance>, RegistryError> {
        if self.watched.is_none() {
            let hub = self.registry.hub()?;
            let mut receiver = hub.watch(self.service.clone()).await?;
            receiver.mark_changed();
            self.watched = Some((hub, receiver));
        }
        while let Some((_, receiver)) = &mut self.watched {
            if receiver.changed().await.is_err() {
                break;
            }
            match receiver.borrow_and_update().clone() {
                Some(Ok(instances)) => return Ok(instances.to_vec()),
                Some(Err(error)) => return Err(error),
                None => {}
            }
        }
        self.watched = None;
        Err(RegistryError::new("multicast DNS has ended with its runtime"))
    }

    fn name(&self) -> String {
        format!("`{}` in multicast DNS", self.service)
    }
}

/// A registration is checked three times as often: every ten seconds.
const CHECKED_FOR: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
