//! What generated clients do when they connect.

use polywire_client::{Channel, ClientError};
use polywire_core::{RegistryError, Status};

/// Why a client was not connected.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is malformed, or nobody answers there.
    #[error(transparent)]
    Peer(#[from] ClientError),
    /// The registry that the environment names cannot be opened.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl From<ConnectError> for Status {
    /// So that a handler that connects to its neighbours can use `?`.
    fn from(error: ConnectError) -> Self {
        Self::new(polywire_core::Code::Unavailable, error.to_string())
            .with_origin(polywire_core::Origin::NotSent)
            .with_source(error)
    }
}

/// Connects to the peer at a URL.
pub(crate) async fn connect(url: &str) -> Result<Channel, ConnectError> {
    Ok(Channel::connect(url).await?)
}

/// Follows a service in the registry that `POLYWIRE_REGISTRY` names.
#[expect(clippy::unused_async, reason = "remote registries will be connected to here")]
pub(crate) async fn discover(service: &str) -> Result<Channel, ConnectError> {
    Ok(Channel::discover(polywire_registry::from_env()?, service))
}
