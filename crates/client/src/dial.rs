//! Opening a stream to an address.

use std::io;
use std::time::Duration;

use polywire_core::Address;
use polywire_net::{Socket, TlsClient};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::channel::Halves;

/// After how much silence TCP asks whether the peer is there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keepalive(pub(crate) Duration);

/// Opens a stream; the caller sets the time it may take. With TLS the server must show a
/// certificate for the host in the address.
pub(crate) async fn dial(
    address: Address,
    tls: Option<TlsClient>,
    keepalive: Option<Keepalive>,
) -> io::Result<Halves> {
    let socket = Socket::connect(&address).await?;
    socket.send_at_once()?;
    if let Some(Keepalive(silence)) = keepalive {
        socket.watch_peer(silence)?;
    }
    if let Some(tls) = tls {
        return Ok(split(tls.connect(host(&address), socket).await?));
    }
    Ok(match socket {
        // These two come apart without a lock between the halves.
        Socket::Tcp(stream) => {
            let (read, write) = stream.into_split();
            Halves { read: Box::new(read), write: Box::new(write) }
        }
        #[cfg(unix)]
        Socket::Unix(stream) => {
            let (read, write) = stream.into_split();
            Halves { read: Box::new(read), write: Box::new(write) }
        }
        socket => split(socket),
    })
}

fn split(stream: impl AsyncRead + AsyncWrite + Send + Sync + 'static) -> Halves {
    let (read, write) = tokio::io::split(stream);
    Halves { read: Box::new(read), write: Box::new(write) }
}

/// The host of `HOST:PORT`, an IPv6 address without its brackets.
fn host(address: &Address) -> &str {
    let text = address.as_str();
    let host = text.rsplit_once(':').map_or(text, |(host, _port)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}
