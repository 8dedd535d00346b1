//! Foreign peers, unmodified, against polywire in both directions.
//!
//! Each folder of `interop` holds a client and a server, which offer the same services and have the
//! same command line. A client starts the other side's server, prints a line per case and ends; what
//! is left for here is to build them and to count.

mod client;
mod conformance;
mod micro;
mod peers;
mod programs;
mod scripts;

use std::path::Path;
use std::process::ExitCode;

use self::client::{Count, Direction};
use self::conformance::Extent;
use self::micro::Engines;
use self::peers::Peer;
use self::programs::{Profile, Programs};
use crate::args::Args;

/// Builds the peers and runs the named suites, or all of them.
pub(crate) fn run(words: &[String]) -> ExitCode {
    let options = match Options::read(words) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("interop: {error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match interop(&options) {
        Ok(count) => {
            println!("{count}");
            if count.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("interop: {error}");
            ExitCode::FAILURE
        }
    }
}

const HELP: &str = "\
usage: cargo xtask interop [OPTIONS] [SUITE...]

  SUITE            netrpc, jsonrpc, grpc (and with it reflection), reflection, connect (and with
                   it conformance), conformance, micro or web (default: all)
  --peer PEER,..   of go, grpc-go, grpc-js, grpcio, connect-go, connect-node, connect-python,
                   go-micro-v6, go-micro-v5, go-micro-v4, go-micro-v2, grpcurl, buf-curl and browser
                   (default: all that have the suite)
  --only TEXT      cases whose name holds this; with it, or with --peer, no conformance
  --cell TEXT      of micro what has this in the flavour and the registry, such as grpc/etcd
  --soak CALLS     of micro only so many calls to and from v6, or --peer, one after the other, and
                   as many at once; a call that is lost, or takes longer than it may, is a failure
  --brief          of conformance what has neither TLS nor zstd, of micro neither Consul nor old
                   etcd
  --debug          polywire as it is developed: sooner built, and slow
  --reference      each peer's client against its own server first, which shows that the cases are
                   right";

#[derive(Debug)]
struct Options {
    suites: Vec<String>,
    /// All if there is none.
    peers: Vec<Peer>,
    only: String,
    cell: String,
    soak: Option<u64>,
    brief: bool,
    profile: Profile,
    reference: bool,
}

impl Options {
    /// `None` when the user asked for help.
    fn read(words: &[String]) -> Result<Option<Self>, String> {
        let of_peers = Peer::ALL.iter().flat_map(|peer| peer.suites()).copied();
        let known: Vec<&str> = of_peers.chain([CONFORMANCE]).collect();
        let is_suite = |word: &String| known.contains(&word.as_str());
        let (mut suites, rest): (Vec<_>, Vec<_>) = words.iter().cloned().partition(is_suite);
        if suites.is_empty() {
            suites = known.into_iter().map(str::to_owned).collect();
        }
        // Whoever wants to see gRPC wants to see its tools.
        if suites.iter().any(|suite| suite == "grpc") {
            suites.push("reflection".to_owned());
        }
        if suites.iter().any(|suite| suite == "connect") {
            suites.push(CONFORMANCE.to_owned());
        }
        suites.sort_unstable();
        suites.dedup();
        let mut args = Args::new(&rest);
        if args.flag("--help") || args.flag("-h") {
            return Ok(None);
        }
        let only = args.value("--only")?.unwrap_or_default();
        let peers = args.list::<String>("--peer")?.unwrap_or_default();
        let peers = peers.iter().map(|name| Peer::from_name(name)).collect::<Result<_, _>>()?;
        let options = Self {
            suites,
            peers,
            only,
            cell: args.value("--cell")?.unwrap_or_default(),
            soak: args.value("--soak")?,
            brief: args.flag("--brief"),
            profile: if args.flag("--debug") { Profile::Debug } else { Profile::Release },
            reference: args.flag("--reference"),
        };
        args.finish()?;
        Ok(Some(options))
    }

    /// Whether the peer is among those that are wanted.
    fn wants(&self, peer: Peer) -> bool {
        match (self.peers.as_slice(), self.soak) {
            ([], Some(_)) => peer == Peer::GoMicroV6,
            ([], None) => true,
            (peers, _) => peers.contains(&peer),
        }
    }
}

/// Runs everything, in the order in which it is easiest to see what is wrong.
fn interop(options: &Options) -> Result<Count, String> {
    let programs = Programs::new()?;
    let mut engines = Engines::default();
    let mut total = Count::default();
    for peer in Peer::ALL {
        let of_peer = |suite: &&String| peer.suites().contains(&suite.as_str());
        let suites: Vec<String> = options.suites.iter().filter(of_peer).cloned().collect();
        if suites.is_empty() || !options.wants(peer) {
            continue;
        }
        let (foreign, ours) = (programs.foreign(peer)?, programs.ours(options.profile)?);
        let mut directions = vec![Direction { client: &foreign, server: &ours }];
        if foreign.serves {
            directions.push(Direction { client: &ours, server: &foreign });
        }
        if options.reference && foreign.serves {
            directions.insert(0, Direction { client: &foreign, server: &foreign });
        }
        let certificates = &programs.certificates;
        total += match (suites == ["micro"], options.soak) {
            (true, Some(calls)) => micro::soak(calls, certificates, &directions)?,
            (true, None) => micro::run(options, certificates, peer, &directions, &mut engines)?,
            (false, _) => in_turn(&directions, certificates, &suites, &options.only)?,
        };
    }
    // The runner's cases have names of its own kind.
    let runs_all = options.peers.is_empty() && options.only.is_empty();
    if runs_all && options.suites.iter().any(|suite| suite == CONFORMANCE) {
        let extent = if options.brief { Extent::Brief } else { Extent::Whole };
        total += programs.conformance(extent)?;
    }
    if total == Count::default() {
        return Err(format!("no case has a name with `{}`", options.only));
    }
    Ok(total)
}

/// Runs every suite in every direction.
fn in_turn(
    directions: &[Direction<'_>],
    certificates: &Path,
    suites: &[String],
    only: &str,
) -> Result<Count, String> {
    let mut total = Count::default();
    for direction in directions {
        total += direction.run(certificates, suites, only)?;
    }
    Ok(total)
}

/// The suite that Connect's own runner is.
const CONFORMANCE: &str = "conformance";
