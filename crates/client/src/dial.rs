//! Opening a stream to an address.

use std::io;
use std::time::Duration;

use polywire_core::Address;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

use crate::channel::Halves;

/// After how much silence TCP asks whether the peer is there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keepalive(pub(crate) Duration);

/// Opens a stream; the caller sets the time it may take.
pub(crate) async fn dial(
    address: Address,
    tls: bool,
    keepalive: Option<Keepalive>,
) -> io::Result<Halves> {
    if tls {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "no TLS"));
    }
    let stream = TcpStream::connect(address.as_str()).await?;
    stream.set_nodelay(true)?;
    if let Some(keepalive) = keepalive {
        watch_peer(&stream, keepalive)?;
    }
    let (read, write) = stream.into_split();
    Ok(Halves { read: Box::new(read), write: Box::new(write) })
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
