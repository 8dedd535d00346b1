//! How a remote type maps onto a local one: worked out once for each pair, then walked.

mod build;
pub(crate) mod local;

use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use polywire_schema::{EnumType, Type};

use crate::compile::Compiled;
use crate::error::DecodeError;
pub(crate) use crate::ser::Fields;
use crate::table::LentTable;

/// Plans of one stream's table. The first few are found by a scan without a lock.
#[derive(Default)]
pub(crate) struct PlanCache {
    first: [OnceLock<Entry>; 8],
    more: RwLock<Vec<Entry>>,
}

#[derive(Clone)]
struct Entry {
    remote: i32,
    local: &'static Compiled,
    plan: Arc<Plan>,
}

impl Entry {
    fn is(&self, remote: i32, local: &'static Compiled) -> bool {
        self.remote == remote && std::ptr::eq(self.local, local)
    }
}

impl PlanCache {
    /// The plan for a pair of types, if it is one of the first.
    #[inline]
    pub(crate) fn known(&self, remote: i32, local: &'static Compiled) -> Option<&Plan> {
        let [first, rest @ ..] = &self.first;
        let entry = first.get()?;
        if entry.is(remote, local) { Some(&entry.plan) } else { scan(rest, remote, local) }
    }

    /// The plan for a pair of types that is none of the first, made if it is not there.
    #[cold]
    #[inline(never)]
    pub(crate) fn make(
        &self,
        table: &LentTable<'_>,
        remote: i32,
        ty: &'static Type,
        local: &'static Compiled,
    ) -> Result<Arc<Plan>, DecodeError> {
        let more = self.more.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = more.iter().find(|entry| entry.is(remote, local)) {
            return Ok(Arc::clone(&entry.plan));
        }
        drop(more);
        let plan = Arc::new(build::plan(&table.to_table(), remote, ty)?);
        let mut entry = Entry { remote, local, plan: Arc::clone(&plan) };
        for place in &self.first {
            match place.set(entry) {
                Ok(()) => return Ok(plan),
                Err(back) => entry = back,
            }
        }
        let mut more = self.more.write().unwrap_or_else(PoisonError::into_inner);
        if more.len() < MAX_PLANS {
            more.push(entry);
        }
        Ok(plan)
    }
}

#[inline(never)]
fn scan<'p>(
    places: &'p [OnceLock<Entry>],
    remote: i32,
    local: &'static Compiled,
) -> Option<&'p Plan> {
    let mut entries = places.iter().map_while(OnceLock::get);
    Some(&entries.find(|entry| entry.is(remote, local))?.plan)
}

impl fmt::Debug for PlanCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlanCache").finish_non_exhaustive()
    }
}

/// Plans kept for one stream; further ones are worked out for each value.
const MAX_PLANS: usize = 1_024;

/// A graph of nodes: types may be recursive. The root is the first.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) nodes: Vec<Node>,
    /// Whether values stand behind a zero, which all but structs do.
    pub(crate) is_singleton: bool,
}

/// Reads one value of a remote type into a local one.
#[derive(Debug)]
pub(crate) enum Node {
    Bool,
    /// `at` names the place in errors.
    Int {
        bits: u8,
        at: Box<str>,
    },
    Uint {
        bits: u8,
        at: Box<str>,
    },
    Float {
        bits: u8,
        at: Box<str>,
    },
    Complex {
        bits: u8,
        at: Box<str>,
    },
    Char,
    String,
    Bytes,
    BigInt,
    Any,
    Duration {
        at: Box<str>,
    },
    Time {
        at: Box<str>,
    },
    UnitEnum,
    /// `Some` of what follows, whenever a value is there.
    Option(usize),
    List(ListPlan),
    Map {
        key: usize,
        elem: usize,
        spans: bool,
    },
    Struct(StructPlan),
    Enum(EnumPlan),
    /// Not worked out yet: only while the plan is made.
    Pending,
}

#[derive(Debug)]
pub(crate) struct ListPlan {
    pub(crate) elem: usize,
    /// The length of an array.
    pub(crate) len: Option<u64>,
    /// Whether elements may lie in later messages, so that their number says nothing.
    pub(crate) spans: bool,
    /// Go's name for the element and its size in bytes, if it is a scalar.
    pub(crate) scalar: Option<(&'static str, u64)>,
}

#[derive(Debug)]
pub(crate) struct StructPlan {
    /// By the remote field's number.
    pub(crate) remote: Box<[RemoteField]>,
    pub(crate) local: LocalFields,
    pub(crate) order: Order,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct RemoteField {
    pub(crate) id: i32,
    /// The local field and the node that reads it; `None` if there is none.
    pub(crate) local: Option<(usize, usize)>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct LocalFields(pub(crate) Fields);

/// How fields are handed to serde.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// One after another, absent ones as zero.
    Sequence,
    /// By name, so that serde fills in those that the remote type does not declare.
    Names,
    /// One after another, though they come in another order.
    Scattered,
}

#[derive(Debug)]
pub(crate) struct EnumPlan {
    pub(crate) of: &'static EnumType,
    /// By the remote field's number; the local "field" is the variant.
    pub(crate) remote: Box<[RemoteField]>,
}
