//! S8 and S9: connections that are held and not used.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Scene;
use super::http2::{Connection, END_HEADERS, frame, head, kind};
use super::load::Caller;

/// What the server gives a peer to say what it wants, and a little more.
const FIRST_BYTES: Duration = Duration::from_secs(11);
/// How long an argument may pause, and a little more.
const BODY: Duration = Duration::from_secs(32);
/// Peers of each kind that are slow at once; fewer than the descriptors of this process.
const PEERS: usize = 200;

/// S8: the beginnings of requests, a byte at a time or nothing more.
pub(super) fn slow(scene: &mut Scene<'_>) -> Result<(), String> {
    let beginnings: [(&str, &[u8]); 4] = [
        ("nothing at all", b""),
        ("half a preface", b"PRI * HTTP/2.0\r\n"),
        ("half a line of a request", b"POST /Target/Ec"),
        ("heads of a byte a second", b"POST /Target/Echo HTTP/1.1\r\nx: "),
    ];
    let argument = b"POST /Target/Echo HTTP/1.1\r\nhost: target\r\n\
                     content-type: application/json\r\ncontent-length: 100\r\n\r\n1";
    let mut arguments = Vec::new();
    for _ in 0..PEERS / 2 {
        arguments.push(connect(scene, argument)?);
    }
    let mut peers = Vec::new();
    for (name, beginning) in beginnings {
        for _ in 0..PEERS {
            peers.push((name, connect(scene, beginning)?));
        }
    }
    let (begin, mut open) = (Instant::now(), peers.len());
    while begin.elapsed() < FIRST_BYTES && open > 0 {
        sleep(Duration::from_secs(1));
        let drips = |(name, stream): &mut (&str, TcpStream)| {
            !name.contains("second") || stream.write_all(b"x").is_ok()
        };
        peers.retain_mut(|peer| drips(peer) && !closed(&mut peer.1));
        open = peers.len();
    }
    sleep(Duration::from_millis(500));
    peers.retain_mut(|peer| !closed(&mut peer.1));
    for (name, _) in beginnings {
        let left = peers.iter().filter(|peer| peer.0 == name).count();
        let text = format!("{left} of {PEERS} open after {:.1} s", begin.elapsed().as_secs_f64());
        scene.judge(name, left == 0, text);
    }
    dripping_head(scene)?;
    while begin.elapsed() < BODY && !arguments.is_empty() {
        sleep(Duration::from_secs(1));
        arguments.retain_mut(|stream| !closed(stream));
    }
    let (left, time) = (arguments.len(), begin.elapsed().as_secs_f64());
    let text = format!("{left} of {} open after {time:.1} s", PEERS / 2);
    scene.judge("arguments that stop half way", left == 0, text);
    Ok(())
}

/// A head of HTTP/2 whose end does not come.
fn dripping_head(scene: &mut Scene<'_>) -> Result<(), String> {
    let mut connection = Connection::open(&scene.target.address)?;
    let head = head("/Target/Wait", "application/grpc");
    connection.send(&frame(kind::HEADERS, 0, 1, &head));
    let begin = Instant::now();
    let end = connection.end();
    let (fine, text) = match end {
        Ok(end) => (true, format!("{} after {:.1} s", end.text(), begin.elapsed().as_secs_f64())),
        Err(why) => (false, why),
    };
    scene.judge("a head of HTTP/2 without its end", fine, text);
    drop(connection);
    let mut connection = Connection::open(&scene.target.address)?;
    connection.send(&frame(kind::HEADERS, END_HEADERS, 1, &head));
    let alive = connection.sync()?.is_none();
    scene.judge("a head with its end", alive, format!("the connection lives: {alive}"));
    Ok(())
}

fn connect(scene: &Scene<'_>, beginning: &[u8]) -> Result<TcpStream, String> {
    let mut stream =
        TcpStream::connect(&scene.target.address).map_err(|error| error.to_string())?;
    stream.set_nonblocking(true).map_err(|error| error.to_string())?;
    stream.write_all(beginning).map_err(|error| error.to_string())?;
    Ok(stream)
}

/// Whether the server has hung up.
fn closed(stream: &mut TcpStream) -> bool {
    let mut answer = [0; 256];
    loop {
        match stream.read(&mut answer) {
            Ok(0) => return true,
            Ok(_some) => {}
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        }
    }
}

/// S9: a thousand connections to a server that may have 256 files open.
pub(super) fn descriptors(scene: &mut Scene<'_>) -> Result<(), String> {
    let mut held = Vec::new();
    for _ in 0..600 {
        held.push(connect(scene, b"")?);
    }
    let before = scene.target.processor_time()?;
    let begin = Instant::now();
    sleep(scene.time);
    let spent = scene.target.processor_time()?.saturating_sub(before);
    let share = spent.as_secs_f64() / begin.elapsed().as_secs_f64().max(0.001) * 100.0;
    let text = format!("{share:.0} % of a processor with the others' calls, at most 20 %");
    scene.judge("the processor", share < 20.0, text);
    drop(held);
    let begin = Instant::now();
    let answered = Caller::connect(&scene.target.address)
        .and_then(|mut caller| caller.call("Echo", "1"))
        .map_err(|error| error.to_string());
    let fine = answered.is_ok() && begin.elapsed() <= Duration::from_secs(1);
    let text = format!("{answered:?} after {:?}, at most 1 s", begin.elapsed());
    scene.judge("a newcomer once they are gone", fine, text);
    Ok(())
}
