//! Answers in the order of their calls.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::Outgoing;
use crate::micro::Answer;

/// The calls that are not answered yet, in the order they came in.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// The place of the first one.
    first: u64,
    places: VecDeque<Place>,
    /// Bytes of the answers that wait, and what it takes to keep them.
    held: usize,
}

#[derive(Debug)]
struct Place {
    /// The call's key; 0 if it is not to be cancelled.
    key: u64,
    /// An answer that waits for those before it.
    ready: Option<(BytesMut, Bytes)>,
}

impl Answers {
    /// Takes note of a call. Gives its place.
    pub(super) fn expect(&mut self, key: u64) -> u64 {
        let place = self.first.wrapping_add(u64::try_from(self.places.len()).unwrap_or_default());
        self.places.push_back(Place { key, ready: None });
        place
    }

    /// Appends an answer, or keeps it until those before it are there.
    pub(super) fn put(&mut self, place: u64, answer: Answer, closes: bool, dst: &mut Outgoing) {
        let Ok(index) = usize::try_from(place.wrapping_sub(self.first)) else { return };
        if index > 0 {
            let mut head = BytesMut::new();
            let body = answer.put_head(closes, &mut head);
            if let Some(place) = self.places.get_mut(index) {
                self.held = self.held.saturating_add(cost(&head, &body));
                *place = Place { key: 0, ready: Some((head, body)) };
            }
            return;
        }
        let body = answer.put_head(closes, dst.tail());
        dst.put_bytes(&body);
        self.pass();
        while let Some((head, body)) = self.places.front_mut().and_then(|next| next.ready.take()) {
            self.held = self.held.saturating_sub(cost(&head, &body));
            dst.put_slice(&head);
            dst.put_bytes(&body);
            self.pass();
        }
    }

    /// Whether so much waits for an answer before it that no more calls are to be taken.
    pub(super) const fn is_full(&self) -> bool {
        self.held >= MAX_HELD
    }

    /// The key of a call that nobody waits for any longer, of each once.
    pub(super) fn give_up(&mut self) -> Option<u64> {
        let mut keys = self.places.iter_mut().map(|place| std::mem::take(&mut place.key));
        keys.find(|key| *key != 0)
    }

    fn pass(&mut self) {
        self.places.pop_front();
        self.first = self.first.wrapping_add(1);
    }
}

fn cost(head: &[u8], body: &[u8]) -> usize {
    size_of::<Place>().saturating_add(head.len()).saturating_add(body.len())
}

/// How many bytes of answers may wait for the one before them.
pub(super) const MAX_HELD: usize = 1024 * 1024;
