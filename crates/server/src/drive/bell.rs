//! How the streams of a connection, which may be used anywhere, call its task.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Which stream. A key is used again once its stream has ended, a serial number never is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) key: u64,
    pub(super) serial: u64,
}

/// What the reader of a stream's arguments lets the connection know.
#[derive(Debug)]
pub(super) enum Note {
    /// So many bytes were taken.
    Taken(Tag, u64),
    /// Nobody reads any longer.
    Gone(Tag),
}

/// What happened to streams since the connection's task last looked.
#[derive(Debug, Default)]
pub(super) struct Bell(Mutex<Rung>);

#[derive(Debug, Default)]
struct Rung {
    /// Streams that may have a value to send, each once.
    ready: VecDeque<Tag>,
    /// At most a few for each stream: a peer that was granted no more sends no more.
    notes: Vec<Note>,
    /// The connection's task, if it sleeps.
    task: Option<Waker>,
}

impl Bell {
    /// Has a stream looked at.
    pub(super) fn ready(&self, tag: Tag) {
        let mut rung = self.lock();
        rung.ready.push_back(tag);
        let task = rung.task.take();
        drop(rung);
        task.into_iter().for_each(Waker::wake);
    }

    pub(super) fn note(&self, note: Note) {
        let mut rung = self.lock();
        rung.notes.push(note);
        let task = rung.task.take();
        drop(rung);
        task.into_iter().for_each(Waker::wake);
    }

    pub(super) fn take_notes(&self) -> Vec<Note> {
        std::mem::take(&mut self.lock().notes)
    }

    /// How many streams may have a value now.
    pub(super) fn count(&self) -> usize {
        self.lock().ready.len()
    }

    pub(super) fn next(&self) -> Option<Tag> {
        self.lock().ready.pop_front()
    }

    /// Ready when there is something to do for the connection's task.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let mut rung = self.lock();
        if !rung.ready.is_empty() || !rung.notes.is_empty() {
            return Poll::Ready(());
        }
        rung.task = Some(cx.waker().clone());
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, Rung> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a stream of replies wakes when its next value is there.
#[derive(Debug)]
pub(super) struct Ringer {
    tag: Tag,
    /// Whether the stream waits to be looked at already.
    rung: AtomicBool,
    bell: Arc<Bell>,
}

impl Ringer {
    pub(super) const fn new(tag: Tag, bell: Arc<Bell>) -> Self {
        Self { tag, rung: AtomicBool::new(false), bell }
    }

    pub(super) fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.bell.ready(self.tag);
        }
    }

    /// To be called before the stream is looked at, so that what comes after is not missed.
    pub(super) fn answered(&self) {
        self.rung.store(false, Ordering::Release);
    }
}

impl Wake for Ringer {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}
