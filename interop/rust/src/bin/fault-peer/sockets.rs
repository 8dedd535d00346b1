//! The TCP connections of this program, as the system shows them.

use std::fs;
use std::io;
use std::time::Duration;

use polywire::Address;

/// How often is looked.
const LOOK: Duration = Duration::from_millis(20);

/// A connection to or from a port, by what the system calls it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    inode: u64,
}

impl Held {
    /// The only connection to or from the port of this address.
    ///
    /// # Errors
    /// There is none, or more than one, or the system does not show them.
    pub(crate) fn at(address: &Address) -> io::Result<Self> {
        let port = address.as_str().rsplit(':').next().and_then(|port| port.parse().ok());
        let port: u16 = port.ok_or_else(|| io::Error::other("an address without a port"))?;
        let table = fs::read_to_string("/proc/self/net/tcp")?;
        let mut found = table.lines().skip(1).filter_map(|line| established(line, port));
        match (found.next(), found.next()) {
            (Some(inode), None) => Ok(Self { inode }),
            _ => Err(io::Error::other(format!("not one connection at {address}"))),
        }
    }

    /// Waits until this program has closed it.
    pub(crate) async fn closed(self) -> io::Result<()> {
        let link = format!("socket:[{}]", self.inode);
        loop {
            let mut open = fs::read_dir("/proc/self/fd")?.filter_map(Result::ok);
            // A descriptor may be closed between being listed and being read.
            let links = |path| fs::read_link(path).is_ok_and(|to| to.as_os_str() == link.as_str());
            if !open.any(|entry| links(entry.path())) {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// The inode in a line of the table, if the connection is established and one of its ports is this.
fn established(line: &str, port: u16) -> Option<u64> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [_, local, remote, "01", _, _, _, _, _, inode, ..] = fields.as_slice() else { return None };
    let ends = format!(":{port:04X}");
    (local.ends_with(&ends) || remote.ends_with(&ends)).then(|| inode.parse().ok()).flatten()
}
