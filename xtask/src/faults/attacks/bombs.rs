//! S6 and S7: messages that claim more than they have, and messages that become more than they are.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use super::Scene;
use super::http2::{Connection, END_HEADERS, End, frame, head, kind};

/// What the server may take of the processor for one bomb.
const PROCESSOR: Duration = Duration::from_millis(50);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// Peers on each wire that announce an argument.
const ANNOUNCING: usize = 50;

/// S6: lengths of 4 GiB on every wire, of which nothing follows, and lengths that are allowed.
pub(super) fn lengths(scene: &mut Scene<'_>) -> Result<(), String> {
    let begin = Instant::now();
    let envelope = [0, 0xff, 0xff, 0xff, 0xff];
    // Whether the answer has words; the wires without HTTP have none for what is no call.
    let wires: [(&str, bool, Vec<u8>); 5] = [
        ("netrpc", false, [&[0xfc, 0xff, 0xff, 0xff, 0xff][..], b"xyz"].concat()),
        ("jsonrpc", false, [b"{\"method\":\"".to_vec(), vec![b'x'; 2 << 20]].concat()),
        ("HTTP/1", true, post("application/json", "", 0xffff_ffff, b"1")),
        ("Connect", true, stream(5, &envelope)),
        ("gRPC-Web", true, post("application/grpc-web+json", "", 5, &envelope)),
    ];
    for (wire, has_words, bytes) in wires {
        let memory = scene.target.memory_kib()?;
        let answer = exchange(&scene.target.address, &bytes)?;
        let grown = scene.target.memory_kib()?.saturating_sub(memory);
        let named = String::from_utf8_lossy(&answer).contains("(message_bytes)");
        let text = format!("{}, the limit named: {named}, {grown} KiB more", summary(&answer));
        let fine = grown <= 4096 && (named || !has_words);
        scene.judge(&format!("a length of 4 GiB, {wire}"), fine, text);
    }
    let mut connection = Connection::open(&scene.target.address)?;
    connection.send(&frame(kind::HEADERS, END_HEADERS, 1, &grpc_head()));
    connection.send(&frame(kind::DATA, 0, 1, &envelope));
    let answer = answer_to(&mut connection, 1)?;
    // The words are there, compressed as HTTP/2 does it.
    let text = format!("{} bytes", answer.len());
    scene.judge("a length of 4 GiB, gRPC", !answer.is_empty(), text);
    allowed_lengths(scene)?;
    while begin.elapsed() < scene.time {
        exchange(&scene.target.address, &stream(5, &envelope))?;
    }
    Ok(())
}

/// Peers that each announce a message of almost the limit, and do not send it.
fn allowed_lengths(scene: &mut Scene<'_>) -> Result<(), String> {
    let len = 1024 * 1024 - 1024_u32;
    let [a, b, c, d] = len.to_be_bytes();
    let json = post("application/json", "", 1024 * 1023, b"1");
    let connect = stream(1024 * 1024, &[0, a, b, c, d, b'1']);
    let gob = [&[0xfc, a, b, c, d][..], b"xyz"].concat();
    let (memory, mut held) = (scene.target.memory_kib()?, Vec::new());
    for bytes in [json, connect, gob] {
        for _ in 0..ANNOUNCING {
            let mut stream = in_words(TcpStream::connect(&scene.target.address))?;
            in_words(stream.write_all(&bytes))?;
            held.push(stream);
        }
    }
    let mut calls = Vec::new();
    for _ in 0..ANNOUNCING {
        let mut connection = Connection::open(&scene.target.address)?;
        connection.send(&frame(kind::HEADERS, END_HEADERS, 1, &grpc_head()));
        connection.send(&frame(kind::DATA, 0, 1, &[0, a, b, c, d, b'1']));
        connection.sync()?;
        calls.push(connection);
    }
    let peers = held.len().saturating_add(calls.len());
    let grown = scene.target.memory_kib()?.saturating_sub(memory);
    let most = 64 * u64::try_from(peers).unwrap_or(u64::MAX);
    let text = format!("{grown} KiB more for {peers} peers, at most {most} KiB");
    scene.judge("lengths of 1 MiB", grown <= most, text);
    Ok(())
}

fn grpc_head() -> Vec<u8> {
    head("/Target/Echo", "application/grpc")
}

fn in_words<T>(done: io::Result<T>) -> Result<T, String> {
    done.map_err(|error| error.to_string())
}

/// S7: gzip and zstd that grow a hundredfold and thirty-thousandfold, in one piece and in many.
pub(super) fn compressed(scene: &mut Scene<'_>) -> Result<(), String> {
    let gzip = gzip_bomb(900_000);
    let dripped = chunked("gzip", &gzip);
    let bombs = [
        ("gzip", whole("gzip", &gzip)),
        ("zstd", whole("zstd", &zstd_bomb(8192))),
        ("gzip in pieces of 1 KiB", dripped),
    ];
    scene.share(bombs.len());
    for (name, bytes) in bombs {
        let (begin, mut bombs, before) = (Instant::now(), 0_u32, scene.target.processor_time()?);
        let (mut last, mut refused) = (String::new(), true);
        while bombs == 0 || begin.elapsed() < scene.time {
            let answer = exchange(&scene.target.address, &bytes)?;
            let named = String::from_utf8_lossy(&answer).contains("(message_bytes)");
            last = format!("{}, the limit named: {named}", summary(&answer));
            refused &= named && last.contains(" 429 ");
            bombs += 1;
        }
        let spent = scene.target.processor_time()?.saturating_sub(before) / bombs.max(1);
        scene.judge(name, refused, format!("{last}, {bombs} bombs"));
        let text = format!("{spent:?} a bomb with the others' calls, at most {PROCESSOR:?}");
        scene.judge(&format!("{name}, the processor"), spent <= PROCESSOR, text);
    }
    // Whoever asks to have it undone twice asks for what there is not.
    let answer = exchange(&scene.target.address, &whole("gzip, gzip", &gzip))?;
    scene.judge("gzip in gzip", summary(&answer).contains(" 501 "), summary(&answer));
    Ok(())
}

fn whole(encoding: &str, bomb: &[u8]) -> Vec<u8> {
    let encoding = format!("content-encoding: {encoding}\r\n");
    post("application/json", &encoding, bomb.len(), bomb)
}

fn chunked(encoding: &str, bomb: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST /Target/Echo HTTP/1.1\r\nhost: target\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-encoding: {encoding}\r\n\
         transfer-encoding: chunked\r\n\r\n"
    )
    .into_bytes();
    for piece in bomb.chunks(1024) {
        request.extend(format!("{:x}\r\n", piece.len()).as_bytes());
        request.extend(piece);
        request.extend(b"\r\n");
    }
    request.extend(b"0\r\n\r\n");
    request
}

/// A request of HTTP/1 for an echo.
fn post(content_type: &str, more: &str, len: usize, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /Target/Echo HTTP/1.1\r\nhost: target\r\nconnection: close\r\n\
         content-type: {content_type}\r\n{more}content-length: {len}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// The same for the sum of a stream.
fn stream(len: usize, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /Target/Sum HTTP/1.1\r\nhost: target\r\nconnection: close\r\n\
         content-type: application/connect+json\r\ncontent-length: {len}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Sends bytes on a connection of their own, and reads what is answered before it ends.
///
/// # Errors
/// Nothing came for 15 s.
pub(super) fn exchange(address: &str, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut stream = in_words(TcpStream::connect(address))?;
    in_words(stream.set_read_timeout(Some(PATIENCE)))?;
    // The server may have closed before everything was sent; it may still have answered.
    drop(stream.write_all(bytes));
    let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return Ok(answer),
            Ok(count) => answer.extend(piece.iter().take(count)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Err(format!("the server says nothing for {} s", PATIENCE.as_secs()));
            }
            Err(_reset) => return Ok(answer),
        }
        // Who has an answer sends no more.
        drop(stream.shutdown(Shutdown::Write));
    }
}

/// The first line of an answer.
pub(super) fn summary(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    match text.lines().next() {
        None => "closed without an answer".to_owned(),
        Some(line) => line.chars().filter(|letter| !letter.is_control()).take(60).collect(),
    }
}

/// What came on a stream until it ended.
fn answer_to(connection: &mut Connection, stream: u32) -> Result<Vec<u8>, String> {
    let mut answer = Vec::new();
    loop {
        match connection.read()? {
            Ok(frame) if frame.stream == stream => {
                answer.extend(&frame.payload);
                if frame.kind == kind::RST_STREAM || frame.flags & 1 != 0 {
                    return Ok(answer);
                }
            }
            Ok(_other) => {}
            Err(End::Closed | End::Goodbye(_)) => return Ok(answer),
        }
    }
}

/// So many bytes of gzip, 150 times as many zeros: a letter, and references to it of 13 bits.
fn gzip_bomb(len: usize) -> Vec<u8> {
    let mut bomb = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let (mut bits, mut count) = (0_u32, 0_u32);
    let mut put = |bomb: &mut Vec<u8>, value: u32, len: u32| {
        bits |= value << count;
        count += len;
        while count >= 8 {
            bomb.extend(bits.to_le_bytes().first());
            bits >>= 8;
            count -= 8;
        }
    };
    // The last block, in the fixed code of RFC 1951 §3.2.6; the code of a zero, from its first bit.
    put(&mut bomb, 0b011, 3);
    put(&mut bomb, 0b0000_1100, 8);
    while bomb.len() < len {
        // 258 bytes (code 285, 11000101) from one byte before (code 0, of five bits).
        put(&mut bomb, 0b1010_0011, 8);
        put(&mut bomb, 0, 5);
    }
    bomb
}

/// So many blocks of zstd, each a byte that is repeated 128 KiB times (RFC 8878 §3.1.1.2).
fn zstd_bomb(blocks: usize) -> Vec<u8> {
    let repeated = 128 * 1024_u32;
    // A frame without size and checksum, with a window of 128 KiB.
    let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3];
    for number in 1..=blocks {
        let last = u32::from(number == blocks);
        let [a, b, c, _] = (last | 1 << 1 | repeated << 3).to_le_bytes();
        bomb.extend([a, b, c, 0]);
    }
    bomb
}
