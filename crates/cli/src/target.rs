//! Who is called: a service of the registry, or a URL.

use std::sync::Arc;

use polywire::core::Encoding;
use polywire::reflection::{Description, ReflectionClient};
use polywire::{Channel, ClientError, Code, ConnectError, Registry, Service as _};

use crate::args::ConnectArgs;
use crate::failure::{Failure, chain};
use crate::grpc::{self, Reflection};
use crate::suggest;

/// Opens the registry that the command line or the environment names.
pub(crate) fn registry(url: Option<&str>) -> Result<Arc<dyn Registry>, Failure> {
    Ok(match url {
        Some(url) => polywire::registry::from_url(url)?,
        None => polywire::registry::from_env()?,
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
        let channel = channel(target, registry_url).await?;
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
pub(crate) async fn channel(target: &str, registry_url: Option<&str>) -> Result<Channel, Failure> {
    if target.contains("://") {
        return Channel::connect(target).await.map_err(|error| match error {
            ClientError::Address { .. } => Failure::Usage(chain(&error)),
            error => Failure::Call(ConnectError::from(error).into()),
        });
    }
    let registry = registry(registry_url)?;
    let known = registry.services().await?;
    if !known.iter().any(|service| service == target) {
        let known = known.iter().map(String::as_str);
        return Err(Failure::NoInstance(suggest::unknown("service", target, target, known)));
    }
    Ok(Channel::discover(registry, target))
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
