//! Any bytes to a JSON-RPC server: no panic, answers are JSON, and what it means does not depend on
//! how it was cut.
#![no_main]

use bytes::{Buf, Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use polywire_core::{Body, Code, Response, Status};
use polywire_wire::jsonrpc::{self, JsonrpcServer, Version};
use polywire_wire::{CallReader, Limits, Outgoing, ServerEvent, ServerWire};

fuzz_target!(|input: &[u8]| {
    let Some((step, stream)) = input.split_first() else { return };
    let answer = converse(stream, usize::from(*step).max(1));
    assert_eq!(answer, converse(stream, usize::MAX), "cut into pieces of {step}");
    // Not by line: an argument that comes back may be written over several.
    let answers =
        serde_json::Deserializer::from_slice(&answer).into_iter::<serde::de::IgnoredAny>();
    for answer in answers {
        answer.expect("answers are JSON");
    }
    for version in [Version::V1, Version::V2] {
        let (_, mut reader) = jsonrpc::client(version, &Limits::default());
        let mut src = BytesMut::from(stream);
        while let Ok(Some(_)) = reader.read(&mut src) {}
    }
});

/// Answers every call with its own argument, or an error.
fn converse(stream: &[u8], step: usize) -> Bytes {
    let mut server = JsonrpcServer::new(&Limits::default().batch_calls(8).json_depth(64));
    let (mut src, mut out) = (BytesMut::new(), Outgoing::default());
    'stream: for piece in stream.chunks(step) {
        src.extend_from_slice(piece);
        loop {
            match server.read(&mut src) {
                Ok(Some(ServerEvent::Call { ticket, request, .. })) => {
                    let reply = match request.body {
                        Body::Unary(payload) => Ok(Response::unary(payload)),
                        _ => Err(Status::new(Code::Internal, "no argument")),
                    };
                    server.write(ticket, reply, &mut out);
                }
                Ok(Some(ServerEvent::Reject { ticket, status })) => {
                    server.write(ticket, Err(status), &mut out);
                }
                Ok(Some(_)) => unreachable!("JSON-RPC has no cancel"),
                Ok(None) => break,
                Err(_) => break 'stream,
            }
        }
    }
    let _ended = server.finish(&mut src);
    out.copy_to_bytes(out.remaining())
}
