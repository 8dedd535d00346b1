//! Go's complex numbers.

use polywire_schema::{Kind, Schema, Type};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A complex number: Go's `complex64` for `Complex<f32>`, `complex128` for `Complex<f64>`. In JSON,
/// which Go cannot write it in, it is an array of both parts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Complex<T> {
    /// The real part.
    pub re: T,
    /// The imaginary part.
    pub im: T,
}

impl<T> Complex<T> {
    /// Puts both parts together.
    #[must_use]
    pub const fn new(re: T, im: T) -> Self {
        Self { re, im }
    }
}

impl<T> From<(T, T)> for Complex<T> {
    fn from((re, im): (T, T)) -> Self {
        Self { re, im }
    }
}

impl<T> From<Complex<T>> for (T, T) {
    fn from(of: Complex<T>) -> Self {
        (of.re, of.im)
    }
}

impl Schema for Complex<f32> {
    const TYPE: &'static Type = &Type::new::<Self>(Kind::Complex(32));
}

impl Schema for Complex<f64> {
    const TYPE: &'static Type = &Type::new::<Self>(Kind::Complex(64));
}

impl<T: Serialize> Serialize for Complex<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { re, im } = self;
        if serializer.is_human_readable() {
            return (re, im).serialize(serializer);
        }
        let mut parts = serializer.serialize_struct("Complex", 2)?;
        parts.serialize_field("re", re)?;
        parts.serialize_field("im", im)?;
        parts.end()
    }
}

/// As binary formats have it.
#[derive(Deserialize)]
#[serde(rename = "Complex")]
struct Parts<T> {
    re: T,
    im: T,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Complex<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return <(T, T)>::deserialize(deserializer).map(Self::from);
        }
        let Parts { re, im } = Parts::deserialize(deserializer)?;
        Ok(Self { re, im })
    }
}
