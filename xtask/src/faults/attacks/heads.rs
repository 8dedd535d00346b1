//! S5: heads that are small on the wire and large where they are read.

use std::time::{Duration, Instant};

use super::Scene;
use super::http2::{Answer, Connection, END_HEADERS, END_STREAM, End, frame, head, kind, literal};

/// What the server may take of the processor for one head.
const PROCESSOR: Duration = Duration::from_millis(50);
/// The value that the bombs repeat, and what a repetition counts with its name and RFC 7541's 32.
const VALUE: usize = 4000;
const REPEATED: usize = VALUE + 1 + 32;

/// Heads of three sizes that are refused, one that ends the connection, and two that are no heads.
pub(super) fn header_bombs(scene: &mut Scene<'_>) -> Result<(), String> {
    for size in [17_000, 80_000, 200_000] {
        let mut connection = Connection::open(&scene.target.address)?;
        connection.send(&bomb(size / REPEATED));
        let seen = connection.answer(1)?;
        let refused = matches!(seen, Answer::Head { .. } | Answer::Reset(_));
        scene.judge(&format!("a head of {size} bytes"), refused, seen.text());
        let next = next_call(&mut connection)?;
        scene.judge("the next call, by the same table", next, format!("answered: {next}"));
    }
    let endless = [&[0x40, 0x7f][..], &[0x80; 4000]].concat();
    let string = [0x40, 1, b'a', 0x7f, 0x80, 0xff, 0xff, 0xff, 0x0f];
    for (name, block) in [("a number without end", &endless[..]), ("a string of 4 GiB", &string)] {
        let mut connection = Connection::open(&scene.target.address)?;
        connection.send(&frame(kind::HEADERS, END_HEADERS | END_STREAM, 1, block));
        let end = connection.sync()?;
        let text = end.map_or_else(|| "the connection lives".to_owned(), End::text);
        scene.judge(name, end.is_some(), text);
    }
    let (begin, mut bombs) = (Instant::now(), 0_u32);
    let before = scene.target.processor_time()?;
    let mut seen = None;
    while seen.is_none() || begin.elapsed() < scene.time {
        let mut connection = Connection::open(&scene.target.address)?;
        connection.send(&bomb(12_000));
        seen = Some(connection.answer(1)?);
        bombs += 1;
    }
    let spent = scene.target.processor_time()?.saturating_sub(before) / bombs;
    let text = seen.map_or_else(String::new, Answer::text);
    let refused = !matches!(seen, Some(Answer::Head { ended: false }) | None);
    scene.judge("48 MB of headers in 16 KiB", refused, format!("{text}, {bombs} bombs"));
    let text = format!("{spent:?} a bomb with the others' calls, at most {PROCESSOR:?}");
    scene.judge("the processor", spent <= PROCESSOR, text);
    Ok(())
}

/// A head with one entry of the table of 4,000 bytes, and references to it of one byte each; the
/// last that it adds to the table is a content type.
fn bomb(references: usize) -> Vec<u8> {
    let mut block = head("/Target/Wait", "application/json");
    block.extend([0x40, 1, b'a', 0x7f, 0xa1, 0x1e]);
    block.extend([b'x'; VALUE]);
    block.resize(block.len() + references, 0xbe);
    let [_, content_type @ ..] = &literal("content-type", "application/grpc")[..] else {
        return block;
    };
    block.push(0x40);
    block.extend(content_type);
    frame(kind::HEADERS, END_HEADERS | END_STREAM, 1, &block)
}

/// Calls with the content type that the refused head has put into the table; whether that is a call
/// of gRPC, which ends in a head behind its data.
fn next_call(connection: &mut Connection) -> Result<bool, String> {
    let block = [
        literal(":method", "POST"),
        literal(":scheme", "http"),
        literal(":authority", "target"),
        literal(":path", "/Target/Echo"),
        literal("te", "trailers"),
        vec![0xbe],
    ];
    connection.send(&frame(kind::HEADERS, END_HEADERS, 3, &block.concat()));
    connection.send(&frame(kind::DATA, END_STREAM, 3, &[0; 5]));
    let mut had_data = false;
    loop {
        match connection.read()? {
            Ok(frame) if frame.stream != 3 => {}
            Ok(frame) if frame.flags & END_STREAM != 0 => {
                return Ok(had_data && frame.kind == kind::HEADERS);
            }
            Ok(frame) if frame.kind == kind::RST_STREAM => return Ok(false),
            Ok(frame) => had_data |= frame.kind == kind::DATA,
            Err(_closed) => return Ok(false),
        }
    }
}
