//! Arguments and replies of the runner's methods, whose types are known by name only.

use std::error::Error;

use polywire::core::{Encoding, Payload};
use polywire::{Code, Message, Status};
use polywire_conformance::proto::{
    BidiStreamRequest, BidiStreamResponse, ClientStreamRequest, ClientStreamResponse,
    ConformancePayload, IdempotentUnaryRequest, IdempotentUnaryResponse, ServerStreamRequest,
    ServerStreamResponse, UnaryRequest, UnaryResponse, UnimplementedRequest, UnimplementedResponse,
};
use prost_types::Any;

/// The argument that is packed in an `Any`.
///
/// # Errors
/// When it is of no type that is known.
pub fn argument(any: &Any, to: Encoding) -> Result<Payload, Box<dyn Error>> {
    let name = any.type_url.rsplit('.').next().unwrap_or_default();
    match name {
        "UnaryRequest" => converted::<UnaryRequest>(any, to),
        "IdempotentUnaryRequest" => converted::<IdempotentUnaryRequest>(any, to),
        "ServerStreamRequest" => converted::<ServerStreamRequest>(any, to),
        "ClientStreamRequest" => converted::<ClientStreamRequest>(any, to),
        "BidiStreamRequest" => converted::<BidiStreamRequest>(any, to),
        "UnimplementedRequest" => converted::<UnimplementedRequest>(any, to),
        _ => Err(format!("no method takes a {name}").into()),
    }
}

fn converted<M: Message + prost::Message + Default>(
    any: &Any,
    to: Encoding,
) -> Result<Payload, Box<dyn Error>> {
    let message = <M as prost::Message>::decode(any.value.as_slice())?;
    Ok(<M as Message>::encode(&message, to)?)
}

/// What a reply of a method holds.
///
/// # Errors
/// When it is no reply of this method, as a client says it.
pub fn reply(method: &str, payload: &Payload) -> Result<ConformancePayload, Status> {
    let found = match method {
        "Unary" => read::<UnaryResponse>(payload)?.payload,
        "IdempotentUnary" => read::<IdempotentUnaryResponse>(payload)?.payload,
        "ServerStream" => read::<ServerStreamResponse>(payload)?.payload,
        "ClientStream" => read::<ClientStreamResponse>(payload)?.payload,
        "BidiStream" => read::<BidiStreamResponse>(payload)?.payload,
        _ => read::<UnimplementedResponse>(payload).map(|_nothing| None)?,
    };
    Ok(found.unwrap_or_default())
}

fn read<M: Message>(payload: &Payload) -> Result<M, Status> {
    M::decode(payload).map_err(|error| Status::new(Code::Internal, error.to_string()))
}
