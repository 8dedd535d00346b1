//! Nodes of go-micro's in a registry: what is spoken with each is what it says.

use std::sync::Arc;

use polywire_client::{Call, Channel, ChannelOptions, MicroError};
use polywire_core::{Code, Instance, Lease, MethodDescriptor, Registry as _, Service as _, Status};
use polywire_registry::MemoryRegistry;
use polywire_schema::Schema as _;
use tokio::sync::mpsc;

use crate::h1::answering;
use crate::peer::*;

static SAY: MethodDescriptor =
    MethodDescriptor::new("Say", "Echo.Say", || i64::TYPE, || i64::TYPE).with_package("test.v1");

const MUCP: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\n\
                      \"7\"\n";
const ENVELOPED: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json-rpc\r\n\
                           Content-Length: 36\r\n\r\n{\"id\":\"0\",\"result\":\"7\",\"error\":null}";

/// A peer that speaks gRPC, and passes on what the heads of calls say.
async fn grpc(status: &'static [(&'static str, &'static str)]) -> (Peer, mpsc::Receiver<String>) {
    let (seen, heads) = mpsc::channel(64);
    let peer = Peer::answering(move |call: Incoming, respond| {
        let seen = seen.clone();
        async move {
            let (head, body) = read(call).await;
            let of = |name| head.headers.get(name).map_or("-", |value| value.to_str().unwrap());
            let said = format!(
                "{} {} {} {}",
                head.uri.path(),
                of("content-type"),
                of("x-content-type"),
                of("timeout")
            );
            seen.send(said).await.unwrap();
            let fails = !status.is_empty();
            let body = if fails { bytes::Bytes::new() } else { body };
            reply(respond, &[], body, if fails { status } else { &[("grpc-status", "0")] });
        }
    })
    .await;
    (peer, heads)
}

/// A channel to instances, and what keeps them registered.
async fn discovered(instances: &[Instance]) -> (Channel, Vec<Box<dyn Lease>>) {
    let registry = Arc::new(MemoryRegistry::new());
    let mut leases = Vec::new();
    for instance in instances {
        leases.push(registry.register(instance.clone()).await.unwrap());
    }
    let options = ChannelOptions::default().retries(0);
    (Channel::discover_with(registry, "greeter", options), leases)
}

async fn say(channel: &Channel, number: i64) -> Result<i64, Status> {
    Call::new(channel, &SAY, number).await
}

#[tokio::test]
async fn nodes_that_speak_otherwise_are_mixed_and_each_gets_what_it_takes() {
    let (bare, mut bares) = answering(MUCP).await;
    let (enveloped, mut envelopes) = answering(ENVELOPED).await;
    let (frames, mut framed) = grpc(&[]).await;
    let (channel, _leases) = discovered(&[
        bare.instance("a", "mucp"),
        enveloped.instance("b", ""),
        frames.instance("c", "grpc"),
        bare.instance("d", "thrift"),
    ])
    .await;
    // The first one is made before the registry has said anything.
    let mut seen = [false; 3];
    while seen != [true; 3] {
        assert_eq!(say(&channel, 7).await.unwrap(), 7);
        if let Ok(request) = bares.try_recv() {
            seen[0] = true;
            assert!(request.contains("\r\ncontent-type: application/json\r\n"), "{request}");
            assert!(request.contains("\r\nmicro-service: greeter\r\n"), "{request}");
            assert!(request.ends_with("\r\n\r\n\"7\""), "{request}");
        }
        if let Ok(request) = envelopes.try_recv() {
            seen[1] = true;
            assert!(request.contains("\r\ncontent-type: application/json-rpc\r\n"), "{request}");
            assert!(request.contains("\r\n\r\n{\"params\":[\"7\"],\"id\":\""), "{request}");
            assert!(request.ends_with("\",\"method\":\"Echo.Say\"}\n"), "{request}");
        }
        if let Ok(head) = framed.try_recv() {
            seen[2] = true;
            let content = "application/grpc+proto application/grpc+proto";
            assert_eq!(head, format!("/greeter.Echo/Say {content} -"));
        }
    }
    assert!(channel.is_mixed());
}

#[tokio::test]
async fn nodes_of_one_kind_need_no_argument_kept() {
    let (bare, _requests) = answering(MUCP).await;
    let (channel, _leases) = discovered(&[bare.instance("a", "mucp")]).await;
    assert!(channel.is_mixed(), "nothing is known yet");
    assert_eq!(say(&channel, 7).await.unwrap(), 7);
    assert!(!channel.is_mixed());
    assert_eq!(channel.encoding(), polywire_core::Encoding::ProtoJson);
}

#[tokio::test]
async fn instances_that_speak_nothing_known_are_no_instances() {
    let (bare, _requests) = answering(MUCP).await;
    let (channel, _leases) = discovered(&[bare.instance("a", "thrift")]).await;
    let status = say(&channel, 7).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("no instance of service `greeter`"), "{status}");
    assert_eq!(bare.connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn over_grpc_the_time_that_remains_is_sent_in_both_ways() {
    let (frames, mut framed) = grpc(&[]).await;
    let (channel, _leases) = discovered(&[frames.instance("a", "grpc")]).await;
    let call = Call::new(&channel, &SAY, 7_i64).timeout(std::time::Duration::from_secs(3));
    let reply: i64 = call.await.unwrap();
    assert_eq!(reply, 7);
    assert!(framed.recv().await.unwrap().ends_with(" 3000000000"));
}

#[tokio::test]
async fn the_error_is_the_first_detail_or_the_message_or_what_grpc_says() {
    let of_go = MicroError::new("my.id", 404, "no err");
    for (status, code, error) in [
        (
            &[
                ("grpc-status", "5"),
                ("grpc-message", "{\"id\":\"other\",\"code\":500}"),
                // As grpc-go sends it for go-micro v6: the detail is `errors.Error`.
                (
                    "grpc-status-details-bin",
                    "CAUaQQogdHlwZS5nb29nbGVhcGlzLmNvbS9lcnJvcnMuRXJyb3ISHQoFbXkuaWQQlAMaBm5vIGVyciIJ\
                     Tm90IEZvdW5k",
                ),
            ][..],
            Code::NotFound,
            of_go.clone(),
        ),
        (
            &[
                ("grpc-status", "2"),
                (
                    "grpc-message",
                    "{\"id\":\"my.id\",\"code\":404,\"detail\":\"no err\",\"status\":\"Not Found\"}",
                ),
            ],
            Code::NotFound,
            of_go,
        ),
        (
            &[("grpc-status", "12"), ("grpc-message", "unknown service Nope")],
            Code::Unimplemented,
            MicroError::new("go.micro.client", 501, "unknown service Nope"),
        ),
    ] {
        let (frames, _heads) = grpc(status).await;
        let (channel, _leases) = discovered(&[frames.instance("a", "grpc")]).await;
        let status = say(&channel, 7).await.unwrap_err();
        assert_eq!(status.code(), code);
        assert_eq!(status.cause(), Some(&error));
        assert_eq!(status.message(), error.detail);
    }
}
