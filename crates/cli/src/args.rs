//! The command line's grammar.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Serves, finds and calls polywire, net/rpc, JSON-RPC, gRPC and Connect services.
#[derive(Debug, Parser)]
#[command(
    name = "polywire",
    version,
    disable_help_subcommand = true,
    after_help = "Examples:\n  \
        polywire demo\n  \
        polywire services\n  \
        polywire call greeter Greeter.Hello '{\"name\": \"Ann\"}'\n  \
        polywire call netrpc://127.0.0.1:9000 Arith.Add '{\"A\": 1, \"B\": 2}'\n\n\
        Exit codes: 0 ok, 1 usage, 2 registry or file unreachable, 3 no instance,\n\
        4 `doctor` found a problem,\n\
        8 times the status code when a call fails (16: the error of a Go service)."
)]
pub(crate) struct Cli {
    /// Where services are registered: `local:DIR`, `static://HOST:PORT,..`, `consul://HOST:PORT`,
    /// `etcd://HOST:PORT,..`, `nats://HOST:PORT,..`, `mdns:`, `k8s://NAMESPACE`.
    #[arg(long, global = true, env = "POLYWIRE_REGISTRY", value_name = "URL")]
    pub(crate) registry: Option<String>,
    /// How data is printed; replies are JSON either way.
    #[arg(short, long, global = true, default_value = "table", value_name = "FORMAT")]
    pub(crate) output: Format,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Columns for people.
    Table,
    /// JSON for scripts.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Starts a greeter and calls it over every wire.
    Demo(DemoArgs),
    /// Lists the services of the registry.
    #[command(visible_alias = "ls")]
    Services,
    /// Looks at the registry and at everybody in it, and says what is wrong and what to do.
    Doctor(DoctorArgs),
    /// Shows the methods and types of a service.
    Describe(DescribeArgs),
    /// Prints what programs in other languages need to call a service.
    Export(ExportArgs),
    /// Calls a method with JSON and prints the reply as JSON, those of a stream line by line.
    #[command(after_help = "METHOD is `Greeter.Hello` or `Greeter/Hello`.\n\
        URLs: netrpc:// netrpc+http:// netrpc+tls:// jsonrpc:// jsonrpc2:// grpc:// grpc-web://\n\
        connect://; of the last three the server must have reflection, unless JSON is spoken\n\
        (`?codec=json` behind the address).")]
    Call(CallArgs),
    /// Publishes an event, and waits until its subscribers have it.
    #[command(after_help = BROKERS)]
    Publish(PublishArgs),
    /// Prints the events of a topic as JSON, one a line, until Ctrl-C.
    #[command(after_help = BROKERS)]
    Subscribe(SubscribeArgs),
    /// Calls a method over and over and prints how long it takes.
    Bench(BenchArgs),
    /// Prints a completion script for a shell.
    Completion(CompletionArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Goes on serving and prints commands to try; ends with Ctrl-C.
    #[arg(long)]
    pub(crate) stay: bool,
    /// Where the greeter listens.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "HOST:PORT")]
    pub(crate) listen: String,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Only this service of the registry. Default: all.
    #[arg(value_name = "SERVICE")]
    pub(crate) service: Option<String>,
    /// How long each answer may take: `500ms`, `5s`.
    #[arg(long, value_parser = duration, default_value = "3s", value_name = "TIME")]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) broker: BrokerArgs,
    #[command(flatten)]
    pub(crate) tls: TlsArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DescribeArgs {
    /// A service of the registry, or a URL.
    #[arg(value_name = "SERVICE|URL")]
    pub(crate) target: String,
    /// Shows only this service, method or type, such as `Greeter.Hello`.
    pub(crate) symbol: Option<String>,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// A service of the registry, or a URL, of a polywire server.
    #[arg(value_name = "SERVICE|URL")]
    pub(crate) target: String,
    /// Only this service of the server, such as `Greeter`.
    #[arg(value_name = "SERVICE")]
    pub(crate) service: Option<String>,
    #[command(flatten)]
    pub(crate) form: ExportForm,
    /// Writes files into this directory instead of printing them.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

/// What is printed.
#[derive(Debug, Clone, Copy, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct ExportForm {
    /// `.proto` files, one per package.
    #[arg(long)]
    pub(crate) proto: bool,
    /// An OpenAPI 3.1 document.
    #[arg(long)]
    pub(crate) openapi: bool,
    /// A JSON Schema.
    #[arg(long)]
    pub(crate) jsonschema: bool,
}

/// How a peer is reached.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConnectArgs {
    /// How long a call may take: `500ms`, `5s`, `2m`. Default: 10s; a stream goes on.
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub(crate) timeout: Option<Duration>,
    /// Metadata sent with the call; may be given several times.
    #[arg(short = 'H', long = "header", value_parser = pair, value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) tls: TlsArgs,
}

/// Whom to trust where a URL says `+tls`, and what to show them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "With +tls in the URL")]
pub(crate) struct TlsArgs {
    /// The authorities to trust, in PEM. Default: those the system trusts.
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// The certificate to show to a server that asks for one, in PEM.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// Its key, in PEM.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// The name the server's certificate must be for. Default: the host of the URL.
    #[arg(long, value_name = "NAME")]
    pub(crate) servername: Option<String>,
    /// Takes whatever certificate the server shows.
    #[arg(short = 'k', long, conflicts_with = "cacert")]
    pub(crate) insecure: bool,
}

impl ConnectArgs {
    /// How long to wait for a single reply.
    pub(crate) fn patience(&self) -> Duration {
        self.timeout.unwrap_or(Duration::from_secs(10))
    }
}

/// What is called with what.
#[derive(Debug, Clone, Args)]
pub(crate) struct MethodArgs {
    /// A service of the registry, or a URL.
    #[arg(value_name = "SERVICE|URL")]
    pub(crate) target: String,
    /// The method: `Greeter.Hello` or `Greeter/Hello`.
    pub(crate) method: String,
    /// The argument.
    #[arg(value_name = "JSON", conflicts_with = "data")]
    pub(crate) json: Option<String>,
    /// The argument, from a file with `@FILE`, from standard input with `@-`; several one after
    /// another where the method takes a stream. Default: `{}`.
    #[arg(short, long, value_name = "JSON|@FILE|@-")]
    pub(crate) data: Option<String>,
    /// What JSON cannot say to a server that does not describe itself: `user.id=uint`; kinds are
    /// uint, float, bytes, time and map.
    #[arg(long = "type", value_name = "PATH=KIND")]
    pub(crate) types: Vec<String>,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    #[command(flatten)]
    pub(crate) method: MethodArgs,
}

/// What the brokers are.
const BROKERS: &str = "Brokers: `http:` (go-micro's, by the registry), `nats://HOST:PORT,..`,\n\
    `jetstream://HOST:PORT,..`; go-micro's MICRO_BROKER and MICRO_BROKER_ADDRESS are read, too.";

#[derive(Debug, Args)]
pub(crate) struct BrokerArgs {
    /// Who brings events to subscribers. Default: `http:`.
    #[arg(long, env = "POLYWIRE_BROKER", value_name = "URL")]
    pub(crate) broker: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    /// The topic, such as `orders.created`.
    pub(crate) topic: String,
    /// The event.
    pub(crate) json: String,
    /// A header of the event; may be given several times.
    #[arg(short = 'H', long = "header", value_parser = pair, value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<(String, String)>,
    /// How long it may take: `500ms`, `5s`, `2m`.
    #[arg(long, value_parser = duration, default_value = "10s", value_name = "TIME")]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) broker: BrokerArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SubscribeArgs {
    /// The topic, such as `orders.created`.
    pub(crate) topic: String,
    /// Shares the events with whoever has the same queue. Default: gets a copy of each.
    #[arg(long)]
    pub(crate) queue: Option<String>,
    /// Ends after so many events.
    #[arg(short = 'n', long)]
    pub(crate) count: Option<NonZeroU64>,
    #[command(flatten)]
    pub(crate) broker: BrokerArgs,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    #[command(flatten)]
    pub(crate) method: MethodArgs,
    /// Calls under way at once.
    #[arg(short, long, default_value = "50")]
    pub(crate) concurrency: NonZeroUsize,
    /// Connections the calls are spread over.
    #[arg(long, default_value = "1")]
    pub(crate) connections: NonZeroUsize,
    /// How many calls; without it, and without `-z`, 10,000.
    #[arg(short = 'n', long, conflicts_with = "duration")]
    pub(crate) count: Option<NonZeroU64>,
    /// How long calls are made: `10s`.
    #[arg(short = 'z', long, value_parser = duration, value_name = "TIME")]
    pub(crate) duration: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionArgs {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
}

/// Reads `250us`, `500ms`, `5s`, `1.5s`, `2m`, `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(digits.len()..).unwrap_or_default();
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err("a number and a unit, such as `500ms`, `5s`, `2m`".to_owned()),
    };
    let number: f64 = digits.parse().map_err(|_| format!("`{digits}` is not a number"))?;
    Duration::try_from_secs_f64(number * seconds).map_err(|error| error.to_string())
}

/// Reads `name: value`.
fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("expected `NAME: VALUE`")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        for text in ["5", "s", "-1s", "1e300h", "5 s", "xs"] {
            duration(text).unwrap_err();
        }
    }

    #[test]
    fn headers_are_a_name_and_a_value() {
        assert_eq!(pair("a: b:c"), Ok(("a".to_owned(), "b:c".to_owned())));
        pair("a").unwrap_err();
    }
}
