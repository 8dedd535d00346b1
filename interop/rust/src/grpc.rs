//! gRPC's own test service, written as code: its messages have the names and tags of
//! `grpc/testing/messages.proto`, its methods the names of `grpc/testing/test.proto`.

mod messages;
mod tester;

use polywire::service;

pub use self::messages::{
    BoolValue, EchoStatus, Empty, Payload, PayloadType, ResponseParameters, SimpleRequest,
    SimpleResponse, StreamingInputCallRequest, StreamingInputCallResponse,
    StreamingOutputCallRequest, StreamingOutputCallResponse,
};
pub use self::tester::{TestService, TestServiceClient, TestServiceServer};

/// What the test service is known not to have.
#[service(name = "TestService", package = "grpc.testing")]
pub trait MissingMethod {
    /// A method that no server has.
    async fn unimplemented_call(&self, empty: Empty) -> Empty;
}

/// A service that no server has.
#[service(package = "grpc.testing")]
pub trait UnimplementedService {
    /// Never answered.
    async fn unimplemented_call(&self, empty: Empty) -> Empty;
}

/// The metadata of a call that comes back ahead of the reply.
pub const ECHO_INITIAL: &str = "x-grpc-test-echo-initial";

/// The metadata of a call that comes back behind the reply. It is binary: base64 here as on the
/// wire.
pub const ECHO_TRAILING: &str = "x-grpc-test-echo-trailing-bin";
