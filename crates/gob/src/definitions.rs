//! Definitions on their way out: which a value needs, and which a stream has had.

use std::fmt;
use std::sync::OnceLock;

use bytes::Bytes;

use crate::limits::Limits;
use crate::raw::Cursor;
use crate::table::{FIRST_ID, TypeTable};

/// Definitions a value needs before it, each a whole message, outermost type first.
pub struct Definitions {
    root: i32,
    messages: Vec<(i32, Bytes)>,
    table: OnceLock<TypeTable>,
}

impl Definitions {
    pub(crate) fn new(root: i32, messages: Vec<(i32, Bytes)>) -> Self {
        Self { root, messages, table: OnceLock::new() }
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

    /// The first id defined, which no other set of definitions begins with. The root may be a basic
    /// type, if it is an interface.
    fn first(&self) -> i32 {
        self.messages.first().map_or(self.root, |message| message.0)
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
        definitions.messages.is_empty() || self.complete.has(definitions.first())
    }

    /// Records that the missing ones were sent.
    pub fn mark(&mut self, definitions: &Definitions) {
        if self.is_complete(definitions) {
            return;
        }
        self.complete.set(definitions.first());
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
