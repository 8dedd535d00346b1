//! S8 and S9: connections that are held and not used; and, of S4, replies that nobody takes.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Scene;
use super::http2::{END_HEADERS, END_STREAM, PREFACE, frame, head, kind};
use super::load::Caller;

/// How peers of one kind are slow.
struct Kind {
    name: &'static str,
    peers: usize,
    beginning: Vec<u8>,
    /// Sends a byte a second behind that.
    drips: bool,
    end: End,
}

/// What is to become of them.
enum End {
    /// The server hangs up at this time.
    Closed(Duration),
    /// It answers at this time.
    Answered(Duration),
    /// There is no rule that they break.
    Never,
}

impl End {
    const fn limit(&self) -> Option<Duration> {
        match self {
            Self::Closed(limit) | Self::Answered(limit) => Some(*limit),
            Self::Never => None,
        }
    }
}

/// One of them.
struct Slow {
    kind: usize,
    stream: TcpStream,
    begin: Instant,
    over: Option<Duration>,
}

const FIRST_BYTES: Duration = Duration::from_secs(5);
const HEAD_TIME: Duration = Duration::from_secs(10);
const BODY_STALL: Duration = Duration::from_secs(30);
/// How much later than that the server may be, and we may see it.
const LATE: Duration = Duration::from_millis(1500);
const SECOND: Duration = Duration::from_secs(1);

/// All in all there are 5,000; those come last whose time is short.
fn kinds() -> Vec<Kind> {
    let kind = |name, peers, beginning: &[u8], drips, end| {
        let beginning = beginning.to_vec();
        Kind { name, peers, beginning, drips, end }
    };
    let post = b"POST /Target/Echo HTTP/1.1\r\n";
    let argument = [
        post,
        &b"host: target\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n1"[..],
    ]
    .concat();
    // 200 bytes of a head are announced.
    let head = [PREFACE, &frame(kind::SETTINGS, 0, 0, &[]), b"\0\0\xc8\x01\x04\0\0\0\x01"].concat();
    let later = || End::Closed(HEAD_TIME);
    vec![
        kind("arguments that stop half way", 500, &argument, false, End::Answered(BODY_STALL)),
        kind("arguments of a byte a second", 500, &argument, true, End::Never),
        kind("half a line of a request", 800, b"POST /Target/Ec", false, later()),
        kind("heads of a byte a second", 800, &[post, &b"x: "[..]].concat(), true, later()),
        kind("the same over HTTP/2", 800, &head, true, later()),
        kind("nothing at all", 800, b"", false, End::Never),
        kind("half a preface", 800, b"PRI * HTTP/2.0\r\n", false, End::Closed(FIRST_BYTES)),
    ]
}

/// S8: the beginnings of requests, a byte at a time or nothing more.
pub(super) fn slow(scene: &mut Scene<'_>) -> Result<(), String> {
    let kinds = kinds();
    let mut peers = Vec::new();
    for (kind, how) in kinds.iter().enumerate() {
        for _ in 0..how.peers {
            let stream = connect(scene, &how.beginning)?;
            peers.push(Slow { kind, stream, begin: Instant::now(), over: None });
        }
    }
    let (open, all) = (scene.target.open_files()?, peers.len());
    scene.judge("slow connections", open >= all, format!("{open} open at once, of {all}"));
    watch(&kinds, &mut peers);
    for (number, kind) in kinds.iter().enumerate() {
        let of_kind = || peers.iter().filter(|peer| peer.kind == number);
        let open = of_kind().filter(|peer| peer.over.is_none()).count();
        let last = of_kind().filter_map(|peer| peer.over).max().unwrap_or_default();
        let (total, last_secs) = (kind.peers, last.as_secs_f64());
        match kind.end.limit() {
            Some(limit) => {
                let text = format!("{open} of {total} open, the last after {last_secs:.1} s");
                scene.judge(kind.name, open == 0 && last <= limit + LATE, text);
            }
            None => scene.judge(kind.name, true, format!("{open} of {total} open, as they may")),
        }
    }
    Ok(())
}

/// Drips and looks, until everyone is gone who has to be, or should have been.
fn watch(kinds: &[Kind], peers: &mut [Slow]) {
    let (mut next_drip, end) = (Instant::now() + SECOND, Instant::now() + BODY_STALL + LATE * 2);
    let mut waiting = true;
    while waiting && Instant::now() < end {
        sleep(Duration::from_millis(100));
        let drip = Instant::now() >= next_drip;
        if drip {
            next_drip += SECOND;
        }
        waiting = false;
        for peer in peers.iter_mut().filter(|peer| peer.over.is_none()) {
            let Some(kind) = kinds.get(peer.kind) else { continue };
            if drip && kind.drips {
                // Whether it went shows when the answer is read.
                drop(peer.stream.write(b"x"));
            }
            let seen = look(&mut peer.stream);
            if seen.closed || seen.bytes && matches!(kind.end, End::Answered(_)) {
                peer.over = Some(peer.begin.elapsed());
            }
            waiting |= peer.over.is_none() && kind.end.limit().is_some();
        }
    }
}

fn connect(scene: &Scene<'_>, beginning: &[u8]) -> Result<TcpStream, String> {
    let mut stream =
        TcpStream::connect(&scene.target.address).map_err(|error| error.to_string())?;
    stream.set_nonblocking(true).map_err(|error| error.to_string())?;
    stream.write_all(beginning).map_err(|error| error.to_string())?;
    Ok(stream)
}

/// What has come from the server.
#[derive(Default)]
struct Seen {
    bytes: bool,
    closed: bool,
}

fn look(stream: &mut TcpStream) -> Seen {
    let (mut answer, mut seen) = ([0; 256], Seen::default());
    loop {
        match stream.read(&mut answer) {
            Ok(0) => return Seen { closed: true, ..seen },
            Ok(_some) => seen.bytes = true,
            Err(error) => return Seen { closed: error.kind() != ErrorKind::WouldBlock, ..seen },
        }
    }
}

/// S9: a thousand connections to a server that may have 256 files open.
pub(super) fn descriptors(scene: &mut Scene<'_>) -> Result<(), String> {
    let mut held = Vec::new();
    for _ in 0..1000 {
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
    let fine = answered.is_ok() && begin.elapsed() <= SECOND;
    let text = format!("{answered:?} after {:?}, at most 1 s", begin.elapsed());
    scene.judge("a newcomer once they are gone", fine, text);
    Ok(())
}

/// How long a peer may take nothing.
const WRITE_STALL: Duration = Duration::from_secs(10);
/// What the server may keep for it, in KiB.
const UNREAD_KIB: u64 = 1024;
/// Calls of a peer that takes its replies.
const TAKEN_CALLS: u32 = 64;
/// Calls at most of one that takes none.
const UNREAD_CALLS: u32 = 4000;

/// Of S4: replies of 64 KiB each that nobody takes.
pub(super) fn unread(scene: &mut Scene<'_>) -> Result<(), String> {
    let post = b"POST /Target/Large HTTP/1.1\r\nhost: target\r\n\
                 content-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    let json = br#"{"method":"Target.Large","params":[],"id":1}"#;
    // Every window as wide as it goes.
    let widest = 0x7fff_ffff_u32.to_be_bytes();
    let settings = [&[0, 4][..], &widest].concat();
    let wider = (0x7fff_ffff_u32 - 65_535).to_be_bytes();
    let start = [
        PREFACE,
        &frame(kind::SETTINGS, 0, 0, &settings),
        &frame(kind::WINDOW_UPDATE, 0, 0, &wider),
    ]
    .concat();
    let call = |number: u32| {
        let stream = number * 2 + 1;
        let head = head("/Target/Large", "application/grpc");
        let head = frame(kind::HEADERS, END_HEADERS, stream, &head);
        [head, frame(kind::DATA, END_STREAM, stream, &[0; 5])].concat()
    };
    unread_by(scene, "HTTP/2", &start, &call)?;
    unread_by(scene, "HTTP/1", b"", &|_| post.to_vec())?;
    unread_by(scene, "JSON-RPC", b"", &|_| json.to_vec())
}

/// How many files the server has open once those who have gone are gone.
fn settled(scene: &Scene<'_>) -> Result<usize, String> {
    loop {
        let before = scene.target.open_files()?;
        sleep(Duration::from_millis(200));
        if scene.target.open_files()? == before {
            return Ok(before);
        }
    }
}

/// Makes some of the calls and takes their replies: what the first calls of their kind cost for good
/// is not what nobody takes.
fn taken(scene: &Scene<'_>, start: &[u8], call: &dyn Fn(u32) -> Vec<u8>) -> Result<(), String> {
    let mut stream = connect(scene, start)?;
    let all = u64::from(TAKEN_CALLS) * 64 * 1024;
    let mut take = || {
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(SECOND))?;
        for number in 0..TAKEN_CALLS {
            stream.write_all(&call(number))?;
        }
        std::io::copy(&mut (&stream).take(all), &mut std::io::sink())
    };
    let taken = take().map_err(|error| format!("replies that are taken: {error}"))?;
    if taken == all { Ok(()) } else { Err(format!("{taken} bytes of replies come, of {all}")) }
}

fn unread_by(
    scene: &mut Scene<'_>,
    wire: &str,
    start: &[u8],
    call: &dyn Fn(u32) -> Vec<u8>,
) -> Result<(), String> {
    taken(scene, start, call)?;
    let (files, memory) = (settled(scene)?, scene.target.allocated_kib()?);
    let mut stream = connect(scene, start)?;
    while scene.target.open_files()? <= files {
        sleep(Duration::from_millis(1));
    }
    let (begin, mut most) = (Instant::now(), memory);
    let mut calls = 0..UNREAD_CALLS;
    let mut left = Vec::new();
    while scene.target.open_files()? > files && begin.elapsed() < WRITE_STALL + LATE * 2 {
        if left.is_empty() {
            left = calls.next().map(call).unwrap_or_default();
        }
        match stream.write(&left) {
            Ok(count) if count > 0 => drop(left.drain(..count)),
            // The server reads no more, or there is no more to say.
            _ => sleep(Duration::from_millis(20)),
        }
        most = most.max(scene.target.allocated_kib()?);
    }
    let (time, grown) = (begin.elapsed(), most.saturating_sub(memory));
    let secs = time.as_secs_f64();
    let text = format!("closed after {secs:.1} s, {grown} KiB more, at most {UNREAD_KIB} KiB");
    let in_time = (WRITE_STALL - SECOND..=WRITE_STALL + LATE).contains(&time);
    let fine = in_time && grown <= UNREAD_KIB;
    scene.judge(&format!("replies over {wire} that nobody takes"), fine, text);
    Ok(())
}
