//! The values of one stream that have come and were not taken yet.
//!
//! The connection puts them in by an [`Inbox`], the reader takes them out by [`Values`]. What is in
//! between is bounded by the stream's window: a peer that sends more breaks the rules, and the
//! reader's taking is what lets it go on.

use std::any::Any;
use std::collections::VecDeque;
use std::mem;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{self, Poll, Waker};

use bytes::{Buf, BytesMut};
use polywire_core::{Code, EncodedValue, Encoding, Origin, Payload, Status};

use crate::stream::{ValueRun, window_cost};

/// Where a connection puts the values of one stream. Dropping it before the end is an error to the
/// reader: the connection or the call is gone.
#[derive(Debug)]
pub struct Inbox(Arc<Shared>);

/// Where the values of one stream are taken from.
pub struct Values {
    shared: Arc<Shared>,
    encoding: Encoding,
    /// Taken over from the inbox, all at once.
    arrived: Arrived,
    /// Where in its bytes the value is that is lent, and what it needs beside them.
    lent: Range<usize>,
    context: Context,
    /// How many of them there were so far.
    entered: usize,
    /// What was taken and not yet granted to the peer again.
    taken: u64,
    /// From how much on it is worth telling the peer.
    worth_telling: u64,
    ended: bool,
}

#[derive(Debug)]
struct Shared(Mutex<State>);

/// What has come and is still to be taken over.
struct State {
    arrived: Arrived,
    /// What the last of the values needs beside its bytes.
    context: Context,
    /// How much the peer may still send. One value may take it below zero.
    left: i64,
    end: Option<Result<(), Status>>,
    reader: Option<Waker>,
    abandoned: bool,
}

/// What the encoding of a value needs beside its bytes.
type Context = Option<Arc<dyn Any + Send + Sync>>;

/// Values, one right after another.
#[derive(Default)]
struct Arrived {
    /// Copied out of the connection's buffer: a value that shared that buffer would keep all of it,
    /// with all that came beside it.
    bytes: BytesMut,
    /// How long each value is.
    lens: VecDeque<usize>,
    /// What values need where that is not what those before them did, and which value was the
    /// first of them.
    contexts: VecDeque<(usize, Context)>,
}

/// A peer sent more than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overrun;

impl From<Overrun> for Status {
    fn from(_: Overrun) -> Self {
        let text = "the peer sent more of a stream than its window allows (stream_window)";
        Self::new(Code::ResourceExhausted, text)
    }
}

/// Both ends of a stream of values in `encoding`, of which `window` bytes may come at once.
#[must_use]
pub fn inbox(encoding: Encoding, window: u64) -> (Inbox, Values) {
    let state = State {
        arrived: Arrived::default(),
        context: None,
        left: signed(window),
        end: None,
        reader: None,
        abandoned: false,
    };
    let shared = Arc::new(Shared(Mutex::new(state)));
    let values = Values {
        shared: Arc::clone(&shared),
        encoding,
        arrived: Arrived::default(),
        lent: 0..0,
        context: None,
        entered: 0,
        taken: 0,
        worth_telling: window / 2,
        ended: false,
    };
    (Inbox(shared), values)
}

impl Inbox {
    /// Puts in a value. Gives whom to wake.
    ///
    /// # Errors
    /// When the peer had no room left for it.
    pub fn push(&self, payload: &Payload) -> Result<Option<Waker>, Overrun> {
        let mut state = self.0.lock();
        state.push(&payload.bytes, &[payload.bytes.len()], &payload.context)?;
        Ok(state.reader.take())
    }

    /// Puts in values. Gives whom to wake.
    ///
    /// # Errors
    /// When the peer had no room left for one of them; those before it were put in.
    pub fn push_all(&self, values: &ValueRun) -> Result<Option<Waker>, Overrun> {
        let mut state = self.0.lock();
        state.push(&values.bytes, &values.lens, &values.context)?;
        Ok(state.reader.take())
    }

    /// Ends the stream behind the values that are there; only the first end counts. Gives whom to
    /// wake.
    #[must_use]
    pub fn end(&self, end: Result<(), Status>) -> Option<Waker> {
        let mut state = self.0.lock();
        state.end.get_or_insert(end);
        state.reader.take()
    }

    /// Lets the peer send more; to be called before it is told.
    pub fn grant(&self, bytes: u64) {
        let mut state = self.0.lock();
        state.left = state.left.saturating_add(signed(bytes));
    }

    /// Whether these are the two ends of one stream.
    #[must_use]
    pub fn is_of(&self, values: &Values) -> bool {
        Arc::ptr_eq(&self.0, &values.shared)
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        let gone = Status::new(Code::Unavailable, "the connection ended before the stream did");
        if let Some(reader) = self.end(Err(gone.with_origin(Origin::Lost))) {
            reader.wake();
        }
    }
}

impl Values {
    /// The next value; `None` at the orderly end, an error as the last item.
    pub fn poll_next(
        &mut self,
        cx: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Payload, Status>>> {
        self.poll_step(cx).map(|step| step.map(|step| step.map(|()| self.take())))
    }

    /// Goes to the next value, which [`value`](Self::value) lends until the next step; `None` and
    /// errors as in [`poll_next`](Self::poll_next).
    #[inline]
    pub fn poll_step(&mut self, cx: &mut task::Context<'_>) -> Poll<Option<Result<(), Status>>> {
        if let Some(len) = self.arrived.lens.pop_front() {
            self.enter(len);
            return Poll::Ready(Some(Ok(())));
        }
        self.poll_more(cx)
    }

    #[inline]
    fn enter(&mut self, len: usize) {
        self.lent = self.lent.end..self.lent.end.saturating_add(len);
        while let Some((_, context)) =
            self.arrived.contexts.pop_front_if(|(first, _)| *first <= self.entered)
        {
            self.context = context;
        }
        self.entered = self.entered.saturating_add(1);
        self.taken = self.taken.saturating_add(window_cost(len));
    }

    /// The value that the last step went to.
    #[must_use]
    pub fn value(&self) -> EncodedValue<'_> {
        let bytes = self.arrived.bytes.get(self.lent.clone()).unwrap_or_default();
        EncodedValue { encoding: self.encoding, bytes, context: self.context.as_ref() }
    }

    fn poll_more(&mut self, cx: &mut task::Context<'_>) -> Poll<Option<Result<(), Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        loop {
            if let Some(len) = self.arrived.lens.pop_front() {
                self.enter(len);
                return Poll::Ready(Some(Ok(())));
            }
            let mut state = self.shared.lock();
            if !state.arrived.lens.is_empty() {
                self.arrived.clear();
                (self.lent, self.entered) = (0..0, 0);
                mem::swap(&mut self.arrived, &mut state.arrived);
                continue;
            }
            let Some(end) = state.end.take() else {
                state.reader = Some(cx.waker().clone());
                return Poll::Pending;
            };
            // Whatever comes now is too late.
            state.end = Some(Ok(()));
            self.ended = true;
            return Poll::Ready(end.err().map(Err));
        }
    }

    /// The value that the last step went to, in bytes of its own: those of the inbox, not a copy.
    /// To be called once for each step.
    pub fn take(&mut self) -> Payload {
        let Range { start, end } = mem::replace(&mut self.lent, 0..0);
        let bytes = &mut self.arrived.bytes;
        bytes.advance(start.min(bytes.len()));
        let len = end.saturating_sub(start).min(bytes.len());
        // The last one takes the buffer along: what is left of it would keep all of its memory.
        let last = self.arrived.lens.is_empty();
        let mut value = if last { mem::take(bytes) } else { bytes.split_to(len) };
        value.truncate(len);
        let mut payload = Payload::new(self.encoding, value.freeze());
        payload.context = self.context.clone();
        payload
    }

    /// How much was taken, as soon as that is worth telling the peer: half of the window.
    pub fn take_grant(&mut self) -> Option<u64> {
        if self.ended || self.taken < self.worth_telling {
            return None;
        }
        Some(mem::take(&mut self.taken))
    }

    /// Whether the end was taken, orderly or not.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.ended
    }

    /// How the values are encoded.
    #[must_use]
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }
}

impl Drop for Values {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.abandoned = true;
        state.arrived = Arrived::default();
    }
}

impl State {
    /// Puts in values of these lengths.
    fn push(&mut self, bytes: &[u8], lens: &[usize], context: &Context) -> Result<(), Overrun> {
        let (mut values, mut end) = (0_usize, 0_usize);
        for len in lens {
            if self.left <= 0 {
                break;
            }
            self.left = self.left.saturating_sub(signed(window_cost(*len)));
            values = values.saturating_add(1);
            end = end.saturating_add(*len);
        }
        let taken = lens.get(..values).unwrap_or_default();
        if !self.abandoned && self.end.is_none() && !taken.is_empty() {
            let same = match (&self.context, context) {
                (Some(last), Some(this)) => Arc::ptr_eq(last, this),
                (None, None) => true,
                _ => false,
            };
            if !same {
                self.context.clone_from(context);
                self.arrived.contexts.push_back((self.arrived.lens.len(), context.clone()));
            }
            self.arrived.bytes.extend_from_slice(bytes.get(..end).unwrap_or_default());
            self.arrived.lens.extend(taken);
        }
        if values < lens.len() { Err(Overrun) } else { Ok(()) }
    }
}

impl Arrived {
    /// Gives up what was taken, and memory that a burst has left behind.
    fn clear(&mut self) {
        self.bytes.clear();
        self.contexts.clear();
        let lens = self.lens.capacity().saturating_mul(size_of::<usize>());
        if self.bytes.capacity().max(lens) > KEPT {
            *self = Self::default();
        }
    }
}

/// How much memory for values is kept for those to come, in bytes.
const KEPT: usize = 16 * 1024;

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("values", &self.arrived.lens.len())
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Values").field("encoding", &self.encoding).finish_non_exhaustive()
    }
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(len: usize) -> Payload {
        Payload::new(Encoding::Json, vec![b'x'; len].into())
    }

    fn poll(values: &mut Values) -> Poll<Option<Result<Payload, Status>>> {
        values.poll_next(&mut task::Context::from_waker(Waker::noop()))
    }

    #[test]
    fn values_come_out_as_they_went_in_and_the_end_behind_them() {
        let (inbox, mut values) = inbox(Encoding::Json, 1000);
        assert!(poll(&mut values).is_pending());
        assert!(inbox.push(&payload(3)).unwrap().is_some(), "the reader is woken");
        assert!(inbox.push(&payload(0)).unwrap().is_none(), "once");
        assert!(inbox.end(Ok(())).is_none());
        for len in [3, 0] {
            let Poll::Ready(Some(Ok(value))) = poll(&mut values) else { panic!("a value") };
            assert_eq!(value.bytes.len(), len);
        }
        assert!(matches!(poll(&mut values), Poll::Ready(None)));
    }

    #[test]
    fn one_value_may_go_over_the_window_and_the_next_may_not() {
        let (inbox, mut values) = inbox(Encoding::Json, 100);
        inbox.push(&payload(500)).unwrap();
        assert!(inbox.push(&payload(1)).is_err());
        assert!(matches!(poll(&mut values), Poll::Ready(Some(Ok(_)))));
        let granted = values.take_grant().unwrap();
        assert_eq!(granted, 532);
        inbox.grant(granted);
        inbox.push(&payload(68)).unwrap();
        assert!(inbox.push(&payload(0)).is_err());
    }

    fn run(lens: &[usize], context: &Context) -> ValueRun {
        let bytes = vec![b'x'; lens.iter().sum()].into();
        ValueRun { bytes, lens: lens.to_vec(), context: context.clone() }
    }

    #[test]
    fn values_are_lent_with_what_they_need_and_taken_in_between() {
        let (inbox, mut values) = inbox(Encoding::Gob, 1000);
        let types = |n: u8| Some(Arc::new(n) as Arc<dyn Any + Send + Sync>);
        let (one, two) = (types(1), types(2));
        inbox.push_all(&run(&[3, 0], &one)).unwrap();
        inbox.push_all(&run(&[5], &two)).unwrap();
        inbox.push(&payload(7)).unwrap();
        inbox.push_all(&run(&[2], &one)).unwrap();
        let mut cx = task::Context::from_waker(Waker::noop());
        let of = |context: Option<&Arc<dyn Any + Send + Sync>>| {
            context.and_then(|context| context.downcast_ref::<u8>().copied())
        };
        let mut seen = Vec::new();
        for at in 0..5 {
            if at % 2 == 0 {
                assert!(matches!(values.poll_step(&mut cx), Poll::Ready(Some(Ok(())))));
                let value = values.value();
                seen.push((value.bytes.len(), of(value.context)));
            } else {
                let Poll::Ready(Some(Ok(value))) = poll(&mut values) else { panic!("a value") };
                seen.push((value.bytes.len(), of(value.context.as_ref())));
            }
        }
        assert_eq!(seen, [(3, Some(1)), (0, Some(1)), (5, Some(2)), (7, None), (2, Some(1))]);
        assert!(values.poll_step(&mut cx).is_pending());
    }

    #[test]
    fn of_values_that_come_at_once_those_within_the_window_are_taken() {
        let (inbox, mut values) = inbox(Encoding::Gob, 70);
        assert!(inbox.push_all(&run(&[1, 2, 3, 4], &None)).is_err());
        for len in [1, 2, 3] {
            let Poll::Ready(Some(Ok(value))) = poll(&mut values) else { panic!("a value") };
            assert_eq!(value.bytes.len(), len);
        }
        assert!(poll(&mut values).is_pending());
    }

    #[test]
    fn an_inbox_that_goes_away_is_an_error_behind_what_has_come() {
        let (inbox, mut values) = inbox(Encoding::Json, 100);
        inbox.push(&payload(1)).unwrap();
        drop(inbox);
        assert!(matches!(poll(&mut values), Poll::Ready(Some(Ok(_)))));
        let Poll::Ready(Some(Err(status))) = poll(&mut values) else { panic!("an error") };
        assert_eq!((status.code(), status.origin()), (Code::Unavailable, Origin::Lost));
        assert!(matches!(poll(&mut values), Poll::Ready(None)));
    }

    #[test]
    fn the_last_value_that_was_taken_leaves_no_memory_behind() {
        let (inbox, mut values) = inbox(Encoding::Json, 1 << 20);
        for lens in [&[100_000_usize, 7][..], &[100_000]] {
            inbox.push_all(&run(lens, &None)).unwrap();
            let mut taken: Vec<_> = lens
                .iter()
                .map(|len| {
                    let Poll::Ready(Some(Ok(value))) = poll(&mut values) else { panic!("a value") };
                    assert_eq!(value.bytes.len(), *len);
                    value.bytes
                })
                .collect();
            let last = taken.pop().unwrap();
            drop(taken);
            assert!(last.is_unique(), "somebody else holds its memory");
        }
    }

    #[test]
    fn nothing_is_kept_for_a_reader_that_went_away() {
        let (inbox, values) = inbox(Encoding::Json, 1000);
        drop(values);
        inbox.push(&payload(500)).unwrap();
        assert_eq!(inbox.0.lock().arrived.bytes.len(), 0);
    }
}
