//! gRPC's interop cases, by the names its descriptions give them.

mod caller;
mod compression;
pub(super) mod streams;
mod unary;

use std::sync::Arc;

use polywire::BoxService;

pub(super) use self::caller::Caller;
pub(super) use self::unary::large_request;
use super::{Case, Outcome, Running, Transport};

/// Every case over plain text and over TLS.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for transport in [Transport::Grpc, Transport::GrpcTls] {
        cases.extend(all().into_iter().map(|(name, run)| {
            let run: Arc<Run> = run.into();
            Case::new(&format!("{transport}/{name}"), move |peer| {
                let run = Arc::clone(&run);
                async move {
                    let connect = move || Ok(BoxService::new(peer.channel(transport)?));
                    run(Caller::new(connect)?).await
                }
            })
        }));
    }
    cases
}

/// What a case does.
pub(super) type Run = dyn Fn(Caller) -> Running + Send + Sync;

/// The cases, by name.
pub(super) fn all() -> Vec<(&'static str, Box<Run>)> {
    vec![
        ("empty_unary", case(unary::empty_unary)),
        ("large_unary", case(unary::large_unary)),
        ("client_compressed_unary", case(compression::client_compressed_unary)),
        ("server_compressed_unary", case(compression::server_compressed_unary)),
        ("client_streaming", case(streams::client_streaming)),
        ("client_compressed_streaming", case(compression::client_compressed_streaming)),
        ("server_streaming", case(streams::server_streaming)),
        ("server_compressed_streaming", case(compression::server_compressed_streaming)),
        ("ping_pong", case(streams::ping_pong)),
        ("empty_stream", case(streams::empty_stream)),
        ("custom_metadata", case(streams::custom_metadata)),
        ("status_code_and_message", case(streams::status_code_and_message)),
        ("special_status_message", case(unary::special_status_message)),
        ("unimplemented_method", case(unary::unimplemented_method)),
        ("unimplemented_service", case(unary::unimplemented_service)),
        ("cancel_after_begin", case(streams::cancel_after_begin)),
        ("cancel_after_first_response", case(streams::cancel_after_first_response)),
        ("timeout_on_sleeping_server", case(streams::timeout_on_sleeping_server)),
        ("concurrent_large_unary", case(unary::concurrent_large_unary)),
        ("rpc_soak", case(unary::rpc_soak)),
        ("channel_soak", case(unary::channel_soak)),
    ]
}

pub(super) fn case<F: Future<Output = Outcome> + Send + 'static>(run: fn(Caller) -> F) -> Box<Run> {
    Box::new(move |caller| Box::pin(run(caller)))
}

#[cfg(test)]
mod tests {
    use polywire::Router;

    use super::*;
    use crate::grpc::{TestService, TestServiceServer};

    /// What takes a wire: no message is compressed within a process, and nobody watches the clock.
    const NEEDS_A_WIRE: [&str; 5] = [
        "client_compressed_unary",
        "server_compressed_unary",
        "client_compressed_streaming",
        "server_compressed_streaming",
        "timeout_on_sleeping_server",
    ];

    #[tokio::test]
    async fn client_and_service_agree_without_a_wire_between_them() {
        let router = Router::new().add(TestServiceServer::new(TestService)).unwrap();
        let router = Arc::new(router);
        for (name, run) in all().into_iter().filter(|(name, _)| !NEEDS_A_WIRE.contains(name)) {
            let router = Arc::clone(&router);
            let connect = move || Ok(BoxService::new(Arc::clone(&router)));
            let outcome = run(Caller::new(connect).unwrap()).await;
            assert!(outcome.is_ok(), "{name}: {outcome:?}");
        }
    }
}
