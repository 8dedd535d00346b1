//! Frames of HTTP/2 that no client means well with: the peer is sent away, the others are served.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::service::{Peer, message, post};

const ENHANCE_YOUR_CALM: u32 = 11;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[a, b, c, kind, flags], &stream.to_be_bytes()[..], payload].concat()
}

/// A head for the method of that name, without compression.
fn head(method: &str) -> Vec<u8> {
    let literal = |name: &str, value: &str| {
        let len = |text: &str| u8::try_from(text.len()).unwrap();
        [&[0, len(name)], name.as_bytes(), &[len(value)], value.as_bytes()].concat()
    };
    [
        literal(":method", "POST"),
        literal(":scheme", "http"),
        literal(":path", &format!("/test.v1.Numbers/{method}")),
        literal("content-type", "application/grpc"),
    ]
    .concat()
}

/// Sends the preface, then what the function makes, round by round, until the server says goodbye
/// or closes; the code of the goodbye.
async fn attack(peer: &Peer, mut round: impl FnMut(u32) -> Vec<u8>) -> Option<u32> {
    let stream = TcpStream::connect(peer.address.as_str()).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let flood = async move {
        let start = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(4, 0, 0, &[])].concat();
        write.write_all(&start).await?;
        for number in 0..1_000_000 {
            write.write_all(&round(number)).await?;
        }
        Ok::<_, std::io::Error>(())
    };
    let goodbye = async {
        loop {
            let mut head = [0; 9];
            if read.read_exact(&mut head).await.is_err() {
                return None;
            }
            let len = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; usize::try_from(len).unwrap()];
            read.read_exact(&mut payload).await.ok()?;
            if head[3] == 7 {
                let code = payload.get(4..8)?.try_into().ok()?;
                return Some(u32::from_be_bytes(code));
            }
        }
    };
    // Whoever is sent away may still be writing.
    tokio::select! {
        code = goodbye => code,
        Err(_closed) = flood => None,
    }
}

/// The attack ends in a goodbye with the code, and others are served meanwhile and afterwards.
async fn sent_away(round: impl FnMut(u32) -> Vec<u8>, codes: &[u32]) {
    let mut peer = Peer::connect().await;
    let code = attack(&peer, round).await;
    assert!(code.is_none_or(|code| codes.contains(&code)), "{code:?}");
    let answer = peer.send(post("Echo", "application/grpc", message(7))).await;
    assert_eq!(answer.trailer("grpc-status"), Some("0"));
}

async fn attacks_end_in(code: u32, round: impl FnMut(u32) -> Vec<u8>) {
    sent_away(round, &[code]).await;
}

#[tokio::test]
async fn floods_of_pings_settings_priorities_and_empty_data_are_cut_off() {
    attacks_end_in(ENHANCE_YOUR_CALM, |_| frame(6, 0, 0, &[0; 8])).await;
    attacks_end_in(ENHANCE_YOUR_CALM, |_| frame(4, 0, 0, &[])).await;
    attacks_end_in(ENHANCE_YOUR_CALM, |_| frame(2, 0, 1, &[0, 0, 0, 0, 1])).await;
    let empty = |number| {
        let open = if number == 0 { frame(1, 4, 1, &head("Hang")) } else { Vec::new() };
        [open, frame(0, 0, 1, &[])].concat()
    };
    attacks_end_in(ENHANCE_YOUR_CALM, empty).await;
}

#[tokio::test]
async fn streams_opened_and_reset_at_once_are_cut_off() {
    let reset = |number: u32| {
        let stream = number * 2 + 1;
        [frame(1, 4, stream, &head("Hang")), frame(3, 0, stream, &[0, 0, 0, 8])].concat()
    };
    attacks_end_in(ENHANCE_YOUR_CALM, reset).await;
}

/// What a client does whose callers give up together. All of it comes in one go, so that most calls are
/// reset before they are taken.
#[tokio::test]
async fn calls_that_are_cancelled_together_cost_nobody_the_connection() {
    let peer = Peer::connect().await;
    let mut stream = TcpStream::connect(peer.address.as_str()).await.unwrap();
    let begin = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(4, 0, 0, &[])].concat();
    stream.write_all(&begin).await.unwrap();
    let numbers = || (0..200).map(|number| number * 2 + 1);
    let opened = numbers().flat_map(|number| frame(1, 4, number, &head("Hang")));
    let reset = numbers().flat_map(|number| frame(3, 0, number, &[0, 0, 0, 8]));
    let all: Vec<u8> = opened.chain(reset).collect();
    stream.write_all(&all).await.unwrap();
    let call = [frame(1, 4, 401, &head("Echo")), frame(0, 1, 401, &message(7))].concat();
    stream.write_all(&call).await.unwrap();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        stream.read_exact(&mut vec![0; usize::try_from(len).unwrap()]).await.unwrap();
        assert_ne!(head[3], 7, "sent away");
        if head[3] == 1 && head[5..] == 401_u32.to_be_bytes() {
            break;
        }
    }
}

#[tokio::test]
async fn streams_that_the_server_has_to_reset_are_cut_off() {
    // Widening a window by nothing is an error of the stream.
    let reset = |number: u32| {
        let stream = number * 2 + 1;
        [frame(1, 4, stream, &head("Hang")), frame(8, 0, stream, &[0; 4])].concat()
    };
    sent_away(reset, &[ENHANCE_YOUR_CALM, 1]).await;
}

#[tokio::test]
async fn a_second_head_that_does_not_end_a_request_is_an_error_of_its_stream() {
    let peer = Peer::connect().await;
    let mut stream = TcpStream::connect(peer.address.as_str()).await.unwrap();
    let block = [&[0x82, 0x86][..], b"\0\x05:path\x05/none"].concat();
    let begin = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(4, 0, 0, &[])].concat();
    // The server has read the first head before the second one comes.
    let ping = frame(6, 0, 0, &[7; 8]);
    stream.write_all(&[begin, frame(1, 4, 1, &block), ping].concat()).await.unwrap();
    let mut reset = None;
    while reset.is_none() {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(len).unwrap()];
        stream.read_exact(&mut payload).await.unwrap();
        match head[3] {
            6 => stream.write_all(&frame(1, 4, 1, b"\0\x01a\x01b")).await.unwrap(),
            3 => reset = Some(payload),
            kind => assert_ne!(kind, 1, "answered before its end"),
        }
    }
    assert_eq!(reset.unwrap(), [0, 0, 0, 1]);
}

#[tokio::test]
async fn heads_without_end_are_cut_off() {
    for piece in [Vec::new(), vec![0; 1000]] {
        let round = move |number| {
            if number == 0 { frame(1, 0, 1, &head("Hang")) } else { frame(9, 0, 1, &piece) }
        };
        sent_away(round, &[ENHANCE_YOUR_CALM, 1, 9]).await;
    }
}

#[tokio::test]
async fn a_head_over_the_limit_is_refused_and_the_connection_lives() {
    let mut peer = Peer::connect().await;
    for size in [17_000, 80_000] {
        let mut request = post("Echo", "application/grpc", message(7));
        request.headers_mut().insert("long", "x".repeat(size).try_into().unwrap());
        let mut ready = peer.client.clone().ready().await.unwrap();
        let (head, _) = request.into_parts();
        let (response, _) = ready.send_request(http::Request::from_parts(head, ()), true).unwrap();
        match response.await {
            Ok(response) => assert_eq!(response.status(), 431, "{size} bytes"),
            Err(error) => assert!(error.is_reset() && size > 64 * 1024, "{size} bytes: {error}"),
        }
        let answer = peer.send(post("Echo", "application/grpc", message(7))).await;
        assert_eq!(answer.trailer("grpc-status"), Some("0"), "after {size} bytes");
    }
}
