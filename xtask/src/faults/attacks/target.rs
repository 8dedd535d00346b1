//! The server under attack: a process of its own, and what the system knows of it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::faults::peers::{Peer, Programs};

/// A running server; dropping it ends it.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) address: String,
    peer: Peer,
}

impl Target {
    /// Starts one that may have so many files open.
    pub(super) fn start(programs: &Programs, files: Option<u32>) -> Result<Self, String> {
        let (address, peer) = programs.start_target(files)?;
        Ok(Self { address, peer })
    }

    /// What it has of the machine's memory, in KiB.
    pub(super) fn memory_kib(&self) -> Result<u64, String> {
        self.status("VmRSS:")
    }

    /// What of that it has asked for itself, in KiB: the rest is its program, of which more is read
    /// the first time it does something.
    pub(super) fn allocated_kib(&self) -> Result<u64, String> {
        self.status("RssAnon:")
    }

    /// The most that it ever had, in KiB.
    pub(super) fn most_memory_kib(&self) -> Result<u64, String> {
        self.status("VmHWM:")
    }

    /// What it has had of the processors' time; the system counts in hundredths of a second.
    pub(super) fn processor_time(&self) -> Result<Duration, String> {
        let stat = self.read("stat")?;
        let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ').skip(11).take(2);
        let ticks: Option<u64> = fields.map(|field| field.parse::<u64>().ok()).sum();
        let ticks = ticks.ok_or("/proc shows no times")?;
        Ok(Duration::from_millis(ticks.saturating_mul(10)))
    }

    /// How many files it has open, connections included.
    pub(super) fn open_files(&self) -> Result<usize, String> {
        let path = Path::new("/proc").join(self.peer.process().to_string()).join("fd");
        let files = fs::read_dir(&path).map_err(|error| format!("the server is gone: {error}"))?;
        Ok(files.count())
    }

    fn status(&self, name: &str) -> Result<u64, String> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.ok_or_else(|| format!("/proc shows no `{name}`"))
    }

    fn read(&self, name: &str) -> Result<String, String> {
        let path = Path::new("/proc").join(self.peer.process().to_string()).join(name);
        fs::read_to_string(&path).map_err(|error| format!("the server is gone: {error}"))
    }
}
