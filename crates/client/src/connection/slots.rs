//! The calls that wait for their reply on one connection.

use std::task::Waker;

use polywire_core::{Reply, Status};

/// Calls by id. An id is `generation << 16 | index`: small while nobody cancels, so that it takes
/// a byte or two on the wire. A cancelled call's index gets a new generation, so that its late
/// reply finds nobody.
#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    free: Vec<u16>,
}

#[derive(Debug)]
struct Slot {
    generation: u64,
    state: State,
}

/// `Free -> Waiting -> Done -> Free`; `Waiting -> Free` if the caller gives up. A call whose reply
/// is a stream is `Open` until that has ended; one that this side has given up is `Failed`.
#[derive(Debug)]
enum State {
    Free,
    Waiting { waker: Waker, start: u64 },
    Done(Reply),
    Open,
    Failed(Reply),
}

/// What a caller finds in its slot.
#[derive(Debug)]
pub(super) enum Found {
    /// Nothing yet; the waker is kept.
    Waiting,
    /// The reply; the slot is free again.
    Done(Reply),
    /// The reply is a stream; the slot stays in use.
    Open,
}

impl Slots {
    /// Calls that have a slot.
    pub(super) const fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// The id the next [`insert`](Self::insert) will use; `None` if all are in use.
    pub(super) fn next_id(&self) -> Option<u64> {
        match self.free.last() {
            Some(index) => self.slots.get(usize::from(*index)).map(|slot| slot.id(*index)),
            None => u16::try_from(self.slots.len()).ok().map(u64::from),
        }
    }

    /// Takes the slot of [`next_id`](Self::next_id). `start` is where the call begins in the
    /// stream of bytes sent.
    pub(super) fn insert(&mut self, waker: Waker, start: u64) {
        let state = State::Waiting { waker, start };
        match self.free.pop() {
            Some(index) => {
                if let Some(slot) = self.slots.get_mut(usize::from(index)) {
                    slot.state = state;
                }
            }
            None => self.slots.push(Slot { generation: 0, state }),
        }
    }

    /// Looks for the reply of a call, or leaves a waker.
    pub(super) fn poll(&mut self, id: u64, waker: &Waker) -> Found {
        let Some((index, slot)) = self.slot(id) else { return Found::Waiting };
        if let State::Waiting { waker: kept, .. } = &mut slot.state {
            kept.clone_from(waker);
            return Found::Waiting;
        }
        match std::mem::replace(&mut slot.state, State::Free) {
            State::Done(reply) => {
                self.free.push(index);
                Found::Done(reply)
            }
            State::Failed(reply) => {
                slot.generation += 1;
                self.free.push(index);
                Found::Done(reply)
            }
            State::Open => {
                slot.state = State::Open;
                Found::Open
            }
            State::Free | State::Waiting { .. } => Found::Waiting,
        }
    }

    /// Tells the caller that the reply is a stream; the slot stays in use until it is
    /// [released](Self::release). `None` if nobody waits.
    pub(super) fn open(&mut self, id: u64) -> Option<Waker> {
        self.complete_as(id, State::Open)
    }

    /// As [`complete`](Self::complete), for a call of which the peer may still speak: its id is
    /// not used again.
    pub(super) fn fail(&mut self, id: u64, status: Status) -> Option<Waker> {
        self.complete_as(id, State::Failed(Err(status)))
    }

    /// Frees the slot of a stream that its peer has ended.
    pub(super) fn release(&mut self, id: u64) {
        if let Some((index, slot)) = self.slot(id) {
            slot.state = State::Free;
            self.free.push(index);
        }
    }

    /// Puts a reply into the slot of its call; `None` if nobody waits for it any longer.
    pub(super) fn complete(&mut self, id: u64, reply: Reply) -> Option<Waker> {
        self.complete_as(id, State::Done(reply))
    }

    fn complete_as(&mut self, id: u64, state: State) -> Option<Waker> {
        let (_, slot) = self.slot(id)?;
        if !matches!(slot.state, State::Waiting { .. }) {
            return None;
        }
        match std::mem::replace(&mut slot.state, state) {
            State::Waiting { waker, .. } => Some(waker),
            State::Free | State::Done(_) | State::Open | State::Failed(_) => None,
        }
    }

    /// Frees the slot of a call whose caller gave up. True if the peer may still speak of it.
    pub(super) fn cancel(&mut self, id: u64) -> bool {
        let Some((index, slot)) = self.slot(id) else { return false };
        let waiting = !matches!(slot.state, State::Done(_));
        if waiting {
            slot.generation += 1;
        }
        slot.state = State::Free;
        self.free.push(index);
        waiting
    }

    /// Completes every waiting call; `reply` is told where it begins in the stream.
    pub(super) fn complete_all(&mut self, mut reply: impl FnMut(u64) -> Reply) -> Vec<Waker> {
        let mut wakers = Vec::with_capacity(self.len());
        for slot in &mut self.slots {
            if let State::Waiting { start, .. } = slot.state
                && let State::Waiting { waker, .. } =
                    std::mem::replace(&mut slot.state, State::Done(reply(start)))
            {
                wakers.push(waker);
            }
        }
        wakers
    }

    /// The slot of an id, if that id is the present one of its index and in use.
    fn slot(&mut self, id: u64) -> Option<(u16, &mut Slot)> {
        let index = u16::try_from(id & INDEX).ok()?;
        let slot = self.slots.get_mut(usize::from(index))?;
        let present = slot.id(index) == id && !matches!(slot.state, State::Free);
        present.then_some((index, slot))
    }
}

impl Slot {
    const fn id(&self, index: u16) -> u64 {
        self.generation << INDEX_BITS | index as u64
    }
}

const INDEX_BITS: u32 = 16;
const INDEX: u64 = (1 << INDEX_BITS) - 1;

/// Calls that can wait on one connection at most.
pub(super) const MAX_CALLS: usize = 1 << INDEX_BITS;

#[cfg(test)]
mod tests {
    use polywire_core::{Body, Response};

    use super::*;

    fn reply() -> Reply {
        Ok(Response::new(Body::Empty))
    }

    #[test]
    fn an_id_is_used_again_once_its_reply_was_taken() {
        let mut slots = Slots::default();
        let id = slots.next_id().unwrap();
        slots.insert(Waker::noop().clone(), 0);
        assert!(slots.complete(id, reply()).is_some());
        assert!(matches!(slots.poll(id, Waker::noop()), Found::Done(Ok(_))));
        assert_eq!(slots.next_id(), Some(id));
        assert_eq!(slots.len(), 0);
    }

    #[test]
    fn the_late_reply_of_a_cancelled_call_finds_nobody() {
        let mut slots = Slots::default();
        let id = slots.next_id().unwrap();
        slots.insert(Waker::noop().clone(), 0);
        assert!(slots.cancel(id));
        let next = slots.next_id().unwrap();
        assert_ne!(next, id);
        slots.insert(Waker::noop().clone(), 0);
        assert!(slots.complete(id, reply()).is_none());
        assert!(matches!(slots.poll(next, Waker::noop()), Found::Waiting));
        assert!(slots.complete(next, reply()).is_some());
        assert!(slots.complete(next, reply()).is_none(), "a second reply is nobody's");
    }

    #[test]
    fn an_index_beyond_what_was_handed_out_is_nobodys() {
        let mut slots = Slots::default();
        for id in [0, 1, u64::MAX, 1 << 16] {
            assert!(slots.complete(id, reply()).is_none());
            assert!(!slots.cancel(id));
        }
    }

    #[test]
    fn there_are_no_more_slots_than_indices() {
        let mut slots = Slots::default();
        for expected in 0..MAX_CALLS {
            assert_eq!(slots.next_id(), u64::try_from(expected).ok());
            slots.insert(Waker::noop().clone(), 0);
        }
        assert_eq!(slots.next_id(), None);
    }
}
