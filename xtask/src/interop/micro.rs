//! go-micro: every version in every registry that it and polywire can both be in, in both flavours.

use std::fmt;
use std::path::Path;

use super::Options;
use super::client::{Count, Direction};
use super::peers::Peer;
use crate::engines::{Engine, Kind};

/// Registries that run, started when they are first wanted.
#[derive(Debug, Default)]
pub(super) struct Engines(Vec<Engine>);

impl Engines {
    /// The URL of the one of this kind.
    fn url(&mut self, kind: Kind) -> Result<String, String> {
        if let Some(engine) = self.0.iter().find(|engine| engine.kind == kind) {
            return Ok(engine.url());
        }
        let engine = Engine::start(kind)?;
        let url = engine.url();
        self.0.push(engine);
        Ok(url)
    }
}

/// How both sides speak, and how the client finds the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cell {
    flavour: Flavour,
    found: Found,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flavour {
    Mucp,
    Grpc,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// By an address that the client is given.
    Static,
    Mdns,
    In(Kind),
}

impl Found {
    const ALL: [Self; 6] = [
        Self::Static,
        Self::Mdns,
        Self::In(Kind::Etcd),
        Self::In(Kind::Etcd34),
        Self::In(Kind::Consul),
        Self::In(Kind::Nats),
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Mdns => "mdns",
            Self::In(kind) => kind.name(),
        }
    }

    /// Whether a brief run has it: what is quickly built, and each registry but once.
    const fn is_brief(self) -> bool {
        !matches!(self, Self::In(Kind::Etcd34 | Kind::Consul))
    }
}

impl Cell {
    /// All of them, those of a flavour together.
    fn all() -> impl Iterator<Item = Self> {
        [Flavour::Mucp, Flavour::Grpc]
            .into_iter()
            .flat_map(|flavour| Found::ALL.map(|found| Self { flavour, found }))
    }

    /// Why a version of go-micro cannot be in this one; `None` if it can.
    const fn absence(self, peer: Peer) -> Option<&'static str> {
        match (peer, self.flavour, self.found) {
            (Peer::GoMicroV4, Flavour::Grpc, _) => {
                Some("v4 has gRPC in a plugin, which is in no registry of Go modules any more")
            }
            (Peer::GoMicroV4, _, Found::In(_)) => {
                Some("v4 has it in a plugin, which is in no registry of Go modules any more")
            }
            (Peer::GoMicroV2, _, Found::In(Kind::Consul | Kind::Nats)) => {
                Some("v2 has it in a plugin, which is in no registry of Go modules any more")
            }
            _ => None,
        }
    }

    /// What both sides are told of it, beside the service's name.
    fn words(self, peer: Peer, engines: &mut Engines) -> Result<Vec<String>, String> {
        let registry = match self.found {
            Found::Static => String::new(),
            Found::Mdns => "mdns:".to_owned(),
            Found::In(kind) => engines.url(kind)?,
        };
        let broker = match self.found {
            // Its own is in a plugin.
            Found::Static if peer == Peer::GoMicroV4 => String::new(),
            Found::Static | Found::In(Kind::Nats) => engines.url(Kind::Nats)?,
            _ => "http:".to_owned(),
        };
        let flavour = self.flavour.to_string();
        let named = [
            ("--cell", self.to_string()),
            ("--flavour", flavour),
            ("--registry", registry),
            ("--broker", broker),
        ];
        Ok(named.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect())
    }
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mucp => "mucp",
            Self::Grpc => "grpc",
        })
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.flavour, self.found.name())
    }
}

/// Runs one version in every cell; each run has a service of its own name, so that it finds nobody
/// else's.
pub(super) fn run(
    options: &Options,
    certificates: &Path,
    peer: Peer,
    directions: &[Direction<'_>],
    engines: &mut Engines,
) -> Result<Count, String> {
    let mut total = Count::default();
    for cell in Cell::all() {
        if !cell.to_string().contains(&options.cell) || (options.brief && !cell.found.is_brief()) {
            continue;
        }
        for (at, direction) in directions.iter().enumerate() {
            if let Some(why) = cell.absence(peer) {
                total.skipped += 1;
                println!("skip {direction} micro/{cell}: {why}");
                continue;
            }
            let mut words = cell.words(peer, engines)?;
            let service = format!("interop-{}-{}-{at}", std::process::id(), peer.name());
            words.extend(["--service".to_owned(), service]);
            words.extend(["--only".to_owned(), options.only.clone(), "micro".to_owned()]);
            total += direction.run_with(certificates, &words)?;
        }
    }
    Ok(total)
}

/// Makes so many calls in each direction, one after the other and then at once, by address.
pub(super) fn soak(
    calls: u64,
    certificates: &Path,
    directions: &[Direction<'_>],
) -> Result<Count, String> {
    let mut total = Count::default();
    for direction in directions {
        let words = ["--soak".to_owned(), calls.to_string(), "micro".to_owned()];
        total += direction.run_with(certificates, &words)?;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_named_by_flavour_and_registry() {
        let names: Vec<String> = Cell::all().map(|cell| cell.to_string()).collect();
        assert_eq!(names.len(), 12);
        assert_eq!(names.first().map(String::as_str), Some("mucp/static"));
        assert_eq!(names.last().map(String::as_str), Some("grpc/nats"));
    }

    #[test]
    fn only_what_is_in_plugins_is_absent() {
        let absent = |peer| Cell::all().filter(|cell| cell.absence(peer).is_some()).count();
        let absent =
            [Peer::GoMicroV6, Peer::GoMicroV5, Peer::GoMicroV4, Peer::GoMicroV2].map(absent);
        assert_eq!(absent, [0, 0, 10, 4]);
    }
}
