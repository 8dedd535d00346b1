//! The stream under HTTP/2: what is written waits for its batch, and what is read is watched.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::police::{Offence, Police};
use super::stall::too_long;
use crate::Limits;

/// What a driver and the stream under its HTTP/2 know of each other. Clones share it.
///
/// HTTP/2 flushes whenever it is polled, which is once for each request taken from it; the answers
/// to a batch of requests are to leave in one write.
#[derive(Debug, Clone, Default)]
pub(super) struct Cork(Arc<State>);

#[derive(Debug, Default)]
struct State {
    corked: AtomicBool,
    /// The peer takes nothing at the moment.
    stalled: AtomicBool,
    /// It has taken something since it was last asked for.
    moved: AtomicBool,
    /// Streams answered since the stream last looked.
    answered: AtomicU64,
    /// Nothing more is read.
    offended: std::sync::OnceLock<Offence>,
}

impl Cork {
    pub(super) fn put(&self) {
        self.0.corked.store(true, Ordering::Relaxed);
    }

    pub(super) fn pull(&self) {
        self.0.corked.store(false, Ordering::Relaxed);
    }

    /// Counts a stream that was answered.
    pub(super) fn answered(&self) {
        self.0.answered.fetch_add(1, Ordering::Relaxed);
    }

    /// What the peer has done that it is to be sent away for.
    pub(super) fn offence(&self) -> Option<Offence> {
        self.0.offended.get().copied()
    }

    /// Whether what is written waits for the peer to take it.
    pub(super) fn is_stalled(&self) -> bool {
        self.0.stalled.load(Ordering::Relaxed)
    }

    /// Whether the peer has gone on taking what it is sent since the last time this was asked.
    pub(super) fn has_moved(&self) -> bool {
        self.0.moved.swap(false, Ordering::Relaxed)
    }

    fn is_in(&self) -> bool {
        self.0.corked.load(Ordering::Relaxed)
    }
}

/// The stream under HTTP/2.
#[derive(Debug)]
pub(super) struct Corked<S> {
    inner: S,
    cork: Cork,
    police: Police,
    held: BytesMut,
    /// How long a peer may take nothing.
    stall: Duration,
    /// Runs while the peer takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    /// How long a head may take to come.
    head_time: Duration,
    /// Runs while the head of that number is coming.
    slow_head: Option<(u64, Pin<Box<Sleep>>)>,
}

impl<S> Corked<S> {
    pub(super) fn new(inner: S, cork: Cork, limits: &Limits) -> Self {
        Self {
            inner,
            cork,
            police: Police::new(Instant::now()),
            held: BytesMut::new(),
            stall: limits.write_stall,
            stalled: None,
            head_time: limits.head_time,
            slow_head: None,
        }
    }
}

/// What is gathered at most before it goes out all the same.
const HELD_BYTES: usize = 128 * 1024;

impl<S: AsyncWrite + Unpin> Corked<S> {
    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.held.is_empty() {
            let Poll::Ready(written) = Pin::new(&mut self.inner).poll_write(cx, &self.held) else {
                return self.poll_stall(cx);
            };
            let written = written?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            if self.stalled.take().is_some() {
                self.cork.0.stalled.store(false, Ordering::Relaxed);
                self.cork.0.moved.store(true, Ordering::Relaxed);
                // What the peer has sent meanwhile is to be read now.
                cx.waker().wake_by_ref();
            }
            self.police.wrote(written);
            self.held.advance(written);
        }
        if self.held.capacity() >= HELD_BYTES {
            self.held = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_stall(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stall = self.stall;
        let stalled = self.stalled.get_or_insert_with(|| {
            self.cork.0.stalled.store(true, Ordering::Relaxed);
            Box::pin(sleep(stall))
        });
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(too_long(stall)))
    }
}

impl<S> Corked<S> {
    /// The peer is to be sent away.
    fn offend(&self, offence: Offence, cx: &Context<'_>) {
        let _: &Offence = self.cork.0.offended.get_or_init(|| offence);
        cx.waker().wake_by_ref();
    }

    /// Bounds the time in which a head may come, a byte now and then included.
    fn poll_slow_head(&mut self, cx: &mut Context<'_>) {
        let open = self.police.open_head();
        self.slow_head.take_if(|(number, _)| Some(*number) != open);
        let (Some(number), time) = (open, self.head_time) else { return };
        let (_, slow) = self.slow_head.get_or_insert_with(|| (number, Box::pin(sleep(time))));
        if slow.as_mut().poll(cx).is_ready() {
            self.offend(Offence::SlowHead, cx);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Corked<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.cork.0.offended.get().is_some() {
            // The driver says goodbye and closes.
            return Poll::Pending;
        }
        if this.stalled.is_some() {
            // Whoever takes no replies shall not go on calling: each call costs memory.
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let Poll::Ready(read) = Pin::new(&mut this.inner).poll_read(cx, buf) else {
            this.poll_slow_head(cx);
            return Poll::Pending;
        };
        read?;
        this.police.answered(this.cork.0.answered.swap(0, Ordering::Relaxed));
        if let Err(offence) = this.police.see(buf.filled().get(before..).unwrap_or_default()) {
            this.offend(offence, cx);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Corked<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.held.len() >= HELD_BYTES {
            ready!(this.poll_held(cx))?;
        }
        // No more than there is to be room for: a buffer that grows doubles.
        let room = HELD_BYTES.saturating_sub(this.held.len());
        let taken = buf.get(..room).unwrap_or(buf);
        this.held.extend_from_slice(taken);
        Poll::Ready(Ok(taken.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.cork.is_in() {
            return Poll::Ready(Ok(()));
        }
        ready!(this.poll_held(cx))?;
        Pin::new(&mut this.inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_held(cx))?;
        Pin::new(&mut this.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::time::{advance, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nothing_is_read_of_a_peer_that_takes_nothing_until_it_does() {
        let (mut peer, io) = duplex(16);
        let mut corked = Corked::new(io, Cork::default(), &Limits::default());
        corked.write_all(&[0; 20]).await.unwrap();
        timeout(Duration::from_secs(1), corked.flush()).await.unwrap_err();
        peer.write_all(b"PRI * HTTP").await.unwrap();
        timeout(Duration::from_secs(1), corked.read_u8()).await.unwrap_err();
        let mut first = [0];
        // As HTTP/2 does: it reads, then writes, in one task.
        let reads = poll_fn(|cx| {
            let read = Pin::new(&mut corked).poll_read(cx, &mut ReadBuf::new(&mut first));
            if read.is_pending() {
                let _flushed = Pin::new(&mut corked).poll_flush(cx)?;
            }
            read
        });
        let mut all = [0; 20];
        let both = async { tokio::join!(reads, peer.read_exact(&mut all)) };
        let (read, taken) = timeout(Duration::from_secs(1), both).await.unwrap();
        assert_eq!((read.unwrap(), taken.unwrap(), first), ((), 20, *b"P"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_drips_is_an_offence_after_its_time() {
        let (mut peer, io) = duplex(1024);
        let (cork, begin) = (Cork::default(), Instant::now());
        let mut corked = Corked::new(io, cork.clone(), &Limits::default());
        // Of 200 bytes of HEADERS comes one a second.
        peer.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\xc8\x01\x04\0\0\0\x01")
            .await
            .unwrap();
        while cork.offence().is_none() {
            let mut piece = [0; 100];
            while timeout(Duration::ZERO, corked.read(&mut piece)).await.is_ok() {}
            advance(Duration::from_secs(1)).await;
            peer.write_all(b"x").await.unwrap();
        }
        assert_eq!(cork.offence(), Some(Offence::SlowHead));
        let seconds = begin.elapsed().as_secs();
        assert!((10..=12).contains(&seconds), "{seconds} s");
    }
}
