//! The cases of an interop run in which polywire is the client, one line of output each.

mod calls;
mod connect;
mod grpc;
mod jsonrpc;
mod micro;
mod netrpc;
mod peer;
mod reflection;
mod soak;

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use polywire::Channel;
use tokio::time::timeout;

use self::peer::Peer;
pub use self::soak::soak;
use crate::Settings;

/// What the client is told on the command line.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// The program to start as the server.
    pub server: PathBuf,
    /// The folder with ca.pem, cert.pem and key.pem.
    pub certificates: PathBuf,
    /// Run the cases whose name holds this.
    pub only: String,
    /// `netrpc`, `jsonrpc`, `grpc`, `connect`, `micro`; the first two if there is none.
    pub suites: Vec<String>,
    /// How it finds the server, and what both speak, in `micro`.
    pub settings: Settings,
}

/// Why a case failed.
type Failure = Box<dyn Error + Send + Sync>;

type Outcome = Result<(), Failure>;

type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// One thing that a client can see of a server.
struct Case {
    name: String,
    run: Box<dyn Fn(Arc<Peer>) -> Running>,
}

/// How a case reaches the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    Tcp,
    Connect,
    Tls,
    Jsonrpc,
    Grpc,
    GrpcTls,
}

/// How a case ended.
#[derive(Debug)]
pub enum Ending {
    /// As it should.
    Passed,
    /// Otherwise.
    Failed(String),
    /// It was not run: the peer says that it cannot do its part.
    Skipped(String),
}

/// Runs the suites; `report` gets the name of each case and how it ended.
///
/// # Errors
/// The server cannot be started, or there is no such suite.
pub async fn run(
    options: &ClientOptions,
    mut report: impl FnMut(&str, Ending),
) -> Result<(), Failure> {
    let suites = match options.suites.as_slice() {
        [] => &["netrpc".to_owned(), "jsonrpc".to_owned()],
        suites => suites,
    };
    let peer = Arc::new(Peer::start(options.clone(), "127.0.0.1:0").await?);
    for suite in suites {
        let cases = match suite.as_str() {
            "netrpc" => netrpc::cases(),
            "jsonrpc" => jsonrpc::cases(),
            "grpc" => grpc::cases(),
            "reflection" => reflection::cases(),
            "connect" => connect::cases(),
            "micro" => micro::cases(&options.settings),
            other => return Err(format!("unknown suite `{other}`").into()),
        };
        for case in cases {
            let name = format!("{suite}/{}", case.name);
            if name.contains(&options.only) {
                let ending = match peer.absence(&name) {
                    Some(why) => Ending::Skipped(why.to_owned()),
                    None => case.within_deadline(&peer).await,
                };
                report(&name, ending);
            }
        }
    }
    if let Some(peer) = Arc::into_inner(peer) {
        peer.end().await;
    }
    Ok(())
}

impl Case {
    /// A case on a server.
    fn new<F>(name: &str, run: impl Fn(Arc<Peer>) -> F + 'static) -> Self
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        Self { name: name.to_owned(), run: Box::new(move |peer| Box::pin(run(peer))) }
    }

    /// A case on a channel of its own.
    fn on<F>(transport: Transport, name: &str, run: fn(Channel) -> F) -> Self
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        Self::new(&format!("{transport}/{name}"), move |peer| async move {
            run(peer.channel(transport)?).await
        })
    }

    async fn within_deadline(&self, peer: &Arc<Peer>) -> Ending {
        match timeout(DEADLINE, (self.run)(Arc::clone(peer))).await {
            Ok(Ok(())) => Ending::Passed,
            Ok(Err(failure)) => Ending::Failed(chain(&*failure)),
            Err(_) => Ending::Failed(format!("no end after {} s", DEADLINE.as_secs())),
        }
    }
}

/// Far beyond what any case takes.
const DEADLINE: Duration = Duration::from_secs(30);

/// An error and its causes.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text.replace('\n', "\\n")
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp | Self::Jsonrpc | Self::Grpc => "tcp",
            Self::Connect => "connect",
            Self::Tls | Self::GrpcTls => "tls",
        })
    }
}

fn expect<T: PartialEq + fmt::Debug>(what: &str, got: &T, want: &T) -> Outcome {
    if got == want {
        return Ok(());
    }
    Err(format!("{what}: got {}, want {}", shorten(got), shorten(want)).into())
}

fn shorten(value: &impl fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.char_indices().nth(300).map_or(text.clone(), |(at, _)| format!("{}...", &text[..at]))
}
