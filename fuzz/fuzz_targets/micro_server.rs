//! Any bytes to a server of go-micro's wire: no panic, and what it means does not depend on how it was
//! cut.
#![no_main]

use bytes::{Buf, Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use polywire_core::{Body, CallKind, Code, Metadata, Response, Status};
use polywire_wire::micro::{KindOf, MicroError, MicroServer};
use polywire_wire::{Limits, Outgoing, ReplyFrame, ServerEvent, ServerWire};

fuzz_target!(|input: &[u8]| {
    let Some((step, stream)) = input.split_first() else { return };
    let answer = converse(stream, usize::from(*step).max(1));
    assert_eq!(answer, converse(stream, usize::MAX), "cut into pieces of {step}");
    let text = String::from_utf8_lossy(stream);
    let error = MicroError::parse(&text);
    assert_eq!(MicroError::parse(&error.to_header()), error);
});

/// Answers every call with its own argument, or an error, and every stream at once.
fn converse(stream: &[u8], step: usize) -> Bytes {
    let kind_of: KindOf = Box::new(|method| match method.method() {
        "Count" => Some(CallKind::ServerStreaming),
        "Chat" => Some(CallKind::BidiStreaming),
        _ => Some(CallKind::Unary),
    });
    let mut server = MicroServer::new(&Limits::default().message_bytes(4096), kind_of);
    let (mut src, mut out) = (BytesMut::new(), Outgoing::default());
    'stream: for piece in stream.chunks(step) {
        src.extend_from_slice(piece);
        loop {
            match server.read(&mut src) {
                Ok(Some(ServerEvent::Call { ticket, request, .. })) => {
                    server.write(ticket, echo(request.body), &mut out);
                }
                Ok(Some(ServerEvent::Open { ticket, request, arguments: None, .. })) => {
                    server.write(ticket, echo(request.body), &mut out);
                }
                Ok(Some(ServerEvent::Message { key, value })) => {
                    let frame = match &value {
                        Ok(payload) => ReplyFrame::Message(payload),
                        Err(status) => ReplyFrame::Failed(status),
                    };
                    server.frame(key, frame, &mut out).expect("it is in the call's encoding");
                    let _full = server.frame(key, ReplyFrame::Window(1 << 20), &mut out);
                }
                Ok(Some(ServerEvent::End { key })) => {
                    let end = ReplyFrame::End(&Metadata::new());
                    server.frame(key, end, &mut out).expect("an end has no encoding");
                }
                Ok(Some(ServerEvent::Reject { ticket, status })) => {
                    server.write(ticket, Err(status), &mut out);
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => break 'stream,
            }
        }
    }
    while let Ok(Some(_)) = server.finish(&mut src) {}
    out.copy_to_bytes(out.remaining())
}

fn echo(body: Body) -> Result<Response, Status> {
    match body {
        Body::Unary(payload) => Ok(Response::unary(payload)),
        _ => Err(Status::new(Code::Internal, "no argument")),
    }
}
