//! A connected stream of any kind.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use polywire_core::Address;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use crate::memory;

/// What addresses of Unix sockets begin with.
pub(crate) const UNIX: &str = "unix:";
/// What addresses within the process begin with.
pub(crate) const MEMORY: &str = "memory:";

/// How often TCP asks a silent peer before it gives it up.
const PROBES: u32 = 5;

/// A connected stream: TCP, a Unix socket, or a pipe within the process.
#[derive(Debug)]
#[non_exhaustive]
pub enum Socket {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a Unix socket.
    #[cfg(unix)]
    Unix(UnixStream),
    /// Within the process; a writer waits while 64 KiB are unread.
    Memory(DuplexStream),
}

impl Socket {
    /// Opens a stream to where somebody listens. The caller sets the time it may take.
    ///
    /// **Cancel safe**: nothing is left open.
    ///
    /// # Errors
    /// When nobody listens there, or the text is no address.
    pub async fn connect(address: &Address) -> io::Result<Self> {
        let text = address.as_str();
        if let Some(name) = text.strip_prefix(MEMORY) {
            return memory::connect(name).await.map(Self::Memory);
        }
        if let Some(path) = text.strip_prefix(UNIX) {
            return Self::connect_unix(path).await;
        }
        TcpStream::connect(text).await.map(Self::Tcp)
    }

    #[cfg(unix)]
    async fn connect_unix(path: &str) -> io::Result<Self> {
        UnixStream::connect(path).await.map(Self::Unix)
    }

    #[cfg(not(unix))]
    async fn connect_unix(_path: &str) -> io::Result<Self> {
        std::future::ready(Err(no_unix())).await
    }

    /// Has TCP send what is written at once; the others always do.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn send_at_once(&self) -> io::Result<()> {
        match self {
            // Writes are gathered by the engines already; waiting for more only delays them.
            Self::Tcp(stream) => stream.set_nodelay(true),
            #[cfg(unix)]
            Self::Unix(_) => Ok(()),
            Self::Memory(_) => Ok(()),
        }
    }

    /// Has TCP notice a peer that is gone without a word: after `silence` it asks whether the peer
    /// is there, and gives it up half as long later at the latest; bytes that nobody acknowledges
    /// for as long as `silence` end the connection, too (on Linux). Times are rounded to whole
    /// seconds and at least one. The other kinds notice at once by themselves.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn watch_peer(&self, silence: Duration) -> io::Result<()> {
        let Self::Tcp(stream) = self else { return Ok(()) };
        let socket = SockRef::from(stream);
        let silence = silence.max(LEAST);
        let asking = TcpKeepalive::new()
            .with_time(silence)
            .with_interval((silence / (2 * PROBES)).max(LEAST))
            .with_retries(PROBES);
        socket.set_tcp_keepalive(&asking)?;
        #[cfg(target_os = "linux")]
        socket.set_tcp_user_timeout(Some(silence))?;
        Ok(())
    }
}

/// The shortest time TCP can be told for what it does while nothing happens.
const LEAST: Duration = Duration::from_secs(1);

#[cfg(not(unix))]
pub(crate) fn no_unix() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "this system has no Unix sockets")
}

/// The same of whichever stream it is.
macro_rules! on_stream {
    ($socket:expr, $stream:ident => $action:expr) => {
        match $socket.get_mut() {
            Socket::Tcp($stream) => $action,
            #[cfg(unix)]
            Socket::Unix($stream) => $action,
            Socket::Memory($stream) => $action,
        }
    };
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        on_stream!(self, stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        on_stream!(self, stream => Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_stream!(self, stream => Pin::new(stream).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            #[cfg(unix)]
            Self::Unix(stream) => stream.is_write_vectored(),
            Self::Memory(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Listener;

    #[tokio::test]
    async fn the_search_for_dead_peers_can_be_set_to_any_time() {
        let listener = Listener::bind(&"127.0.0.1:0".into()).await.unwrap();
        let socket = Socket::connect(listener.local_address()).await.unwrap();
        for silence in [Duration::ZERO, Duration::from_secs(3), Duration::from_secs(3600)] {
            socket.watch_peer(silence).unwrap();
        }
        socket.send_at_once().unwrap();
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_silent_peer_is_given_up_half_as_long_later() {
        let listener = Listener::bind(&"127.0.0.1:0".into()).await.unwrap();
        let socket = Socket::connect(listener.local_address()).await.unwrap();
        socket.watch_peer(Duration::from_secs(10)).unwrap();
        let Socket::Tcp(stream) = &socket else { panic!("no TCP") };
        let socket = SockRef::from(stream);
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(10));
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(1));
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 5);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(10)));
    }
}
