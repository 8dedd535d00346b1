//! Any bytes to a net/rpc server: no panic, no endless events, and every reply can be read.
#![no_main]

use bytes::{Buf, BytesMut};
use libfuzzer_sys::fuzz_target;
use polywire_core::{Body, Code, Response, Status};
use polywire_wire::netrpc::{self, NetrpcServer};
use polywire_wire::{CallReader, Limits, Outgoing, ServerEvent, ServerWire};

fuzz_target!(|input: &[u8]| {
    let Some((step, stream)) = input.split_first() else { return };
    let limits = Limits::default().message_bytes(1 << 16);
    let mut server = NetrpcServer::new(&limits);
    let (mut src, mut out) = (BytesMut::new(), Outgoing::default());
    let mut answers = 0;
    let mut answer = |server: &mut NetrpcServer, event| match event {
        ServerEvent::Call { ticket, request, .. } => {
            let reply = match request.body {
                Body::Unary(payload) if payload.bytes.len() % 2 == 0 => {
                    Err(Status::new(Code::NotFound, request.method.as_str()))
                }
                _ => Ok(Response::default()),
            };
            server.write(ticket, reply, &mut out);
            answers += 1;
        }
        ServerEvent::Reject { ticket, status } => {
            server.write(ticket, Err(status), &mut out);
            answers += 1;
        }
        _ => {}
    };
    let mut alive = true;
    'stream: for piece in stream.chunks(usize::from(*step).max(1)) {
        src.extend_from_slice(piece);
        loop {
            match server.read(&mut src) {
                Ok(Some(event)) => answer(&mut server, event),
                Ok(None) => break,
                Err(_) => {
                    alive = false;
                    break 'stream;
                }
            }
        }
    }
    // Each event takes at least a byte, or is the last one.
    for _ in 0..=stream.len() {
        if !alive {
            break;
        }
        match server.finish(&mut src) {
            Ok(Some(event)) => answer(&mut server, event),
            _ => alive = false,
        }
    }
    assert!(!alive, "the stream never ends");
    assert!(answers <= stream.len());
    let (_, mut reader) = netrpc::client(&Limits::default());
    let mut back = BytesMut::from(&out.copy_to_bytes(out.remaining())[..]);
    for _ in 0..answers {
        let reply = reader.read(&mut back).expect("the server writes what a client can read");
        assert!(reply.is_some(), "an answer is missing");
    }
    assert!(reader.finish(&mut back).is_ok(), "half an answer");
});
