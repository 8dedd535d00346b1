//! `grpc.health.v1.Health`, which load balancers and orchestrators ask.
//!
//! Every [`App`](crate::App) answers it for each of its services, on every wire, until
//! [`App::without_health`](crate::App::without_health) switches it off. From the moment the app is
//! told to end, its lame-duck time included, the answer is [`ServingStatus::NotServing`].

use std::collections::HashSet;

use futures_util::stream;
use polywire_core::{Code, Status};
use polywire_macros::Schema;
use polywire_server::BoxStream;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// The name the built-in service is registered under.
pub const SERVICE: &str = "grpc.health.v1.Health";

/// Whose health is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
pub struct HealthCheckRequest {
    /// The full name of a service; empty for the whole server.
    pub service: String,
}

/// Whether a service takes calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
pub struct HealthCheckResponse {
    /// The answer.
    pub status: ServingStatus,
}

/// Whether a service takes calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
pub enum ServingStatus {
    /// Nobody knows.
    #[schema(proto = "UNKNOWN")]
    Unknown,
    /// It does.
    #[schema(proto = "SERVING")]
    Serving,
    /// It does not, or is about to stop.
    #[schema(proto = "NOT_SERVING")]
    NotServing,
    /// There is no such service; only `Watch` says so.
    #[schema(proto = "SERVICE_UNKNOWN")]
    ServiceUnknown,
}

/// Tells whether a server and its services take calls.
#[polywire_macros::service(name = "grpc.health.v1.Health", crate = "crate")]
pub trait Health {
    /// Answers once; `NOT_FOUND` for services the server does not have.
    async fn check(&self, request: HealthCheckRequest) -> Result<HealthCheckResponse, Status>;

    /// Answers at once and whenever the answer changes, until the server drains.
    async fn watch(
        &self,
        request: HealthCheckRequest,
    ) -> Result<BoxStream<HealthCheckResponse>, Status>;
}

/// Answers for the services of one app: all of them take calls, or none.
pub(crate) struct AppHealth {
    services: HashSet<String>,
    /// Whether calls are welcome; nobody says so any longer once the app drains.
    welcome: watch::Receiver<bool>,
}

impl AppHealth {
    pub(crate) fn new(
        services: impl IntoIterator<Item = String>,
        welcome: watch::Receiver<bool>,
    ) -> Self {
        Self { services: services.into_iter().collect(), welcome }
    }

    fn knows(&self, service: &str) -> bool {
        service.is_empty() || self.services.contains(service)
    }
}

impl Health for AppHealth {
    async fn check(&self, request: HealthCheckRequest) -> Result<HealthCheckResponse, Status> {
        if !self.knows(&request.service) {
            return Err(Status::new(Code::NotFound, "unknown service"));
        }
        Ok(response(*self.welcome.borrow()))
    }

    async fn watch(
        &self,
        request: HealthCheckRequest,
    ) -> Result<BoxStream<HealthCheckResponse>, Status> {
        let known = self.knows(&request.service);
        let mut welcome = self.welcome.clone();
        welcome.mark_changed();
        Ok(Box::pin(stream::unfold((welcome, known), async |(mut welcome, known)| {
            welcome.changed().await.ok()?;
            let answer = match *welcome.borrow_and_update() {
                now if known => response(now),
                _ => HealthCheckResponse { status: ServingStatus::ServiceUnknown },
            };
            Some((Ok(answer), (welcome, known)))
        })))
    }
}

fn response(welcome: bool) -> HealthCheckResponse {
    let status = if welcome { ServingStatus::Serving } else { ServingStatus::NotServing };
    HealthCheckResponse { status }
}
