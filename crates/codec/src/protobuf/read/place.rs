//! The fields on the way to a value, for error texts.

use super::super::ProtobufError;
use super::super::error::Failure;

/// A step on the way to a value.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    pub(super) parent: Option<&'p Self>,
    /// The type that has the field.
    pub(super) owner: &'static str,
    pub(super) step: Step,
}

/// A field by name, or by position.
#[derive(Clone, Copy)]
pub(super) enum Step {
    Name(&'static str),
    Position(usize),
}

impl Place<'_> {
    /// The way as text: `Order.lines.price`.
    pub(super) fn describe(&self) -> String {
        let (mut path, mut owner) = (Vec::new(), self.owner);
        let mut next = Some(self);
        while let Some(place) = next {
            path.push(match place.step {
                Step::Name(name) => name.to_owned(),
                Step::Position(at) => at.to_string(),
            });
            (owner, next) = (place.owner, place.parent);
        }
        if !owner.is_empty() {
            path.push(owner.to_owned());
        }
        path.reverse();
        path.join(".")
    }

    /// Says where it happened, if the error does not know yet.
    pub(super) fn locate(&self, error: Failure) -> Failure {
        match error.into() {
            ProtobufError::Serde { field, message } if field.is_empty() => {
                ProtobufError::Serde { field: self.describe(), message }
            }
            error => error,
        }
        .into()
    }
}
