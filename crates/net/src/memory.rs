//! Streams within the process, by name.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::io::{DuplexStream, duplex};
use tokio::sync::{Mutex as AsyncMutex, mpsc};

/// Who listens, by name. One table for the process, since an address means the same everywhere in
/// it, as a port does on a machine.
static LISTENING: Mutex<Table> = Mutex::new(Table::new());

type Table = BTreeMap<String, mpsc::Sender<DuplexStream>>;

/// Connections that wait to be accepted; at the limit those who connect wait.
const BACKLOG: usize = 128;
/// Bytes unread one way; at the limit those who write wait.
const PIPE_BYTES: usize = 64 * 1024;

/// Accepts streams from the same process; dropping it gives the name back.
#[derive(Debug)]
pub(crate) struct MemoryListener {
    name: String,
    /// Accepting takes `&self`, as it does for sockets.
    waiting: AsyncMutex<mpsc::Receiver<DuplexStream>>,
}

impl MemoryListener {
    pub(crate) fn bind(name: &str) -> io::Result<Self> {
        if name.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "`memory:` without a name"));
        }
        let mut table = table();
        if table.contains_key(name) {
            let text = format!("somebody listens on memory:{name} in this process already");
            return Err(io::Error::new(io::ErrorKind::AddrInUse, text));
        }
        let (sender, waiting) = mpsc::channel(BACKLOG);
        table.insert(name.to_owned(), sender);
        Ok(Self { name: name.to_owned(), waiting: AsyncMutex::new(waiting) })
    }

    /// **Cancel safe.**
    pub(crate) async fn accept(&self) -> DuplexStream {
        // The table holds a sender for as long as this listener lives.
        match self.waiting.lock().await.recv().await {
            Some(stream) => stream,
            None => std::future::pending().await,
        }
    }
}

impl Drop for MemoryListener {
    fn drop(&mut self) {
        table().remove(&self.name);
    }
}

/// Connects to whoever listens under the name.
pub(crate) async fn connect(name: &str) -> io::Result<DuplexStream> {
    let nobody = || {
        let text = format!("nobody listens on memory:{name} in this process");
        io::Error::new(io::ErrorKind::ConnectionRefused, text)
    };
    let listener = table().get(name).cloned();
    let (ours, theirs) = duplex(PIPE_BYTES);
    listener.ok_or_else(nobody)?.send(theirs).await.map_err(|_gone| nobody())?;
    Ok(ours)
}

fn table() -> MutexGuard<'static, Table> {
    LISTENING.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn a_name_is_taken_as_long_as_its_listener_lives() {
        let first = MemoryListener::bind("taken").unwrap();
        assert_eq!(MemoryListener::bind("taken").unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(first);
        let error = connect("taken").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(error.to_string(), "nobody listens on memory:taken in this process");
        drop(MemoryListener::bind("taken").unwrap());
    }

    #[tokio::test]
    async fn whoever_connects_waits_while_too_many_wait_already() {
        let listener = MemoryListener::bind("backlog").unwrap();
        let mut open = Vec::new();
        for _ in 0..BACKLOG {
            open.push(connect("backlog").await.unwrap());
        }
        let mut late = Box::pin(connect("backlog"));
        assert!(late.as_mut().now_or_never().is_none());
        drop(listener.accept().await);
        late.await.unwrap();
    }

    #[tokio::test]
    async fn whoever_writes_waits_while_too_much_is_unread() {
        let listener = MemoryListener::bind("pipe").unwrap();
        let mut ours = connect("pipe").await.unwrap();
        let mut theirs = listener.accept().await;
        let sent = vec![7; PIPE_BYTES + 1];
        let mut writing = Box::pin(ours.write_all(&sent));
        assert!(writing.as_mut().now_or_never().is_none());
        let mut read = vec![0; sent.len()];
        let (written, _count) = tokio::join!(writing, theirs.read_exact(&mut read));
        written.unwrap();
        assert_eq!(read, sent);
    }

    #[tokio::test]
    async fn a_connection_nobody_accepted_ends_with_its_listener() {
        let listener = MemoryListener::bind("left").unwrap();
        let mut ours = connect("left").await.unwrap();
        drop(listener);
        assert_eq!(ours.read(&mut [0]).await.unwrap(), 0);
    }
}
