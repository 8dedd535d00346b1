//! Lease files in a directory: discovery for one machine, without a daemon.
//!
//! An instance is one file, `DIR/<service>/<id>.json`. Its owner holds an exclusive advisory lock
//! on it from before it becomes visible; the kernel drops the lock with the process, whatever ends
//! it. Whoever finds a file unlocked knows that its owner is gone, and removes it.

mod changes;
mod directory;
mod lease_file;
mod scan;

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use polywire_core::{
    Instance, Lease, LeaseHealth, Registry, RegistryError, ServiceSnapshot, SnapshotStream,
};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{self, Interval, MissedTickBehavior};

use self::changes::Changes;
use self::lease_file::Published;
use self::scan::Scanner;
use crate::RegistryFuture;
use crate::health::{Health, Renewal};

/// A registry of lease files in a directory that all processes of a machine share.
///
/// An instance whose process ends, even by `kill -9`, is gone from snapshots within half a second.
/// A file that is deleted by hand comes back within a second. Registering an id again in the same
/// process replaces its record, which the older lease's health says; an id that another live process
/// holds is refused.
#[derive(Debug, Clone)]
pub struct LocalRegistry(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    directory: PathBuf,
    held: Mutex<Held>,
    changes: Mutex<Weak<Changes>>,
}

/// The lease files this process owns.
#[derive(Debug, Default)]
struct Held {
    by_path: HashMap<PathBuf, Owned>,
    /// Tells registrations of one id apart.
    last_token: u64,
}

#[derive(Debug)]
struct Owned {
    token: u64,
    /// Open and locked for as long as the instance is registered.
    file: File,
    record: Vec<u8>,
}

impl LocalRegistry {
    /// Opens a directory and creates it, for its owner alone, if it is missing.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, RegistryError> {
        let directory = directory.into();
        directory::create(&directory).map_err(|error| cannot("create", &directory, error))?;
        Ok(Self::new(directory))
    }

    /// Opens the directory of the present user: `polywire` in `$XDG_RUNTIME_DIR`, else
    /// `polywire-UID` in the directory for temporary files.
    ///
    /// # Errors
    /// When it cannot be created, or belongs to or can be written by somebody else.
    pub fn open_default() -> Result<Self, RegistryError> {
        let directory = directory::default_path()
            .map_err(|error| cannot("find the user of", Path::new("the registry"), error))?;
        directory::create(&directory)
            .and_then(|()| directory::check_private(&directory))
            .map_err(|error| cannot("use", &directory, error))?;
        Ok(Self::new(directory))
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.0.directory
    }

    fn new(directory: PathBuf) -> Self {
        Self(Arc::new(Inner { directory, held: Mutex::default(), changes: Mutex::default() }))
    }
}

impl Inner {
    fn held(&self) -> MutexGuard<'_, Held> {
        // Nothing panics halfway through a change, so the table is whole even then.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The shared watcher of the directory; it ends with the last stream that uses it.
    fn changes(&self) -> Arc<Changes> {
        let mut shared = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let changes = Arc::new(Changes::watch(&self.directory));
            *shared = Arc::downgrade(&changes);
            changes
        })
    }

    /// One attempt to make a record visible; `None` if somebody else holds the file.
    fn publish(&self, path: &Path, record: &[u8]) -> io::Result<Option<u64>> {
        let mut held = self.held();
        let ours = held.by_path.contains_key(path);
        let Published::Visible(file) = lease_file::publish(path, record, ours)? else {
            return Ok(None);
        };
        held.last_token += 1;
        let token = held.last_token;
        held.by_path.insert(path.to_owned(), Owned { token, file, record: record.to_owned() });
        Ok(Some(token))
    }

    /// Puts a lease file back that somebody deleted. `None` once the lease has ended, or the one that
    /// replaced it.
    fn keep(&self, path: &Path, token: u64) -> io::Result<Option<Renewal>> {
        let mut held = self.held();
        let Some(owned) = held.by_path.get_mut(path) else { return Ok(None) };
        if owned.token != token {
            return Ok(Some(Renewal::Superseded));
        }
        if lease_file::is_at(&owned.file, path)? {
            return Ok(Some(Renewal::Kept));
        }
        Ok(Some(match lease_file::publish(path, &owned.record, false)? {
            Published::Visible(file) => {
                owned.file = file;
                Renewal::Gone
            }
            // Another process was faster.
            Published::Held if lease_file::is_live(&File::open(path)?)? => Renewal::Superseded,
            // What was there is swept; the next look puts the file back.
            Published::Held => Renewal::Kept,
        }))
    }

    fn end(&self, path: &Path, token: u64) -> io::Result<()> {
        let mut held = self.held();
        if held.by_path.get(path).is_none_or(|owned| owned.token != token) {
            return Ok(());
        }
        let Some(owned) = held.by_path.remove(path) else { return Ok(()) };
        lease_file::remove(&owned.file, path)
    }
}

struct LocalLease {
    registry: Arc<Inner>,
    path: PathBuf,
    token: u64,
    ended: bool,
    health: Arc<Health>,
    /// Puts the file back if it vanishes; stopped with the lease.
    _keeper: JoinSet<()>,
}

impl LocalLease {
    fn end(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.ended, true) {
            return Ok(());
        }
        self.registry.end(&self.path, self.token)
    }
}

impl Drop for LocalLease {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!(file = %self.path.display(), %error, "cannot remove the lease file");
        }
    }
}

impl Lease for LocalLease {
    fn revoke(mut self: Box<Self>) -> RegistryFuture<()> {
        Box::pin(async move { self.end().map_err(|error| cannot("remove", &self.path, error)) })
    }

    fn health(&self) -> LeaseHealth {
        self.health.told()
    }
}

/// Looks after one lease file until the lease has ended.
async fn keep(registry: Arc<Inner>, path: PathBuf, token: u64, health: Arc<Health>) {
    let mut ticks = every(KEEP);
    loop {
        ticks.tick().await;
        match registry.keep(&path, token) {
            Ok(Some(renewal)) => health.renewed(renewal),
            Ok(None) => return,
            Err(error) => health.failed(cannot("put back", &path, error)),
        }
    }
}

/// What a stream of snapshots holds; there is no task behind it.
struct Watch {
    scanner: Scanner,
    directory: PathBuf,
    /// Keeps the watcher running.
    _changes: Arc<Changes>,
    bumps: watch::Receiver<()>,
    probes: Interval,
    last: Option<ServiceSnapshot>,
}

impl Watch {
    /// Waits for the next snapshot that differs from the last one.
    async fn next(mut self) -> Option<(ServiceSnapshot, Self)> {
        loop {
            if self.last.is_some() {
                tokio::select! {
                    _ = self.bumps.changed() => {}
                    _ = self.probes.tick() => {}
                }
            }
            let (mut scanner, directory) = (self.scanner, self.directory.clone());
            let scan = tokio::task::spawn_blocking(move || {
                let found = scanner.scan(&directory);
                (scanner, found)
            });
            // Fails only if the runtime is shutting down.
            let (scanner, found) = scan.await.ok()?;
            self.scanner = scanner;
            match found {
                Ok(instances) => {
                    let snapshot = ServiceSnapshot::new(instances);
                    if self.last.as_ref() != Some(&snapshot) {
                        self.last = Some(snapshot.clone());
                        return Some((snapshot, self));
                    }
                }
                Err(error) => {
                    let directory = self.directory.display();
                    tracing::warn!(%directory, %error, "cannot read the registry");
                    // The last snapshot stays good; without one, unknown is the same as none.
                    if self.last.is_none() {
                        self.last = Some(ServiceSnapshot::default());
                        return Some((ServiceSnapshot::default(), self));
                    }
                }
            }
        }
    }
}

impl Registry for LocalRegistry {
    fn register(&self, instance: Instance) -> RegistryFuture<Box<dyn Lease>> {
        let registry = Arc::clone(&self.0);
        Box::pin(async move {
            let path = lease_file::path(&registry.directory, &instance)?;
            let record = scan::to_record(&instance)
                .map_err(|error| cannot("write", &path, io::Error::other(error)))?;
            let deadline = time::Instant::now() + PATIENCE;
            let token = loop {
                match registry.publish(&path, &record) {
                    Ok(Some(token)) => break token,
                    Ok(None) if time::Instant::now() < deadline => time::sleep(RETRY).await,
                    Ok(None) => {
                        return Err(RegistryError::new(format!(
                            "instance `{}` of service `{}` is registered by another process",
                            instance.id, instance.service
                        )));
                    }
                    Err(error) => return Err(cannot("write", &path, error)),
                }
            };
            let mut keeper = JoinSet::new();
            let health = Arc::new(Health::of(path.display().to_string()));
            keeper.spawn(keep(Arc::clone(&registry), path.clone(), token, Arc::clone(&health)));
            let ended = false;
            let lease: Box<dyn Lease> =
                Box::new(LocalLease { registry, path, token, ended, health, _keeper: keeper });
            Ok(lease)
        })
    }

    fn watch(&self, service: &str) -> RegistryFuture<SnapshotStream> {
        let registry = Arc::clone(&self.0);
        let directory = lease_file::directory(&registry.directory, service);
        Box::pin(async move {
            let changes = registry.changes();
            let watch = Watch {
                scanner: Scanner::default(),
                directory: directory?,
                bumps: changes.subscribe(),
                _changes: changes,
                probes: every(PROBE),
                last: None,
            };
            let stream: SnapshotStream = stream::unfold(watch, Watch::next).boxed();
            Ok(stream)
        })
    }

    fn services(&self) -> RegistryFuture<Vec<String>> {
        let root = self.0.directory.clone();
        Box::pin(async move {
            let listed = root.clone();
            let names = tokio::task::spawn_blocking(move || scan::services(&listed)).await;
            names
                .map_err(|error| RegistryError::new("the runtime is ending").with_source(error))?
                .map_err(|error| cannot("read", &root, error))
        })
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

fn cannot(what: &str, path: &Path, error: io::Error) -> RegistryError {
    RegistryError::new(format!("cannot {what} {}", path.display())).with_source(error)
}

/// Between two looks at the locks: a process that is killed changes no file, so nothing else tells.
const PROBE: Duration = Duration::from_millis(250);

/// Between two looks of an owner at its own file.
const KEEP: Duration = Duration::from_millis(500);

/// How long somebody else's hold on a file may be a probe or a dying process.
const PATIENCE: Duration = Duration::from_secs(1);

/// Between two attempts to get hold of a file.
const RETRY: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests;
