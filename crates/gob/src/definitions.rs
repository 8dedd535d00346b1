//! Definitions on their way out: which a value needs, and which a stream has had.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::limits::Limits;
use crate::raw::Cursor;
use crate::table::{FIRST_ID, TypeTable};

/// Definitions a value needs before it, each a whole message, outermost type first.
pub struct Definitions {
    root: i32,
    /// The first id defined, which no other set of definitions begins with, or [`NO_KEY`]. The root
    /// may be a basic type, if it is an interface.
    key: i32,
    messages: Vec<(i32, Bytes)>,
    table: OnceLock<TypeTable>,
}

/// Marks a set that was put together for one value. No type has this id.
const NO_KEY: i32 = i32::MAX;

impl Definitions {
    pub(crate) fn new(root: i32, messages: Vec<(i32, Bytes)>) -> Self {
        let key = messages.first().map_or(root, |message| message.0);
        Self { root, key, messages, table: OnceLock::new() }
    }

    /// The same and what the interfaces of one value need besides.
    pub(crate) fn with(&self, more: &[Arc<Self>]) -> Self {
        let mut seen: HashSet<i32> = self.messages.iter().map(|message| message.0).collect();
        let mut messages = self.messages.clone();
        let all = more.iter().flat_map(|definitions| &definitions.messages);
        messages.extend(all.filter(|message| seen.insert(message.0)).cloned());
        Self { root: self.root, key: NO_KEY, messages, table: OnceLock::new() }
    }

    /// Each type's id and the message that defines it.
    pub fn iter(&self) -> impl Iterator<Item = (i32, &Bytes)> {
        self.messages.iter().map(|(id, message)| (*id, message))
    }

    /// The id of the value's own type.
    #[must_use]
    pub fn root(&self) -> i32 {
        self.root
    }

    /// The table a receiver of these definitions would have; built once.
    pub(crate) fn table(&self) -> &TypeTable {
        self.table.get_or_init(|| {
            let limits = Limits::default().definitions(usize::MAX).definition_bytes(usize::MAX);
            let mut table = TypeTable::new(limits);
            for (id, message) in &self.messages {
                let mut cursor = Cursor::new(message);
                // They are our own definitions, each of another type: none is refused.
                let read = cursor.uint().and_then(|_| cursor.type_id());
                let defined = read.and_then(|_| table.define(*id, &mut cursor));
                debug_assert!(defined.is_ok(), "definition {id}: {defined:?}");
            }
            table
        })
    }
}

impl fmt::Debug for Definitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<i32> = self.messages.iter().map(|(id, _)| *id).collect();
        f.debug_struct("Definitions").field("root", &self.root).field("ids", &ids).finish()
    }
}

/// Which definitions one outgoing stream has had.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    /// A bit for each id: whether its definition was sent.
    defined: Bits,
    /// A bit for each id: whether everything its values need was sent.
    complete: Bits,
}

impl Sent {
    /// A stream that has had none.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The definitions that have to be sent before a value, in order. Fast if there are none.
    pub fn missing<'a>(
        &self,
        definitions: &'a Definitions,
    ) -> impl Iterator<Item = (i32, &'a Bytes)> {
        let needed: &[(i32, Bytes)] =
            if self.is_complete(definitions) { &[] } else { &definitions.messages };
        needed.iter().filter(|(id, _)| !self.defined.has(*id)).map(|(id, message)| (*id, message))
    }

    fn is_complete(&self, definitions: &Definitions) -> bool {
        definitions.messages.is_empty() || self.complete.has(definitions.key)
    }

    /// Records that the missing ones were sent.
    pub fn mark(&mut self, definitions: &Definitions) {
        if self.is_complete(definitions) {
            return;
        }
        if definitions.key != NO_KEY {
            self.complete.set(definitions.key);
        }
        for (id, _) in definitions.iter() {
            self.defined.set(id);
        }
    }
}

/// A set of ids, from [`FIRST_ID`] up and dense.
#[derive(Debug, Clone, Default)]
struct Bits(Vec<u64>);

impl Bits {
    fn place(id: i32) -> Option<(usize, u64)> {
        let at = usize::try_from(id.checked_sub(FIRST_ID)?).ok()?;
        Some((at >> 6, 1 << (at & 63)))
    }

    fn has(&self, id: i32) -> bool {
        Self::place(id)
            .is_none_or(|(word, bit)| self.0.get(word).is_some_and(|bits| bits & bit != 0))
    }

    fn set(&mut self, id: i32) {
        let Some((word, bit)) = Self::place(id) else { return };
        if self.0.len() <= word {
            self.0.resize(word.saturating_add(1), 0);
        }
        if let Some(bits) = self.0.get_mut(word) {
            *bits |= bit;
        }
    }
}
