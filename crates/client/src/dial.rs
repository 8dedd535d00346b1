//! Opening a stream to an address.

use std::io;
use std::time::Duration;

use polywire_core::Address;
use polywire_net::TlsClient;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

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
    if address.as_str().starts_with("memory:") {
        return Err(unsupported("this build has no streams within a process"));
    }
    if let Some(path) = address.as_str().strip_prefix("unix:") {
        return dial_unix(path).await;
    }
    let stream = TcpStream::connect(address.as_str()).await?;
    // Writes are gathered here already; waiting for more only delays them.
    stream.set_nodelay(true)?;
    if let Some(keepalive) = keepalive {
        watch_peer(&stream, keepalive)?;
    }
    if let Some(tls) = tls {
        let (read, write) = tokio::io::split(tls.connect(host(&address), stream).await?);
        return Ok(Halves { read: Box::new(read), write: Box::new(write) });
    }
    let (read, write) = stream.into_split();
    Ok(Halves { read: Box::new(read), write: Box::new(write) })
}

/// The host of `HOST:PORT`, an IPv6 address without its brackets.
fn host(address: &Address) -> &str {
    let text = address.as_str();
    let host = text.rsplit_once(':').map_or(text, |(host, _port)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

#[cfg(unix)]
async fn dial_unix(path: &str) -> io::Result<Halves> {
    let (read, write) = tokio::net::UnixStream::connect(path).await?.into_split();
    Ok(Halves { read: Box::new(read), write: Box::new(write) })
}

#[cfg(not(unix))]
async fn dial_unix(_path: &str) -> io::Result<Halves> {
    std::future::ready(Err(unsupported("this system has no Unix sockets"))).await
}

fn unsupported(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, why)
}

/// Has the system notice a peer that is gone without a word: by asking when it is silent, and by
/// giving up on bytes that nobody acknowledges.
fn watch_peer(stream: &TcpStream, Keepalive(silence): Keepalive) -> io::Result<()> {
    let socket = SockRef::from(stream);
    let asking = TcpKeepalive::new().with_time(silence).with_interval(silence / 10);
    socket.set_tcp_keepalive(&asking)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(silence))?;
    Ok(())
}
