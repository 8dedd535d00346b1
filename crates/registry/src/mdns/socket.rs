//! Sockets in the groups of multicast DNS, on the interfaces of this host.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use if_addrs::{IfAddr, IfOperStatus, Interface};
use polywire_core::RegistryError;
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockRef, Socket, Type};
use tokio::net::UdpSocket;

/// The sockets of one process: for each of IPv4 and IPv6 one at the port of multicast DNS, which it
/// shares with others on this host, and one of its own, to which answers come.
#[derive(Debug)]
pub(super) struct Sockets {
    v4: Option<Pair>,
    v6: Option<Pair>,
    /// The only interface to use, if one is named.
    only: Option<String>,
    links: Vec<Link>,
    /// Every address of this host, with the bits that its network has.
    networks: Vec<(IpAddr, u8)>,
}

#[derive(Debug)]
struct Pair {
    shared: UdpSocket,
    own: UdpSocket,
}

/// An interface in use.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Link {
    name: String,
    index: u32,
    v4: Option<Ipv4Addr>,
    v6: Option<Ipv6Addr>,
    is_loopback: bool,
    is_p2p: bool,
}

/// The socket a packet leaves by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// Announcements: from the port of multicast DNS.
    Shared,
    /// Questions: from a port to which others can answer.
    Own,
}

impl Sockets {
    /// Opens the sockets and joins the groups; `only` names the one interface to use.
    ///
    /// # Errors
    /// Neither IPv4 nor IPv6 can be had, or no interface.
    pub(super) fn open(only: Option<&str>) -> Result<Self, RegistryError> {
        let v4 = pair(Domain::IPV4, Ipv4Addr::UNSPECIFIED.into());
        let v6 = pair(Domain::IPV6, Ipv6Addr::UNSPECIFIED.into());
        if let (Err(error), Err(_)) = (&v4, &v6) {
            let why = RegistryError::new(format!("cannot listen at UDP port {PORT}"));
            return Err(why.with_source(io::Error::from(error.kind())));
        }
        let only = only.map(str::to_owned);
        let mut sockets =
            Self { v4: v4.ok(), v6: v6.ok(), only, links: Vec::new(), networks: Vec::new() };
        sockets.refresh()?;
        Ok(sockets)
    }

    /// Looks which interfaces there are by now, and joins the groups on new ones; says whether any
    /// has changed.
    ///
    /// # Errors
    /// There is none to use.
    pub(super) fn refresh(&mut self) -> Result<bool, RegistryError> {
        let all = if_addrs::get_if_addrs()
            .map_err(|error| RegistryError::new("cannot list interfaces").with_source(error))?;
        self.networks = all.iter().map(network).collect();
        let links = choose(links(all), self.only.as_deref());
        if links.is_empty() {
            self.links = links;
            return Err(RegistryError::new(match &self.only {
                Some(name) => format!("no interface `{name}` that is up and has an address"),
                None => "no interface is up and has an address".to_owned(),
            }));
        }
        if links == self.links {
            return Ok(false);
        }
        for link in &links {
            self.join(link);
        }
        let names: Vec<_> = links.iter().map(|link| &link.name[..]).collect();
        tracing::debug!(interfaces = names.join(","), "multicast DNS");
        self.links = links;
        Ok(true)
    }

    /// Joins the groups. An interface whose groups were joined before, or that has none, is no
    /// error: whether packets leave by it shows when one is sent.
    fn join(&self, link: &Link) {
        if let (Some(pair), Some(address)) = (&self.v4, link.v4) {
            let interface = InterfaceIndexOrAddress::Address(address);
            let joined = SockRef::from(&pair.shared).join_multicast_v4_n(&GROUP_V4, &interface);
            told(link, joined);
        }
        if let (Some(pair), Some(_)) = (&self.v6, link.v6) {
            told(link, SockRef::from(&pair.shared).join_multicast_v6(&GROUP_V6, link.index));
        }
    }

    /// This host's address for others: the first that is not the loopback's, of IPv4 if possible.
    pub(super) fn here(&self) -> IpAddr {
        let links = || self.links.iter().filter(|link| !link.is_loopback);
        let v4 = links().find_map(|link| link.v4).map(IpAddr::V4);
        let v6 = || links().find_map(|link| link.v6).map(IpAddr::V6);
        v4.or_else(v6).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    /// Whether an address can be one of a neighbour: in a network of this host, or in one that the
    /// Internet does not carry. Answers to others would be sent to whomever a forger names; see
    /// RFC 6762, 11.
    pub(super) fn is_near(&self, address: IpAddr) -> bool {
        let is_private = match address {
            IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
            IpAddr::V6(v6) => {
                v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local()
            }
        };
        is_private || self.networks.iter().any(|(own, bits)| is_within(address, *own, *bits))
    }

    /// Sends a packet to everyone, by every interface.
    ///
    /// # Errors
    /// It could leave by none.
    pub(super) fn multicast(&self, from: From, packet: &[u8]) -> Result<(), RegistryError> {
        let mut sent = false;
        let mut failed = None;
        for link in &self.links {
            for result in
                [self.multicast_v4(link, from, packet), self.multicast_v6(link, from, packet)]
            {
                match result {
                    None => {}
                    Some(Ok(_)) => sent = true,
                    // What a socket has no room for is lost, as on the wire.
                    Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => sent = true,
                    Some(Err(error)) => failed = Some(error),
                }
            }
        }
        if sent {
            return Ok(());
        }
        let names: Vec<_> = self.links.iter().map(|link| &link.name[..]).collect();
        let why = match names[..] {
            [] => "no interface for multicast DNS".to_owned(),
            _ => format!("cannot send multicast DNS by {}", names.join(", ")),
        };
        let why = RegistryError::new(why);
        Err(match failed {
            Some(error) => why.with_source(error),
            None => why,
        })
    }

    fn multicast_v4(&self, link: &Link, from: From, packet: &[u8]) -> Option<io::Result<usize>> {
        let socket = self.v4.as_ref()?.get(from);
        let address = link.v4?;
        let target = SocketAddrV4::new(GROUP_V4, PORT);
        let chosen = SockRef::from(socket).set_multicast_if_v4(&address);
        Some(chosen.and_then(|()| send(socket, packet, target.into())))
    }

    fn multicast_v6(&self, link: &Link, from: From, packet: &[u8]) -> Option<io::Result<usize>> {
        let socket = self.v6.as_ref()?.get(from);
        link.v6?;
        let target = SocketAddrV6::new(GROUP_V6, PORT, 0, link.index);
        Some(send(socket, packet, target.into()))
    }

    /// Sends a packet to one.
    pub(super) fn reply(&self, packet: &[u8], to: SocketAddr) {
        let pair = if to.is_ipv4() { &self.v4 } else { &self.v6 };
        let Some(pair) = pair else { return };
        if let Err(error) = send(&pair.shared, packet, to) {
            tracing::debug!(%to, %error, "an answer of multicast DNS is lost");
        }
    }

    /// Waits until there is something to read.
    pub(super) async fn readable(&self) -> io::Result<()> {
        let pair = async |pair: &Option<Pair>| match pair {
            Some(pair) => tokio::select! {
                ready = pair.shared.readable() => ready,
                ready = pair.own.readable() => ready,
            },
            None => std::future::pending().await,
        };
        tokio::select! {
            ready = pair(&self.v4) => ready,
            ready = pair(&self.v6) => ready,
        }
    }

    /// Reads what there is, at most so many packets of each socket.
    pub(super) fn read(
        &self,
        buffer: &mut [u8],
        most: usize,
        mut each: impl FnMut(&[u8], SocketAddr),
    ) -> io::Result<()> {
        for pair in [&self.v4, &self.v6].into_iter().flatten() {
            for socket in [&pair.own, &pair.shared] {
                for _ in 0..most {
                    match socket.try_recv_from(buffer) {
                        Ok((bytes, from)) => each(buffer.get(..bytes).unwrap_or_default(), from),
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        Ok(())
    }
}

impl Pair {
    fn get(&self, from: From) -> &UdpSocket {
        match from {
            From::Shared => &self.shared,
            From::Own => &self.own,
        }
    }
}

/// Not by the runtime's own function: that one sends nothing before it has waited once.
fn send(socket: &UdpSocket, packet: &[u8], to: SocketAddr) -> io::Result<usize> {
    SockRef::from(socket).send_to(packet, &to.into())
}

fn pair(domain: Domain, any: IpAddr) -> io::Result<Pair> {
    let shared = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    shared.set_reuse_address(true)?;
    // Where address and port are shared by another option than on Linux.
    #[cfg(all(
        unix,
        not(any(
            target_os = "linux",
            target_os = "android",
            target_os = "solaris",
            target_os = "illumos"
        ))
    ))]
    shared.set_reuse_port(true)?;
    let own = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    for (socket, port) in [(&shared, PORT), (&own, 0)] {
        socket.set_nonblocking(true)?;
        // The kernel gives what it allows.
        drop(socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES));
        if domain == Domain::IPV4 {
            socket.set_multicast_loop_v4(true)?;
        } else {
            socket.set_only_v6(true)?;
            socket.set_multicast_loop_v6(true)?;
        }
        socket.bind(&SocketAddr::new(any, port).into())?;
    }
    // Otherwise Linux delivers what came by any interface on which anybody has joined.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if domain == Domain::IPV4 {
        shared.set_multicast_all_v4(false)?;
    }
    let shared = UdpSocket::from_std(shared.into())?;
    let own = UdpSocket::from_std(own.into())?;
    Ok(Pair { shared, own })
}

fn told(link: &Link, joined: io::Result<()>) {
    match joined {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
        Err(error) => {
            let interface = &link.name[..];
            tracing::debug!(interface, %error, "cannot join a group of multicast DNS");
        }
    }
}

fn network(interface: &Interface) -> (IpAddr, u8) {
    match &interface.addr {
        IfAddr::V4(v4) => (IpAddr::V4(v4.ip), v4.prefixlen),
        IfAddr::V6(v6) => (IpAddr::V6(v6.ip), v6.prefixlen),
    }
}

/// Whether the first bits of two addresses are the same.
fn is_within(address: IpAddr, own: IpAddr, bits: u8) -> bool {
    let bits = u32::from(bits);
    match (address, own) {
        (IpAddr::V4(address), IpAddr::V4(own)) => {
            (address.to_bits() ^ own.to_bits()).leading_zeros() >= bits
        }
        (IpAddr::V6(address), IpAddr::V6(own)) => {
            (address.to_bits() ^ own.to_bits()).leading_zeros() >= bits
        }
        _ => false,
    }
}

/// The interfaces that are up, each with its first addresses.
fn links(all: Vec<Interface>) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    for interface in all {
        let is_up = matches!(interface.oper_status, IfOperStatus::Up | IfOperStatus::Unknown);
        let Some(index) = interface.index.filter(|_| is_up) else { continue };
        let known = links.iter_mut().position(|link| link.index == index);
        let at = known.unwrap_or_else(|| {
            links.push(Link {
                name: interface.name.clone(),
                index,
                v4: None,
                v6: None,
                is_loopback: interface.is_loopback(),
                is_p2p: interface.is_p2p(),
            });
            links.len() - 1
        });
        let Some(link) = links.get_mut(at) else { continue };
        match interface.ip() {
            IpAddr::V4(address) => drop(link.v4.get_or_insert(address)),
            IpAddr::V6(address) => {
                // One that is valid everywhere is of more use to others.
                let is_better = link.v6.is_none_or(|known| known.is_unicast_link_local());
                if is_better {
                    link.v6 = Some(address);
                }
            }
        }
    }
    links
}

/// The interfaces to use: the one that is named, or all that others may be on; the loopback where
/// there is no such one.
fn choose(links: Vec<Link>, only: Option<&str>) -> Vec<Link> {
    if let Some(only) = only {
        return links.into_iter().filter(|link| link.name == only).collect();
    }
    // The ports of a bridge have no address but the one every interface gives itself; the bridge
    // has others.
    let has_address = |link: &Link| {
        link.v4.is_some() || link.v6.is_some_and(|address| !address.is_unicast_link_local())
    };
    let is_shared = |link: &Link| !link.is_loopback && !link.is_p2p && has_address(link);
    let any = links.iter().any(is_shared);
    let chosen = links
        .into_iter()
        .filter(|link| if any { is_shared(link) } else { link.is_loopback || has_address(link) });
    chosen.take(MAX_INTERFACES).collect()
}

/// RFC 6762, 3.
const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);
const PORT: u16 = 5353;

/// Room for the answers of some thousand instances.
const RECEIVE_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// How many interfaces are used; a host with more names one.
const MAX_INTERFACES: usize = 16;

#[cfg(test)]
mod tests;
