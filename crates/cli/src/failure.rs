//! What went wrong, and the exit code that says so.

use std::error::Error;
use std::io;

use polywire::{BrokerError, ClientError, Origin, RegistryError, Status};

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line, or an argument on it, makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The registry, the broker, a file or a port cannot be reached.
    #[error("{0}")]
    Environment(String),
    /// Nobody runs the service.
    #[error("{0}")]
    NoInstance(String),
    /// Something was looked at and is not well.
    #[error("{0}")]
    Unhealthy(String),
    /// The call was made and failed.
    #[error("{}", explain(.0))]
    Call(#[from] Status),
}

impl Failure {
    /// 1 usage, 2 environment, 3 no instance, 4 a problem found, 8 times the status code.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 1,
            Self::Environment(_) => 2,
            Self::NoInstance(_) => 3,
            Self::Unhealthy(_) => 4,
            Self::Call(status) => match status.cause::<ClientError>() {
                Some(ClientError::NoInstance { .. }) => 3,
                _ => status.code().number().saturating_mul(8),
            },
        }
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        Self::Environment(chain(&error))
    }
}

impl From<BrokerError> for Failure {
    fn from(error: BrokerError) -> Self {
        Self::Environment(chain(&error))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Environment(chain(&error))
    }
}

fn explain(status: &Status) -> String {
    let whose = match status.origin() {
        Origin::NotSent => " (not sent)",
        Origin::Lost => " (it may have been carried out)",
        _ => "",
    };
    format!("{}{whose}", chain(status))
}

/// An error and its causes; a cause that says nothing new is left out.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}
