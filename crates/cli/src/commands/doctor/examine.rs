//! One instance looked at: does anybody answer, in the wires it claims, and is it well?

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use polywire::health::{HealthCheckRequest, HealthClient, ServingStatus};
use polywire::{Channel, ChannelOptions, Instance, Origin};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::time::{self, Instant};

use super::page::{self, Registration};
use crate::failure::chain;

/// How instances are looked at.
pub(super) struct Examiner {
    /// How long each answer may take.
    pub(super) patience: Duration,
    /// What instances are shown and asked for where they claim TLS.
    pub(super) options: ChannelOptions,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Examined {
    pub(super) instance: Instance,
    pub(super) connect: Connect,
    /// What it says it speaks, as far as a URL can say it.
    pub(super) wires: Vec<Wire>,
    /// Whether it says that it takes no calls.
    pub(super) is_leaving: bool,
    /// What a polywire server says of its registration.
    pub(super) registration: Option<Registration>,
}

/// Whether the address accepts connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Connect {
    /// After so long.
    Accepted(Duration),
    Failed(String),
    /// It is within a process, or of a kind that this machine lacks.
    Elsewhere,
}

/// A wire that an instance claims to speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wire {
    /// The scheme of its URLs.
    pub(super) scheme: String,
    pub(super) spoken: Spoken,
}

/// Whether a wire is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spoken {
    Yes,
    No(String),
    /// No wire that callers know.
    Unknown,
    /// Nobody accepts connections, so it was not tried.
    NotTried,
}

impl Examiner {
    /// Looks at instances, a few at a time; what comes is in their order.
    pub(super) async fn examine_all(&self, instances: Vec<Instance>) -> Vec<Examined> {
        let examined = instances.into_iter().map(|instance| self.examine(instance));
        stream::iter(examined).buffered(AT_ONCE).collect().await
    }

    async fn examine(&self, instance: Instance) -> Examined {
        let claimed = schemes(&instance);
        let bare = bare_address(&instance).to_owned();
        let connect = self.connect(&bare).await;
        let mut examined = Examined {
            instance,
            connect,
            wires: Vec::new(),
            is_leaving: false,
            registration: None,
        };
        let accepts = matches!(examined.connect, Connect::Accepted(_));
        let probed = claimed.into_iter().map(|scheme| async {
            let url = url(&examined.instance, &scheme);
            let (spoken, is_leaving) = match accepts {
                true => self.probe(&url).await,
                false => (Spoken::NotTried, false),
            };
            (Wire { scheme, spoken }, is_leaving)
        });
        let probed: Vec<_> = stream::iter(probed).buffered(WIRES_AT_ONCE).collect().await;
        for (wire, is_leaving) in probed {
            examined.is_leaving |= is_leaving;
            examined.wires.push(wire);
        }
        // Others than polywire's own servers have no such page, and may log that somebody asked.
        if accepts && examined.instance.metadata.contains_key("wires") {
            examined.registration = self.registration(&bare).await;
        }
        examined
    }

    async fn connect(&self, address: &str) -> Connect {
        if address.starts_with("memory:") || (address.starts_with("unix:") && !cfg!(unix)) {
            return Connect::Elsewhere;
        }
        let begin = Instant::now();
        match time::timeout(self.patience, open(address)).await {
            Ok(Ok(_stream)) => Connect::Accepted(begin.elapsed()),
            Ok(Err(error)) => Connect::Failed(error.to_string()),
            Err(_elapsed) => Connect::Failed(format!("no answer within {:?}", self.patience)),
        }
    }

    /// Asks for the peer's health. Whatever it answers, it speaks the wire; a server without health
    /// says that it does not know the method, which harms nobody.
    async fn probe(&self, url: &str) -> (Spoken, bool) {
        let Ok(channel) = Channel::lazy(url, self.options.clone()) else {
            return (Spoken::Unknown, false);
        };
        let health = HealthClient::new(channel);
        match health.check(HealthCheckRequest::default()).timeout(self.patience).await {
            Ok(health) => (Spoken::Yes, health.status == ServingStatus::NotServing),
            Err(status) if status.origin() == Origin::Service => (Spoken::Yes, false),
            Err(status) => (Spoken::No(chain(&status)), false),
        }
    }

    async fn registration(&self, address: &str) -> Option<Registration> {
        let asked = async {
            match open(address).await? {
                Stream::Tcp(stream) => page::registration(stream, address).await,
                #[cfg(unix)]
                Stream::Unix(stream) => page::registration(stream, "localhost").await,
            }
        };
        time::timeout(self.patience, asked).await.ok()?.ok()?
    }
}

/// A connection of either kind.
enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

async fn open(address: &str) -> io::Result<Stream> {
    #[cfg(unix)]
    if let Some(path) = address.strip_prefix("unix:") {
        return Ok(Stream::Unix(UnixStream::connect(path).await?));
    }
    Ok(Stream::Tcp(TcpStream::connect(address).await?))
}

/// The schemes of the URLs at which an instance says it answers, each once.
fn schemes(instance: &Instance) -> Vec<String> {
    let address = instance.address.as_str();
    if let Some((scheme, _)) = address.split_once("://") {
        return vec![scheme.to_owned()];
    }
    let (wires, protocol) = (instance.metadata.get("wires"), instance.metadata.get("protocol"));
    let of_go = match protocol.map(String::as_str) {
        Some("mucp") => Some("micro"),
        Some("grpc") => Some("micro+grpc"),
        // A wire without a URL, or nothing that is known.
        _ => None,
    };
    let of_polywire = wires.map(String::as_str).unwrap_or_default().split(',').map(str::trim);
    let mut schemes: Vec<String> = Vec::new();
    for scheme in of_polywire.filter(|scheme| !scheme.is_empty()).chain(of_go).take(MAX_WIRES) {
        if !schemes.iter().any(|known| known == scheme) {
            schemes.push(scheme.to_owned());
        }
    }
    schemes
}

/// Where a wire of an instance is; an address that is a URL may have a path.
fn url(instance: &Instance, scheme: &str) -> String {
    match instance.address.as_str() {
        url if url.contains("://") => url.to_owned(),
        address => format!("{scheme}://{address}"),
    }
}

/// The address without what makes it a URL.
fn bare_address(instance: &Instance) -> &str {
    let address = instance.address.as_str();
    let Some((_scheme, rest)) = address.split_once("://") else { return address };
    if rest.starts_with("unix:") || rest.starts_with("memory:") {
        return rest;
    }
    rest.split(['/', '?']).next().unwrap_or_default()
}

/// Who can reach an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    Anybody,
    /// Programs of its own machine, or of its own process.
    Near,
    /// It is where to listen, not where to call.
    Nobody,
}

/// Who can reach an instance, by its address alone.
pub(super) fn reach(instance: &Instance) -> Reach {
    let address = bare_address(instance);
    if address.starts_with("unix:") || address.starts_with("memory:") {
        return Reach::Near;
    }
    let host = address.rsplit_once(':').map_or(address, |(host, _port)| host);
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(ip) if ip.is_unspecified() => Reach::Nobody,
        Ok(ip) if ip.is_loopback() => Reach::Near,
        Err(_name) if host.eq_ignore_ascii_case("localhost") => Reach::Near,
        _ => Reach::Anybody,
    }
}

/// How many instances are looked at at a time.
const AT_ONCE: usize = 8;

/// How many wires of one instance are tried at a time.
const WIRES_AT_ONCE: usize = 4;

/// How many wires of an instance are tried.
const MAX_WIRES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_instance_claims_is_read_as_callers_read_it() {
        let of = |address: &str, metadata: &[(&str, &str)]| {
            let instance = Instance::new("s", "1", address.into());
            let add = |instance: Instance, (key, value): &(&str, &str)| {
                instance.with_metadata(*key, *value)
            };
            schemes(&metadata.iter().fold(instance, add))
        };
        assert_eq!(of("h:1", &[("wires", "netrpc, grpc,,netrpc")]), ["netrpc", "grpc"]);
        assert_eq!(of("h:1", &[("wires", "micro"), ("protocol", "mucp")]), ["micro"]);
        assert_eq!(of("h:1", &[("protocol", "grpc")]), ["micro+grpc"]);
        assert_eq!(of("grpc+tls://h:1/x", &[("wires", "netrpc")]), ["grpc+tls"]);
        assert!(of("h:1", &[("protocol", "")]).is_empty());
        assert!(of("h:1", &[]).is_empty());
    }

    #[test]
    fn addresses_say_who_can_reach_them() {
        for (address, expected) in [
            ("10.0.0.1:80", Reach::Anybody),
            ("host.example:80", Reach::Anybody),
            ("127.0.0.1:80", Reach::Near),
            ("[::1]:80", Reach::Near),
            ("netrpc://localhost:80/x", Reach::Near),
            ("unix:/run/a.sock", Reach::Near),
            ("grpc://memory:a", Reach::Near),
            ("0.0.0.0:80", Reach::Nobody),
            ("[::]:80", Reach::Nobody),
        ] {
            assert_eq!(reach(&Instance::new("s", "1", address.into())), expected, "{address}");
        }
    }
}
