//! Room beside a type for what encodings worked out about it.

use std::any::Any;
use std::fmt;
use std::sync::OnceLock;

/// Two write-once places, one for each encoding that compiles types: gob and hessian.
///
/// The derive makes one static `Slot` per non-generic type, so that an encoding finds its compiled
/// form of a type with one load instead of a table look-up.
#[derive(Default)]
pub struct Slot {
    places: [OnceLock<Box<dyn Any + Send + Sync>>; 2],
}

impl Slot {
    /// The place of the gob encoding.
    pub const GOB: usize = 0;
    /// The place of the hessian encoding.
    pub const HESSIAN: usize = 1;

    /// An empty slot.
    #[must_use]
    pub const fn new() -> Self {
        Self { places: [const { OnceLock::new() }; 2] }
    }

    /// What was put into a place, if it was put there and has this type.
    #[must_use]
    pub fn get<T: 'static>(&self, place: usize) -> Option<&T> {
        self.places.get(place)?.get()?.downcast_ref()
    }

    /// Fills a place unless it is filled already; `None` if the place does not exist or holds
    /// another type.
    pub fn get_or_init<T: Send + Sync + 'static>(
        &self,
        place: usize,
        init: impl FnOnce() -> T,
    ) -> Option<&T> {
        self.places.get(place)?.get_or_init(|| Box::new(init())).downcast_ref()
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let filled: Vec<bool> = self.places.iter().map(|place| place.get().is_some()).collect();
        f.debug_struct("Slot").field("filled", &filled).finish()
    }
}
