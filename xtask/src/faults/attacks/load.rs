//! Those who mean well: 200 small calls a second on the port under attack, every answer checked.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The time between two calls.
const PACE: Duration = Duration::from_millis(5);
/// A call that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Calls that go on until they are counted.
#[derive(Debug)]
pub(super) struct Load {
    enough: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

/// How the calls went.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) calls: usize,
    /// The first few failures in words, and how many there were.
    pub(super) failures: Vec<String>,
    pub(super) p99: Duration,
}

impl Load {
    pub(super) fn start(address: &str) -> Self {
        let (enough, address) = (Arc::new(AtomicBool::new(false)), address.to_owned());
        let flag = Arc::clone(&enough);
        Self { enough, thread: thread::spawn(move || calls(&address, &flag)) }
    }

    pub(super) fn count(self) -> Result<Seen, String> {
        self.enough.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_panic| "the calls beside the attack panicked".to_owned())
    }
}

fn calls(address: &str, enough: &AtomicBool) -> Seen {
    let (mut seen, mut times, mut caller) = (Seen::default(), Vec::new(), None);
    let mut due = Instant::now();
    while !enough.load(Ordering::Relaxed) {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        due += PACE;
        let (number, begin) = (seen.calls, Instant::now());
        seen.calls += 1;
        let connected = caller.take().map_or_else(|| Caller::connect(address), Ok);
        let answered = connected.and_then(|mut caller| {
            caller.echo(number)?;
            Ok(caller)
        });
        match answered {
            Ok(live) => caller = Some(live),
            Err(error) => seen.failures.push(error.to_string()),
        }
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    seen.p99 = times.get(times.len() * 99 / 100).copied().unwrap_or_default();
    seen
}

/// A connection of HTTP/1 on which one call follows the other.
#[derive(Debug)]
pub(super) struct Caller {
    stream: TcpStream,
}

impl Caller {
    pub(super) fn connect(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream })
    }

    fn echo(&mut self, number: usize) -> io::Result<()> {
        let answer = self.call("Echo", &number.to_string())?;
        if answer.trim_matches('"') == number.to_string() {
            return Ok(());
        }
        Err(io::Error::other(format!("`{answer}` was answered to {number}")))
    }

    /// Calls a method of the target with JSON; the body of the answer.
    pub(super) fn call(&mut self, method: &str, body: &str) -> io::Result<String> {
        let len = body.len();
        let request = format!(
            "POST /Target/{method} HTTP/1.1\r\nhost: target\r\ncontent-type: application/json\r\n\
             content-length: {len}\r\n\r\n{body}"
        );
        self.stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        loop {
            if let Some(body) = whole(&String::from_utf8_lossy(&answer)) {
                return body;
            }
            let mut piece = [0; 4096];
            match self.stream.read(&mut piece)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => answer.extend(piece.iter().take(count)),
            }
        }
    }
}

/// The body of an answer that is there as a whole.
fn whole(answer: &str) -> Option<io::Result<String>> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let len = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    let len: usize = len.parse().ok()?;
    let body = body.get(..len)?;
    let ok = head.starts_with("HTTP/1.1 200 ");
    Some(if ok { Ok(body.to_owned()) } else { Err(io::Error::other(answer.to_owned())) })
}
