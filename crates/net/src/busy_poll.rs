//! Looking again instead of going to sleep.
//!
//! A task that waits for its socket lets its thread sleep, and on most machines waking it costs
//! more than a small call does. Where the last waits were short, the next bytes are probably on
//! their way: then it pays to ask the system a few times more. A wait in which that was in vain is
//! paid for by many in which it is not tried, and a thread on which other connections read as well
//! does not sleep anyway.

use std::cell::Cell;
use std::io;
use std::mem;
use std::pin::{Pin, pin};
use std::ptr;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::yield_now;

/// How long a wait is that would rather have been spent looking, and how long is looked at most.
const SHORT: Duration = Duration::from_micros(100);

thread_local! {
    /// Which connection was the last to read on this thread, by where its `BusyPoll` is.
    static LAST_READER: Cell<usize> = const { Cell::new(0) };
}

/// A stream that its task asks again for a while before it sleeps.
///
/// Only a task of tokio's may read it.
#[derive(Debug)]
pub struct BusyPoll<S> {
    inner: S,
    patience: Patience,
}

impl<S> BusyPoll<S> {
    /// Wraps a stream; the first wait is slept through.
    pub fn new(inner: S) -> Self {
        Self { inner, patience: Patience::default() }
    }

    /// Whether no other connection has read on this thread since this one did.
    fn is_alone(&self) -> bool {
        LAST_READER.get() == self.address()
    }

    fn address(&self) -> usize {
        ptr::from_ref(self).addr()
    }
}

/// Whether to look again or to sleep, by how the waits before came out.
#[derive(Debug, Default)]
struct Patience {
    wait: Wait,
    /// Whether the last time asleep was short.
    eager: bool,
    /// Waits to sleep through before the next try.
    skips: u8,
    /// What `skips` was set to when looking was in vain last.
    penalty: u8,
}

/// How the present wait is spent.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// There is none.
    #[default]
    None,
    /// Looking, until then.
    Looking(Instant),
    /// Asleep, since then.
    Asleep(Instant),
}

impl Patience {
    /// There was nothing to read; true if it is to be tried again at once.
    fn looks(&mut self, now: Instant, alone: bool) -> bool {
        match self.wait {
            Wait::Asleep(_) => return false,
            Wait::Looking(until) if alone && now < until => return true,
            Wait::Looking(_) if alone => {
                self.penalty = self.penalty.saturating_mul(2).saturating_add(1);
                self.skips = self.penalty;
            }
            Wait::None if alone && self.eager && self.skips == 0 => {
                self.wait = Wait::Looking(now + SHORT);
                return true;
            }
            Wait::None | Wait::Looking(_) => self.skips = self.skips.saturating_sub(1),
        }
        self.wait = Wait::Asleep(now);
        false
    }

    /// Something was read, or the end.
    fn read(&mut self) {
        match mem::take(&mut self.wait) {
            Wait::None => {}
            Wait::Looking(_) => self.penalty = 0,
            Wait::Asleep(since) => self.eager = since.elapsed() < SHORT,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for BusyPoll<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.inner).poll_read(cx, buf);
        if read.is_ready() {
            LAST_READER.set(self.address());
            self.patience.read();
        } else if !matches!(self.patience.wait, Wait::Asleep(_)) {
            let alone = self.is_alone();
            #[expect(clippy::disallowed_methods, reason = "while it looks, a paused clock stands")]
            let now = Instant::now();
            if self.patience.looks(now, alone) {
                // Polled once, it has the runtime wake this task after it has asked the system for
                // news and every other task that is ready has had its turn. That it is dropped
                // changes nothing.
                let _: Poll<()> = pin!(yield_now()).poll(cx);
            }
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for BusyPoll<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    fn eager() -> Patience {
        Patience { eager: true, ..Patience::default() }
    }

    #[expect(clippy::disallowed_methods, reason = "what is tested reads this clock")]
    fn now() -> Instant {
        Instant::now()
    }

    #[test]
    fn only_a_wait_after_a_short_one_is_spent_looking() {
        let (mut patience, now) = (Patience::default(), now());
        assert!(!patience.looks(now, true));
        assert_eq!(patience.wait, Wait::Asleep(now));
        assert!(!patience.looks(now, true), "still asleep");
        patience.read();
        assert!(patience.eager);
        assert!(patience.looks(now, true));
        patience.wait = Wait::Asleep(now.checked_sub(SHORT).unwrap());
        patience.read();
        assert!(!patience.looks(now, true));
    }

    #[test]
    fn looking_in_vain_is_tried_half_as_often_each_time_and_at_least_every_256th_wait() {
        let (mut patience, now) = (eager(), now());
        for skipped in [1, 3, 7, 15, 31, 63, 127, 255, 255] {
            assert!(patience.looks(now, true));
            assert!(!patience.looks(now + SHORT, true), "the time is up");
            for _ in 0..skipped {
                patience.wait = Wait::None;
                assert!(!patience.looks(now, true), "one of {skipped}");
            }
            patience.wait = Wait::None;
        }
        assert!(patience.looks(now, true));
        patience.read();
        assert_eq!(patience.penalty, 0);
    }

    #[test]
    fn a_thread_that_reads_for_others_as_well_is_not_kept_awake() {
        let (mut patience, now) = (eager(), now());
        assert!(!patience.looks(now, false));
        patience.wait = Wait::None;
        assert!(patience.looks(now, true));
        assert!(!patience.looks(now, false), "another one read meanwhile");
        assert_eq!((patience.wait, patience.penalty), (Wait::Asleep(now), 0));
    }

    #[tokio::test]
    async fn what_comes_while_it_looks_is_read_without_a_wakeup() {
        let (mut peer, io) = duplex(64);
        let mut stream = BusyPoll::new(io);
        peer.write_all(b"first").await.unwrap();
        assert_eq!(stream.read(&mut [0; 64]).await.unwrap(), 5);
        stream.patience.eager = true;
        let write = async {
            yield_now().await;
            peer.write_all(b"more").await.unwrap();
        };
        let (read, ()) = tokio::join!(stream.read_u32(), write);
        assert_eq!(read.unwrap(), u32::from_be_bytes(*b"more"));
        assert_eq!(stream.patience.wait, Wait::None);
    }
}
