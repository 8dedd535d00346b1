//! Who is called: a service of the registry, or a URL.

use std::sync::Arc;

use polywire::core::Encoding;
use polywire::reflection::{Description, ReflectionClient};
use polywire::{
    Broker, Channel, ChannelOptions, Code, ConnectError, Registry, Service as _, TlsClient,
    TlsError,
};

use crate::args::{ConnectArgs, TlsArgs};
use crate::failure::{Failure, chain};
use crate::grpc::{self, Reflection};
use crate::suggest;

/// Opens the registry that the command line or the environment names.
pub(crate) fn registry(url: Option<&str>) -> Result<Arc<dyn Registry>, Failure> {
    // A variable that is empty is as good as none.
    Ok(match url.filter(|url| !url.is_empty()) {
        Some(url) => polywire::registry::from_url(url)?,
        None => polywire::registry::from_env()?,
    })
}

/// Opens the broker that the command line or the environment names.
pub(crate) fn broker(
    url: Option<&str>,
    registry_url: Option<&str>,
) -> Result<Arc<dyn Broker>, Failure> {
    let registry = Some(registry(registry_url)?);
    Ok(match url.filter(|url| !url.is_empty()) {
        Some(url) => polywire::broker::from_url(url, registry)?,
        None => polywire::broker::from_env(registry)?,
    })
}

/// A peer, or the peers that run a service.
pub(crate) struct Target {
    /// As the command line has it.
    pub(crate) name: String,
    pub(crate) channel: Channel,
    pub(crate) knowledge: Knowledge,
}

/// What a peer says of itself.
pub(crate) enum Knowledge {
    Nothing,
    /// A polywire server, asked by its own wire.
    Polywire(Description),
    /// Whoever has gRPC's reflection.
    Grpc(Reflection),
}

impl Target {
    /// Connects and asks the peer to describe itself.
    pub(crate) async fn reach(
        target: &str,
        registry_url: Option<&str>,
        connect: &ConnectArgs,
    ) -> Result<Self, Failure> {
        let channel = channel(target, registry_url, &connect.tls).await?;
        let knowledge = if grpc::is_grpc(target) {
            match Reflection::reach(target, connect).await {
                Ok(Some(reflection)) => Knowledge::Grpc(reflection),
                // JSON needs no types, so that a server without gRPC will do.
                Err(_) if channel.encoding() == Encoding::ProtoJson => Knowledge::Nothing,
                Ok(None) => Knowledge::Nothing,
                Err(failure) => return Err(failure),
            }
        } else {
            let description = describe(&channel, connect).await?;
            description.map_or(Knowledge::Nothing, Knowledge::Polywire)
        };
        Ok(Self { name: target.to_owned(), channel, knowledge })
    }
}

/// A channel to a URL, or to the instances of a service.
pub(crate) async fn channel(
    target: &str,
    registry_url: Option<&str>,
    tls: &TlsArgs,
) -> Result<Channel, Failure> {
    let options = options(target, tls)?;
    if target.contains("://") {
        let channel = Channel::lazy(target, options);
        let channel = channel.map_err(|error| Failure::Usage(chain(&error)))?;
        let ready = channel.ready().await;
        ready.map_err(|error| Failure::Call(ConnectError::from(error).into()))?;
        return Ok(channel);
    }
    let registry = registry(registry_url)?;
    let known = registry.services().await?;
    if !known.iter().any(|service| service == target) {
        let known = known.iter().map(String::as_str);
        return Err(Failure::NoInstance(suggest::unknown("service", target, target, known)));
    }
    Ok(Channel::discover_with(registry, target, options))
}

/// How the target is to be reached.
pub(crate) fn options(target: &str, tls: &TlsArgs) -> Result<ChannelOptions, Failure> {
    let options = ChannelOptions::default();
    if *tls == TlsArgs::default() {
        return Ok(options);
    }
    // Of a service it is the registry that says how its instances are reached.
    if let Some((scheme, rest)) = target.split_once("://")
        && !scheme.split('+').any(|part| part == "tls")
    {
        let text = format!("certificates are for TLS, which would be `{scheme}+tls://{rest}`");
        return Err(Failure::Usage(text));
    }
    let client = client(tls).map_err(|error| Failure::Environment(chain(&error)))?;
    Ok(options.tls(client))
}

fn client(tls: &TlsArgs) -> Result<TlsClient, TlsError> {
    let mut client = match &tls.cacert {
        _ if tls.insecure => TlsClient::without_verification(),
        Some(authorities) => TlsClient::from_ca_file(authorities),
        None => TlsClient::system(),
    }?;
    if let (Some(certificate), Some(key)) = (&tls.cert, &tls.key) {
        client = client.with_certificate(certificate, key)?;
    }
    match &tls.servername {
        Some(name) => client.server_name(name),
        None => Ok(client),
    }
}

async fn describe(
    channel: &Channel,
    connect: &ConnectArgs,
) -> Result<Option<Description>, Failure> {
    let client = ReflectionClient::new(channel.clone());
    match client.describe().timeout(connect.patience()).await {
        Ok(description) => Ok(Some(description)),
        // A Go server says it in words; others may refuse the name for whatever reason of theirs.
        Err(status) => match status.code() {
            Code::Unavailable | Code::DeadlineExceeded => Err(status.into()),
            _ => Ok(None),
        },
    }
}
