//! Opening a stream to an address.

use std::collections::BTreeMap;
use std::io;
use std::sync::OnceLock;
use std::time::Duration;

use polywire_core::Address;
use polywire_net::{BusyPoll, Connected, Socket, TlsClient, TlsError};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::channel::Halves;

/// After how much silence TCP asks whether the peer is there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keepalive(pub(crate) Duration);

/// Whom to trust where a URL says `+tls`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trust {
    pub(crate) by_default: Option<TlsClient>,
    /// By address, or by host.
    pub(crate) of: BTreeMap<String, TlsClient>,
    /// What the system trusts, once it was asked: its bundle takes a while to read.
    system: OnceLock<TlsClient>,
}

impl Trust {
    /// What TLS is to be put on a connection to this address.
    pub(crate) fn towards(&self, address: &Address) -> Result<TlsClient, TlsError> {
        let given = self.of.get(address.as_str()).or_else(|| self.of.get(host(address)));
        let known = given.or(self.by_default.as_ref()).or_else(|| self.system.get());
        known.cloned().map_or_else(|| TlsClient::system().map(|system| self.keep(system)), Ok)
    }

    /// The first to have read them has read them for all.
    fn keep(&self, system: TlsClient) -> TlsClient {
        self.system.get_or_init(|| system).clone()
    }
}

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
        let Connected { stream, alpn, .. } =
            tls.handshake(host(&address), BusyPoll::new(socket)).await?;
        return Ok(split(stream).agreed_on(alpn));
    }
    Ok(match socket {
        // These two come apart without a lock between the halves.
        Socket::Tcp(stream) => {
            let (read, write) = stream.into_split();
            Halves::new(BusyPoll::new(read), write)
        }
        #[cfg(unix)]
        Socket::Unix(stream) => {
            let (read, write) = stream.into_split();
            Halves::new(BusyPoll::new(read), write)
        }
        socket => split(socket),
    })
}

fn split(stream: impl AsyncRead + AsyncWrite + Send + Sync + 'static) -> Halves {
    let (read, write) = tokio::io::split(stream);
    Halves::new(read, write)
}

/// The host of `HOST:PORT`, an IPv6 address without its brackets.
fn host(address: &Address) -> &str {
    let text = address.as_str();
    let host = text.rsplit_once(':').map_or(text, |(host, _port)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

#[cfg(all(test, feature = "tls"))]
mod tests {
    use super::*;

    #[test]
    fn an_address_goes_before_its_host_and_both_before_all_others() {
        let named = |name: &str| {
            let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
            let tls = TlsClient::from_ca_pem(made.cert.pem().as_bytes()).unwrap();
            tls.server_name(name).unwrap()
        };
        let by_default = Some(named("all"));
        let of = [("h:1", named("address")), ("h", named("host")), ("::1", named("v6"))];
        let of = of.map(|(name, tls)| (name.to_owned(), tls)).into();
        let trust = Trust { by_default, of, ..Trust::default() };
        for (address, name) in
            [("h:1", "address"), ("h:2", "host"), ("i:1", "all"), ("[::1]:1", "v6")]
        {
            let chosen = format!("{:?}", trust.towards(&address.into()).unwrap());
            assert!(chosen.contains(&format!("\"{name}\"")), "{address}: {chosen}");
        }
    }
}
