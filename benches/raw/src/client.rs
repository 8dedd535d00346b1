//! A client as a framework would have it: many callers, one connection task, a slab of wakers and
//! one outgoing buffer.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::{io, mem};

use slab::Slab;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::frame::{HEADER, Inbox, frame_id, frame_len, put_frame};

/// One connection; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    shared: Arc<Shared>,
    /// Ends the connection task with the last clone.
    _driver: Arc<JoinSet<()>>,
}

#[derive(Debug, Default)]
struct Shared(Mutex<State>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct State {
    calls: Slab<Call>,
    out: Vec<u8>,
    /// The connection task, while it has nothing to write.
    idle: Option<Waker>,
    closed: bool,
}

#[derive(Debug)]
struct Call {
    /// The request's buffer, which takes the answer too.
    payload: Vec<u8>,
    done: bool,
    waker: Option<Waker>,
}

impl Client {
    pub(crate) async fn connect(server: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let shared = Arc::new(Shared::default());
        let mut driver = JoinSet::new();
        driver.spawn(drive(stream, Arc::clone(&shared)));
        Ok(Self { shared, _driver: Arc::new(driver) })
    }

    pub(crate) async fn call(&self, payload: Vec<u8>) -> io::Result<Vec<u8>> {
        let id = {
            let mut state = self.shared.lock();
            let entry = state.calls.vacant_entry();
            let id = entry.key();
            entry.insert(Call { payload: Vec::new(), done: false, waker: None });
            put_frame(&mut state.out, id, &payload);
            state.calls[id].payload = payload;
            if let Some(driver) = state.idle.take() {
                driver.wake();
            }
            id
        };
        poll_fn(|cx| self.poll_answer(id, cx)).await
    }

    fn poll_answer(&self, id: usize, cx: &Context<'_>) -> Poll<io::Result<Vec<u8>>> {
        let mut state = self.shared.lock();
        if state.calls[id].done {
            return Poll::Ready(Ok(state.calls.remove(id).payload));
        }
        if state.closed {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        state.calls[id].waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// Moves bytes until the connection ends; then every caller is told.
async fn drive(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut inbox = Inbox::new();
    let mut outbox = Outbox::default();
    let _ended: io::Result<()> = poll_fn(|cx| {
        while let Poll::Ready(read) = inbox.poll_read(&mut stream, cx) {
            if read? == 0 {
                return Poll::Ready(Ok(()));
            }
            let frames = inbox.whole_frames();
            shared.lock().complete(frames);
            let used = frames.len();
            inbox.consume(used);
        }
        ready!(outbox.poll_write(&shared, &mut stream, cx))?;
        Poll::Pending
    })
    .await;
    let mut state = shared.lock();
    state.closed = true;
    let wakers = state.calls.iter_mut().filter_map(|(_, call)| call.waker.take());
    wakers.for_each(Waker::wake);
}

impl State {
    /// Hands the answers to their callers.
    fn complete(&mut self, mut frames: &[u8]) {
        while let Some(len) = frame_len(frames) {
            let (frame, rest) = frames.split_at(len);
            if let Some(call) = self.calls.get_mut(frame_id(frame)) {
                call.payload.clear();
                call.payload.extend_from_slice(&frame[HEADER..]);
                call.done = true;
                if let Some(waker) = call.waker.take() {
                    waker.wake();
                }
            }
            frames = rest;
        }
    }
}

/// The buffer being written; callers fill the other one meanwhile.
#[derive(Debug, Default)]
struct Outbox {
    bytes: Vec<u8>,
    written: usize,
}

impl Outbox {
    /// Writes all there is. Ready when nothing is left, with the connection task marked idle.
    fn poll_write(
        &mut self,
        shared: &Shared,
        stream: &mut TcpStream,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            while self.written < self.bytes.len() {
                let rest = &self.bytes[self.written..];
                self.written += ready!(Pin::new(&mut *stream).poll_write(cx, rest))?;
            }
            self.bytes.clear();
            self.written = 0;
            let mut state = shared.lock();
            if state.out.is_empty() {
                state.idle = Some(cx.waker().clone());
                return Poll::Ready(Ok(()));
            }
            mem::swap(&mut state.out, &mut self.bytes);
        }
    }
}
