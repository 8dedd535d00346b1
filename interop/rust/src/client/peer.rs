//! A Go server, started for a run.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use polywire::core::Registry;
use polywire::{Channel, ChannelOptions, HttpCodec, HttpOptions, Publisher, TlsClient};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{ClientOptions, Failure, Transport};

/// A running server, which ends with this.
pub(super) struct Peer {
    pub(super) options: ClientOptions,
    process: Child,
    /// By name, and beside them what the server is without.
    addresses: HashMap<String, String>,
    /// Where the server is registered.
    registry: Option<Arc<dyn Registry>>,
}

impl Peer {
    /// Starts the server with its gob port at `listen`, and waits for its addresses.
    pub(super) async fn start(options: ClientOptions, listen: &str) -> Result<Self, Failure> {
        let mut command = Command::new(&options.server);
        command.args(["--listen", listen, "--certificates"]).arg(&options.certificates);
        command.args(options.settings.clone().words());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process =
            command.spawn().map_err(|error| format!("{}: {error}", options.server.display()))?;
        let stdout = process.stdout.take().ok_or("no standard output")?;
        let line = BufReader::new(stdout).lines().next_line().await?;
        let addresses = serde_json::from_str(&line.ok_or("the server ended at once")?)?;
        let registry = match options.settings.registry.as_str() {
            "" => None,
            url => Some(polywire::registry::from_url(url)?),
        };
        Ok(Self { options, process, addresses, registry })
    }

    /// The address of `tcp`, `http`, `jsonrpc`, `tls` or `tls-http1`.
    pub(super) fn address(&self, name: &str) -> &str {
        self.addresses.get(name).map_or("", String::as_str)
    }

    /// Why the server cannot do its part of a case, by its whole name or any part of that; `None` if it
    /// can.
    pub(super) fn absence(&self, case: &str) -> Option<&str> {
        let mut names = case.split('/').chain([case]);
        names.find_map(|name| self.addresses.get(&format!("without {name}"))).map(String::as_str)
    }

    pub(super) fn url(&self, transport: Transport) -> String {
        match transport {
            Transport::Tcp => format!("netrpc://{}", self.address("tcp")),
            Transport::Connect => format!("netrpc+http://{}", self.address("http")),
            Transport::Tls => format!("netrpc+tls://{}", self.address("tls")),
            Transport::Jsonrpc => format!("jsonrpc://{}", self.address("jsonrpc")),
            Transport::Grpc => format!("grpc://{}", self.address("tcp")),
            Transport::GrpcTls => format!("grpc+tls://{}", self.address("tls")),
        }
    }

    /// A channel to a service of go-micro's, found as the settings say.
    pub(super) fn micro(&self, codec: &str) -> Result<Channel, Failure> {
        let settings = &self.options.settings;
        let Some(registry) = &self.registry else {
            let wire = if settings.flavour == "grpc" { "micro+grpc" } else { "micro" };
            let service = &settings.service;
            let url = format!("{wire}://{}/{service}?codec={codec}", self.address("tcp"));
            return self.open(&url, HttpOptions::default());
        };
        let codec = if codec == "json" { HttpCodec::Json } else { HttpCodec::Proto };
        let options = ChannelOptions::default().http(HttpOptions::default().codec(codec));
        Ok(Channel::discover_with(Arc::clone(registry), &settings.service, options))
    }

    /// Publishes to a topic by way of the broker that the settings name.
    pub(super) fn publisher(&self, topic: &str, codec: &str) -> Result<Publisher, Failure> {
        let registry = self.registry.clone();
        let broker = polywire::broker::from_url(&self.options.settings.broker, registry)?;
        let publisher = Publisher::new(broker, topic);
        Ok(if codec == "json" { publisher } else { publisher.protobuf() })
    }

    /// A channel that connects when it is first used.
    pub(super) fn channel(&self, transport: Transport) -> Result<Channel, Failure> {
        self.open(&self.url(transport), HttpOptions::default())
    }

    /// The same, to any URL.
    pub(super) fn open(&self, url: &str, http: HttpOptions) -> Result<Channel, Failure> {
        let trusted = TlsClient::from_ca_file(self.options.certificates.join("ca.pem"))?;
        Ok(Channel::lazy(url, ChannelOptions::default().tls(trusted).http(http))?)
    }

    /// Lets the server end by itself, so that it leaves the registry, unless that takes too long.
    pub(super) async fn end(mut self) {
        drop(self.process.stdin.take());
        // It is killed where it has not ended.
        let _ended = timeout(ENDING, self.process.wait()).await;
    }

    /// Ends the server without a word to its peers.
    pub(super) async fn kill(&mut self) -> Result<(), Failure> {
        Ok(self.process.kill().await?)
    }
}

const ENDING: Duration = Duration::from_secs(5);
