use futures_util::{StreamExt as _, stream};
use polywire_core::{CallKind, Encoding, PayloadStream};
use polywire_wire::ReplyFrame;

use super::*;

/// A call that takes a stream for an answer, of one argument or of those to come.
fn streaming(argument: Option<i64>) -> Request {
    let mut request = request(argument.unwrap_or_default());
    request.hints.kind = CallKind::ServerStreaming;
    if argument.is_none() {
        request.hints.kind = CallKind::BidiStreaming;
        let numbers = stream::iter((0..).map(payload).map(Ok));
        request.body = Body::Stream(PayloadStream::new(Encoding::Gob, numbers));
    }
    request
}

fn payload(value: i64) -> Payload {
    polywire_codec::encode(&value, Encoding::Gob).unwrap()
}

impl Peer {
    async fn opened(&mut self) -> u64 {
        match &self.batch().await[..] {
            [Got::Opened(key)] => *key,
            _ => panic!("no stream"),
        }
    }

    fn tell(&mut self, key: u64, frame: ReplyFrame<'_>) {
        self.wire.frame(key, frame, &mut self.out).unwrap();
    }

    fn head(&mut self, key: u64) {
        self.tell(key, ReplyFrame::Head(&Metadata::new(), Encoding::Gob));
    }
}

fn values(response: Response) -> PayloadStream {
    let Body::Stream(values) = response.body else { panic!("no stream") };
    values
}

#[tokio::test]
async fn a_peer_that_sends_more_than_it_may_loses_its_stream() {
    let (connection, mut peer) = connect(ConnectionLimits::default().stream_window(1000));
    let request = streaming(Some(1));
    let server = async {
        let key = peer.opened().await;
        peer.head(key);
        for n in 0..100 {
            peer.tell(key, ReplyFrame::Message(&payload(n)));
        }
        peer.flush().await;
        assert!(matches!(*peer.batch().await, [Got::Cancel]));
    };
    let (reply, ()) = tokio::join!(connection.call(&request), server);
    let items: Vec<_> = values(reply.unwrap()).collect().await;
    let (last, before) = items.split_last().unwrap();
    assert!(before.iter().all(Result::is_ok) && before.len() < 30);
    let status = last.as_ref().unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("stream_window"), "{status}");
}

/// What Go's server says of a method it does not have, for call 0.
const CANNOT_FIND: &[u8] = b"\x3a\xff\x87\x03\x01\x01\x08Response\x01\xff\x88\x00\x01\x03\
    \x01\x0dServiceMethod\x01\x0c\x00\x01\x03Seq\x01\x06\x00\x01\x05Error\x01\x0c\x00\x00\x00\
    \x29\xff\x88\x01\x09Test.Echo\x02\x19rpc: can't find Test.Echo\x00\
    \x0a\xff\x89\x03\x01\x02\xff\x8a\x00\x00\x00\x03\xff\x8a\x00";

#[tokio::test]
async fn a_go_server_is_said_to_have_no_streams() {
    for argument in [Some(1), None] {
        let (connection, mut peer) = connect(ConnectionLimits::default());
        let request = streaming(argument);
        let server = async {
            peer.opened().await;
            peer.io.write_all(CANNOT_FIND).await.unwrap();
        };
        let (reply, ()) = tokio::join!(connection.call(&request), server);
        let status = reply.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented);
        let text = "the peer speaks plain net/rpc, which has no streams; \
                    it answered: rpc: can't find Test.Echo";
        assert_eq!(status.message(), text);
        let status = connection.call(&streaming(argument)).await.unwrap_err();
        assert_eq!((status.code(), status.origin()), (Code::Unimplemented, Origin::NotSent));
    }
}

#[tokio::test]
async fn no_argument_leaves_before_the_peer_has_shown_that_it_reads_them() {
    let (connection, mut peer) = connect(ConnectionLimits::default());
    let request = streaming(None);
    let mut call = Box::pin(connection.call(&request));
    assert!(futures_util::poll!(&mut call).is_pending());
    let key = peer.opened().await;
    let mut more = Box::pin(peer.batch());
    yields(10).await;
    assert!(futures_util::poll!(&mut more).is_pending());
    drop(more);
    peer.tell(key, ReplyFrame::Window(100));
    peer.flush().await;
    // Each takes 36 bytes.
    assert_eq!(peer.batch().await.len(), 3);
}

#[tokio::test]
async fn a_stream_given_up_before_the_peer_was_known_is_withdrawn_as_soon_as_it_is() {
    let (connection, mut peer) = connect(ConnectionLimits::default());
    let request = streaming(Some(1));
    let mut call = Box::pin(connection.call(&request));
    assert!(futures_util::poll!(&mut call).is_pending());
    let key = peer.opened().await;
    drop(call);
    peer.head(key);
    peer.flush().await;
    assert!(matches!(*peer.batch().await, [Got::Cancel]));
}

#[tokio::test]
async fn a_reader_that_went_away_withdraws_the_call_and_its_id_is_not_used_again() {
    let (connection, mut peer) = connect(ConnectionLimits::default());
    let request = streaming(Some(1));
    let server = async {
        let key = peer.opened().await;
        peer.head(key);
        peer.flush().await;
        key
    };
    let (reply, key) = tokio::join!(connection.call(&request), server);
    drop(values(reply.unwrap()));
    assert!(matches!(*peer.batch().await, [Got::Cancel]));
    let again = streaming(Some(1));
    let mut call = Box::pin(connection.call(&again));
    assert!(futures_util::poll!(&mut call).is_pending());
    let next = peer.opened().await;
    assert_ne!(key, next);
    // Late, and nobody's.
    peer.tell(key, ReplyFrame::Message(&payload(1)));
    peer.tell(key, ReplyFrame::End(&Metadata::new()));
    peer.head(next);
    peer.tell(next, ReplyFrame::End(&Metadata::new()));
    peer.flush().await;
    assert!(values(call.await.unwrap()).next().await.is_none());
}

#[tokio::test]
async fn a_stream_that_begins_twice_is_an_error() {
    let (connection, mut peer) = connect(ConnectionLimits::default());
    let request = streaming(Some(1));
    let server = async {
        let key = peer.opened().await;
        // Before the beginning there is nothing.
        peer.tell(key, ReplyFrame::Message(&payload(1)));
        peer.head(key);
        peer.head(key);
        peer.flush().await;
    };
    let (reply, ()) = tokio::join!(connection.call(&request), server);
    let items: Vec<_> = values(reply.unwrap()).collect().await;
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].as_ref().unwrap_err().code(), Code::Internal);
    assert!(matches!(*peer.batch().await, [Got::Cancel]));
}

#[tokio::test]
async fn arguments_that_fail_end_the_call_and_the_peer_is_told() {
    let (connection, mut peer) = connect(ConnectionLimits::default());
    let mut request = streaming(None);
    let failure = Status::new(Code::DataLoss, "no more");
    let numbers = stream::iter([Ok(payload(1)), Err(failure)]);
    request.body = Body::Stream(PayloadStream::new(Encoding::Gob, numbers));
    let server = async {
        let key = peer.opened().await;
        peer.tell(key, ReplyFrame::Window(100_000));
        peer.flush().await;
        assert!(matches!(*peer.batch().await, [Got::Argument, Got::Cancel]));
    };
    let (reply, ()) = tokio::join!(connection.call(&request), server);
    assert_eq!(reply.unwrap_err().message(), "no more");
}
