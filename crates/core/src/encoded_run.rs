//! Values that were encoded one right after another.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::task::Poll;

use crate::{Appended, EncodedValue, Encoding, Status};

/// Values of one stream in one buffer, one right after another: whoever sends many of them pays
/// once for what they share.
pub struct EncodedRun {
    encoding: Encoding,
    bytes: Vec<u8>,
    /// Where each value ends.
    ends: Vec<usize>,
    /// What values need beside their bytes; the same for all, or once for each change of it.
    contexts: Vec<(usize, Appended)>,
}

/// How many values are taken at once.
#[derive(Debug, Clone, Copy)]
pub struct RunBudget {
    /// Their number.
    pub values: usize,
    /// What they may take together, in bytes. One value may take it below zero.
    pub bytes: u64,
    /// What a value takes of that beside its bytes.
    pub per_value: u64,
    /// A value of so many bytes is the last one.
    pub large: usize,
}

/// Why no more values were taken.
#[derive(Debug)]
pub enum RunEnd {
    /// The budget is spent.
    Budget,
    /// The next value is not there yet; the task is woken for it.
    Pending,
    /// The stream has ended, by an error or in order.
    Ended(Result<(), Status>),
}

impl EncodedRun {
    /// No values yet; those to come are in `encoding`.
    #[must_use]
    pub const fn new(encoding: Encoding) -> Self {
        Self { encoding, bytes: Vec::new(), ends: Vec::new(), contexts: Vec::new() }
    }

    /// Forgets the values and keeps their memory; those to come are in `encoding`.
    pub fn clear(&mut self, encoding: Encoding) {
        self.encoding = encoding;
        self.bytes.clear();
        self.ends.clear();
        self.contexts.clear();
    }

    /// Takes values as long as there are some and the budget lasts; `next` appends one to the
    /// buffer. Should it panic, the values before are still there.
    #[inline]
    pub fn fill(
        &mut self,
        budget: RunBudget,
        mut next: impl FnMut(&mut Vec<u8>) -> Poll<Option<Result<Appended, Status>>>,
    ) -> RunEnd {
        let mut left = budget.bytes;
        for _ in 0..budget.values {
            let start = self.bytes.len();
            match next(&mut self.bytes) {
                Poll::Ready(Some(Ok(context))) => self.end_value(context),
                Poll::Ready(Some(Err(status))) => return RunEnd::Ended(Err(status)),
                Poll::Ready(None) => return RunEnd::Ended(Ok(())),
                Poll::Pending => return RunEnd::Pending,
            }
            let len = self.bytes.len().saturating_sub(start);
            let cost = u64::try_from(len).unwrap_or(u64::MAX).saturating_add(budget.per_value);
            left = left.saturating_sub(cost);
            if left == 0 || len >= budget.large {
                break;
            }
        }
        RunEnd::Budget
    }

    #[inline]
    fn end_value(&mut self, context: Appended) {
        let same = match (self.contexts.last(), &context) {
            (Some((_, Some(last))), Some(this)) => Arc::ptr_eq(last, this),
            (Some((_, None)), None) => true,
            _ => false,
        };
        if !same {
            self.contexts.push((self.ends.len(), context));
        }
        self.ends.push(self.bytes.len());
    }

    /// Takes the last value out, if it has at least so many bytes.
    pub fn pop_large(&mut self, bytes: usize) -> Option<(Vec<u8>, Appended)> {
        let end = *self.ends.last()?;
        let start = self.ends.iter().rev().nth(1).copied().unwrap_or(0);
        if end.saturating_sub(start) < bytes {
            return None;
        }
        self.ends.pop();
        let context = self.contexts.last().and_then(|(_, context)| context.clone());
        self.contexts.pop_if(|(first, _)| *first >= self.ends.len());
        self.bytes.truncate(end);
        let value = match start {
            0 => std::mem::take(&mut self.bytes),
            _ => self.bytes.split_off(start),
        };
        Some((value, context))
    }

    /// How the values are encoded.
    #[must_use]
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// How many values there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Room for bytes that is kept.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// The values.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        let end = self.ends.last().copied().unwrap_or(0);
        self.bytes.get(..end).unwrap_or_default()
    }

    /// Where each value ends, in bytes from the first.
    #[must_use]
    pub fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// What values need beside their bytes, in their order, without repetition.
    pub fn contexts(&self) -> impl Iterator<Item = Option<&Arc<dyn Any + Send + Sync>>> {
        self.contexts.iter().map(|(_, context)| context.as_ref())
    }

    /// The values, one by one.
    pub fn values(&self) -> impl Iterator<Item = EncodedValue<'_>> {
        let (mut start, mut contexts) = (0, self.contexts.iter().peekable());
        let mut context = None;
        self.ends.iter().enumerate().map(move |(at, end)| {
            if let Some((_, next)) = contexts.next_if(|(first, _)| *first <= at) {
                context = next.as_ref();
            }
            let bytes = self.bytes.get(start..*end).unwrap_or_default();
            start = *end;
            EncodedValue { encoding: self.encoding, bytes, context }
        })
    }
}

impl fmt::Debug for EncodedRun {
    /// Shows the sizes, never the content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncodedRun")
            .field("encoding", &self.encoding)
            .field("ends", &self.ends)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: RunBudget = RunBudget { values: 10, bytes: 100, per_value: 10, large: 50 };

    /// Takes values of these lengths, each with the context of its place.
    fn filled(run: &mut EncodedRun, lens: &[usize], contexts: &[Appended]) -> RunEnd {
        let mut values = lens.iter().zip(contexts.iter().cycle());
        run.fill(BUDGET, |out| {
            Poll::Ready(values.next().map(|(len, context)| {
                out.resize(out.len() + len, b'x');
                Ok(context.clone())
            }))
        })
    }

    #[test]
    fn values_are_taken_until_the_budget_is_spent() {
        for (lens, taken) in [
            (&[0; 20][..], 10),
            (&[15; 20], 4),
            (&[10; 20], 5),
            (&[3, 49, 1], 3),
            (&[3, 50, 1], 2),
            (&[1000, 1], 1),
        ] {
            let mut run = EncodedRun::new(Encoding::Json);
            let end = filled(&mut run, lens, &[None]);
            assert_eq!(run.len(), taken, "{lens:?}");
            let is_spent = matches!(end, RunEnd::Budget);
            assert_eq!(is_spent, taken < lens.len(), "{lens:?}: {end:?}");
            let came: Vec<_> = run.values().map(|value| value.bytes.len()).collect();
            assert_eq!(came, lens[..taken]);
        }
    }

    #[test]
    fn values_keep_what_they_need_and_what_is_the_same_is_there_once() {
        let types = |n: u8| Some(Arc::new(n) as Arc<dyn Any + Send + Sync>);
        let (one, two) = (types(1), types(2));
        let contexts = [&one, &one, &None, &two, &two, &one].map(Clone::clone);
        let mut run = EncodedRun::new(Encoding::Gob);
        filled(&mut run, &[1; 6], &contexts);
        assert_eq!(run.contexts().count(), 4);
        for (value, context) in run.values().zip(&contexts) {
            assert_eq!(value.context.map(Arc::as_ptr), context.as_ref().map(Arc::as_ptr));
        }
        assert_eq!(run.values().count(), 6);
    }

    #[test]
    fn a_large_value_at_the_end_is_taken_out_with_what_it_needs() {
        let types = |n: u8| Some(Arc::new(n) as Arc<dyn Any + Send + Sync>);
        let (one, two) = (types(1), types(2));
        let mut run = EncodedRun::new(Encoding::Gob);
        filled(&mut run, &[3, 4, 60], &[one.clone(), one.clone(), two.clone()]);
        assert!(run.pop_large(61).is_none());
        let (value, context) = run.pop_large(60).unwrap();
        assert_eq!((value.len(), run.bytes().len(), run.contexts().count()), (60, 7, 1));
        assert!(Arc::ptr_eq(&context.unwrap(), two.as_ref().unwrap()));
        let (value, context) = run.pop_large(4).unwrap();
        assert_eq!((value.len(), run.len()), (4, 1));
        assert!(Arc::ptr_eq(&context.unwrap(), one.as_ref().unwrap()));
        assert_eq!(run.pop_large(0).unwrap().0.len(), 3);
        assert!(run.is_empty() && run.pop_large(0).is_none());
    }

    #[test]
    fn what_an_encoder_leaves_behind_when_it_fails_is_no_value() {
        let mut run = EncodedRun::new(Encoding::Json);
        filled(&mut run, &[3], &[None]);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            run.fill(BUDGET, |out| {
                out.push(b'y');
                panic!("half-way")
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(run.bytes(), b"xxx");
        run.clear(Encoding::Gob);
        assert!(run.is_empty() && run.bytes().is_empty());
    }
}
