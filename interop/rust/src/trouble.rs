//! What goes wrong.

use std::time::Duration;

use polywire::service;
use tokio::time::sleep;

use crate::grpc::Empty;

/// What goes wrong.
#[derive(Debug, Default)]
pub struct Trouble;

#[service]
impl Trouble {
    /// Panics.
    ///
    /// # Panics
    /// Always.
    #[expect(clippy::panic, reason = "so that callers see what becomes of it")]
    pub async fn explode(&self, _empty: Empty) -> Empty {
        panic!("it has exploded")
    }

    /// Takes longer than any caller waits.
    pub async fn wait(&self, empty: Empty) -> Empty {
        sleep(Duration::from_secs(10)).await;
        empty
    }
}
