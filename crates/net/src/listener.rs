//! Listening at an address of any kind.

use std::io;

use polywire_core::Address;
use tokio::net::TcpListener;

use crate::Socket;
use crate::memory::MemoryListener;
use crate::socket::{MEMORY, UNIX};
#[cfg(unix)]
use crate::unix::UnixSocketListener;

/// Listens on TCP (`host:port`), on a Unix socket (`unix:/path`), or within the process
/// (`memory:name`). Dropping it refuses newcomers at once.
///
/// A Unix socket's file is removed at the end. One that somebody else left behind is replaced,
/// provided that nobody listens on it any more; any other file in its place is an error.
#[derive(Debug)]
pub struct Listener {
    kind: Kind,
    address: Address,
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixSocketListener),
    Memory(MemoryListener),
}

impl Listener {
    /// Listens.
    ///
    /// # Errors
    /// `AddrInUse` when somebody listens there already, `InvalidInput` for what is no address, or
    /// what the operating system says.
    pub async fn bind(address: &Address) -> io::Result<Self> {
        let text = address.as_str();
        if let Some(name) = text.strip_prefix(MEMORY) {
            let kind = Kind::Memory(MemoryListener::bind(name)?);
            return Ok(Self { kind, address: address.clone() });
        }
        if let Some(path) = text.strip_prefix(UNIX) {
            return Self::bind_unix(path).await;
        }
        let listener = TcpListener::bind(text).await?;
        let address = Address::from(listener.local_addr()?.to_string());
        Ok(Self { kind: Kind::Tcp(listener), address })
    }

    #[cfg(unix)]
    async fn bind_unix(path: &str) -> io::Result<Self> {
        let listener = UnixSocketListener::bind(path.as_ref()).await?;
        // Whoever is told the address may have another working directory.
        let address = Address::from(format!("{UNIX}{}", listener.path().display()));
        Ok(Self { kind: Kind::Unix(listener), address })
    }

    #[cfg(not(unix))]
    async fn bind_unix(_path: &str) -> io::Result<Self> {
        std::future::ready(Err(crate::socket::no_unix())).await
    }

    /// Where it listens: with the port it was given, and the whole path of a Unix socket.
    #[must_use]
    pub const fn local_address(&self) -> &Address {
        &self.address
    }

    /// Waits for the next connection, and says where it comes from: `unix:` from a peer without a
    /// path, this listener's own address from within the process.
    ///
    /// **Cancel safe**: a connection is taken or left waiting.
    ///
    /// # Errors
    /// When the system is out of descriptors, or the peer has gone away again. The listener goes
    /// on; wait a little before asking again.
    pub async fn accept(&self) -> io::Result<(Socket, Address)> {
        match &self.kind {
            Kind::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((Socket::Tcp(stream), Address::from(peer.to_string())))
            }
            #[cfg(unix)]
            Kind::Unix(listener) => listener.accept().await,
            Kind::Memory(listener) => {
                Ok((Socket::Memory(listener.accept().await), self.address.clone()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// Says something to the listener, hears it back.
    async fn echoes(listener: &Listener) {
        let served = async {
            let (mut socket, _peer) = listener.accept().await.unwrap();
            let mut text = [0; 5];
            socket.read_exact(&mut text).await.unwrap();
            socket.write_all(&text).await.unwrap();
            socket.shutdown().await.unwrap();
        };
        let asked = async {
            let mut socket = Socket::connect(listener.local_address()).await.unwrap();
            socket.write_all(b"hello").await.unwrap();
            let mut text = String::new();
            socket.read_to_string(&mut text).await.unwrap();
            text
        };
        assert_eq!(tokio::join!(served, asked).1, "hello");
    }

    #[tokio::test]
    async fn a_stream_of_each_kind_carries_bytes_both_ways() {
        let directory = std::env::temp_dir();
        let path = directory.join(format!("polywire-kinds-{}.sock", std::process::id()));
        let unix = format!("unix:{}", path.display());
        let mut addresses = vec!["127.0.0.1:0", "memory:a stream of each kind"];
        if cfg!(unix) {
            addresses.push(&unix);
        }
        for address in addresses {
            echoes(&Listener::bind(&address.into()).await.unwrap()).await;
        }
    }

    #[tokio::test]
    async fn what_is_no_address_is_refused() {
        for address in ["memory:", "unix:", "nothing", ""] {
            Listener::bind(&address.into()).await.unwrap_err();
            Socket::connect(&address.into()).await.unwrap_err();
        }
    }
}
