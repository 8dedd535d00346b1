//! S6 and S7: messages that claim more than they have, and messages that become more than they are.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use super::Scene;
use super::http2::{Connection, END_HEADERS, End, frame, head, kind};

/// What the server may take of the processor for one bomb.
const PROCESSOR: Duration = Duration::from_millis(50);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// S6: lengths of 4 GiB on every wire, of which nothing follows.
pub(super) fn lengths(scene: &mut Scene<'_>) -> Result<(), String> {
    let begin = Instant::now();
    let wires: [(&str, Vec<u8>); 4] = [
        ("netrpc", [&[0xfc, 0xff, 0xff, 0xff, 0xff][..], b"xyz"].concat()),
        ("jsonrpc", [b"{\"method\":\"".to_vec(), vec![b'x'; 2 << 20]].concat()),
        ("HTTP/1", post("application/json", "", 0xffff_ffff, b"1")),
        ("Connect", post("application/connect+json", "", 5, &[0, 0xff, 0xff, 0xff, 0xff])),
    ];
    for (wire, bytes) in wires {
        let memory = scene.target.memory_kib()?;
        let answer = exchange(&scene.target.address, &bytes)?;
        let grown = scene.target.memory_kib()?.saturating_sub(memory);
        let text = format!("{}, {grown} KiB more", summary(&answer));
        scene.judge(&format!("a length of 4 GiB, {wire}"), grown <= 4096, text);
    }
    let mut connection = Connection::open(&scene.target.address)?;
    let head = head("/Target/Echo", "application/grpc");
    connection.send(&frame(kind::HEADERS, END_HEADERS, 1, &head));
    connection.send(&frame(kind::DATA, 0, 1, &[0, 0xff, 0xff, 0xff, 0xff]));
    let answer = answer_to(&mut connection, 1)?;
    let text = String::from_utf8_lossy(&answer).into_owned();
    // The limit is named; in HTTP/2 the text of the status may be compressed, its code is.
    scene.judge("a length of 4 GiB, gRPC", !text.is_empty(), format!("{} bytes", answer.len()));
    while begin.elapsed() < scene.time {
        let bytes = post("application/connect+json", "", 5, &[0, 0xff, 0xff, 0xff, 0xff]);
        exchange(&scene.target.address, &bytes)?;
    }
    Ok(())
}

/// S7: gzip and zstd that grow a hundredfold and thirty-thousandfold.
pub(super) fn compressed(scene: &mut Scene<'_>) -> Result<(), String> {
    let bombs = [("gzip", gzip_bomb(900_000)), ("zstd", zstd_bomb(8192))];
    for (name, bomb) in bombs {
        let encoding = format!("content-encoding: {name}\r\n");
        let bytes = post("application/json", &encoding, bomb.len(), &bomb);
        let (begin, mut bombs, before) = (Instant::now(), 0_u32, scene.target.processor_time()?);
        scene.share(2);
        let mut last = String::new();
        let load = scene.target.processor_time()?;
        while bombs == 0 || begin.elapsed() < scene.time {
            last = summary(&exchange(&scene.target.address, &bytes)?);
            bombs += 1;
        }
        let spent = scene.target.processor_time()?.saturating_sub(before.max(load)) / bombs.max(1);
        let text = format!("{last}, {bombs} bombs");
        let refused = last.contains("429") || last.contains("413");
        scene.judge(&format!("{name} of more than the limit"), refused, text);
        let text = format!("{spent:?} a bomb with the others' calls, at most {PROCESSOR:?}");
        scene.judge(&format!("{name}, the processor"), spent <= PROCESSOR, text);
    }
    Ok(())
}

/// A request of HTTP/1 for an echo.
fn post(content_type: &str, more: &str, len: usize, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /Target/Echo HTTP/1.1\r\nhost: target\r\nconnection: close\r\n\
         content-type: {content_type}\r\n{more}content-length: {len}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Sends bytes on a connection of their own, and reads what is answered before it ends.
pub(super) fn exchange(address: &str, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
    // The server may have closed before everything was sent; it may still have answered.
    if stream.write_all(bytes).is_ok() {
        drop(stream.shutdown(Shutdown::Write));
    }
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    Ok(answer)
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
