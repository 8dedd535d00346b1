//! How an interface's value passes between [`Any`](super::Any) and the gob serializer and
//! deserializer, though serde's interface has no place for it: beside it, within one call, on the
//! thread that makes the call.

use std::cell::Cell;
use std::sync::Arc;

use serde::Serialize;

use crate::definitions::Definitions;
use crate::error::EncodeError;
use crate::ser::Number;
use crate::value::{Dynamic, encode_interface};

thread_local! {
    /// Whether the gob serializer waits for an answer.
    static ASKED: Cell<bool> = const { Cell::new(false) };
    /// The answer: the bytes, empty for nil.
    static ANSWER: Cell<Option<Result<Vec<u8>, EncodeError>>> = const { Cell::new(None) };
    /// What the interfaces written so far need, of the message being encoded.
    static NEEDED: Cell<Vec<Arc<Definitions>>> = const { Cell::new(Vec::new()) };
    /// Whether what the next message needs is collected already.
    static BEGUN: Cell<bool> = const { Cell::new(false) };
    /// What the gob deserializer hands over.
    static HANDED: Cell<Option<Box<Dynamic>>> = const { Cell::new(None) };
}

/// Forgets a question that was not answered, also when an implementation of `Serialize` panics.
struct Question;

impl Drop for Question {
    fn drop(&mut self) {
        ASKED.set(false);
    }
}

/// Asks a value that goes by the name of an `Any` for its gob form; `None` if it is none.
pub(crate) fn ask<T: Serialize + ?Sized>(value: &T) -> Result<Option<Vec<u8>>, EncodeError> {
    let question = Question;
    ASKED.set(true);
    value.serialize(Number)?;
    drop(question);
    ANSWER.take().transpose()
}

/// Answers, if there was a question.
pub(super) fn answer(held: Option<&Dynamic>) -> bool {
    if !ASKED.replace(false) {
        return false;
    }
    ANSWER.set(Some(match held {
        None => Ok(Vec::new()),
        Some(held) => encode_interface(held).map(|(bytes, definitions)| {
            let mut needed = NEEDED.take();
            needed.push(definitions);
            NEEDED.set(needed);
            bytes
        }),
    }));
    true
}

/// Collects what the interfaces of one message need. Messages may be encoded within messages.
pub(crate) struct Needed {
    /// What the message around it needs.
    outer: Vec<Arc<Definitions>>,
}

impl Needed {
    /// Begins; the next message that is encoded is meant.
    #[cold]
    pub(crate) fn begin() -> Self {
        BEGUN.set(true);
        Self { outer: NEEDED.take() }
    }

    /// Whether this is the message that was meant.
    #[cold]
    pub(crate) fn has_begun() -> bool {
        BEGUN.replace(false)
    }

    /// What was needed since the beginning, besides what the type itself needs.
    #[cold]
    pub(crate) fn with(self, definitions: &Arc<Definitions>) -> Arc<Definitions> {
        match &NEEDED.take()[..] {
            [] => Arc::clone(definitions),
            needed => Arc::new(definitions.with(needed)),
        }
    }
}

impl Drop for Needed {
    #[cold]
    fn drop(&mut self) {
        NEEDED.set(std::mem::take(&mut self.outer));
    }
}

/// Hands over what an interface holds to the `Any` whose visitor is called.
pub(crate) fn hand_over<T>(held: Option<Box<Dynamic>>, call: impl FnOnce() -> T) -> T {
    HANDED.set(held);
    let taken = call();
    // Another type than `Any` leaves it.
    HANDED.set(None);
    taken
}

/// Takes what was handed over.
pub(super) fn take() -> Option<Box<Dynamic>> {
    HANDED.take()
}
