//! Word from the kernel that something in the directory has changed.

use std::fmt;
use std::path::Path;

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::watch;

/// Watches a directory and all below it.
pub(super) struct Changes {
    bumps: watch::Sender<()>,
    /// Dropping it ends the watch. None if the system has no watches to spare.
    _watcher: Option<RecommendedWatcher>,
}

impl Changes {
    /// Starts watching. Where that fails, the periodic look at the locks has to do.
    pub(super) fn watch(directory: &Path) -> Self {
        let bumps = watch::Sender::new(());
        let sender = bumps.clone();
        // Reading and probing the files are events too; they must not cause another look.
        let handler = move |event: notify::Result<Event>| {
            if !event.is_ok_and(|event| event.kind.is_access()) {
                sender.send_replace(());
            }
        };
        let watcher = notify::recommended_watcher(handler).and_then(|mut watcher| {
            watcher.watch(directory, RecursiveMode::Recursive)?;
            Ok(watcher)
        });
        if let Err(error) = &watcher {
            let directory = directory.display();
            tracing::warn!(%directory, %error, "cannot watch the registry; looking at it by turns");
        }
        Self { bumps, _watcher: watcher.ok() }
    }

    /// Changes from now on.
    pub(super) fn subscribe(&self) -> watch::Receiver<()> {
        self.bumps.subscribe()
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").finish_non_exhaustive()
    }
}
