//! What a Go field of interface type holds, as the field of a Rust struct.

mod handoff;
mod names;
mod plain;

use std::fmt;

use polywire_schema::{Kind, Schema, Type};
use serde::de::{DeserializeOwned, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

pub(crate) use self::handoff::{Needed, ask, hand_over};
pub use self::names::register;
use self::plain::Plain;
use crate::error::{DecodeError, EncodeError};
use crate::frame::Frame;
use crate::value::{Dynamic, Value, decode_value, encode_value};

/// A value that brings its type along: Go's `interface{}`, and any value in JSON.
///
/// Over gob it keeps the name by which the concrete type is registered, and the type itself, so
/// that it is sent on as it came. In JSON it is the plain value; what is read from JSON has the
/// types that Go's encoding/json gives to an `interface{}`, except that whole numbers are `int`.
///
/// ```
/// use polywire_gob::{Any, Schema, from_slice, register, to_vec};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
/// #[schema(crate = "polywire_gob")]
/// struct Point {
///     x: i64,
///     y: i64,
/// }
///
/// /// In Go: `type Event struct { Kind string; Detail any }`.
/// #[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
/// #[schema(crate = "polywire_gob")]
/// struct Event {
///     kind: String,
///     detail: Any,
/// }
///
/// register::<Point>("main.Point")?; // as gob.Register(Point{}) in Go
/// let event = Event { kind: "moved".into(), detail: Any::of(&Point { x: 1, y: 2 })? };
/// let back: Event = from_slice(&to_vec(&event)?)?;
/// assert_eq!(back.detail.name(), Some("main.Point"));
/// assert_eq!(back.detail.get::<Point>()?, Point { x: 1, y: 2 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct Any(Option<Box<Dynamic>>);

impl Any {
    /// Holds nothing, which is the default.
    #[must_use]
    pub const fn nil() -> Self {
        Self(None)
    }

    /// Holds a value whose type Go knows by this name, such as `main.Point` or `[]string`.
    #[must_use]
    pub fn new(name: impl Into<String>, value: Value) -> Self {
        Self(Some(Box::new(Dynamic { name: name.into(), value })))
    }

    /// Holds a value of a Rust type, by the name given to [`register`]. Scalars, and lists and maps
    /// of them, need none.
    ///
    /// # Errors
    /// When the type has no name, or cannot be encoded.
    pub fn of<T: Serialize + Schema + ?Sized>(value: &T) -> Result<Self, EncodeError> {
        let name = names::name(T::TYPE)?;
        let (bytes, definitions) = crate::ser::encode(value)?;
        let frame = Frame::new(bytes, definitions.table().clone());
        let value = decode_value(&frame).map_err(<EncodeError as serde::ser::Error>::custom)?;
        Ok(Self::new(name, value))
    }

    /// Reads what is held as a Rust type. The name does not matter, only whether the types fit.
    ///
    /// # Errors
    /// When nothing is held, or a value of a type that does not fit.
    pub fn get<T: DeserializeOwned + Schema>(&self) -> Result<T, DecodeError> {
        let Some(value) = self.value() else {
            return Err(DecodeError::mismatch("gob: interface is nil"));
        };
        let (bytes, definitions) =
            encode_value(value).map_err(<DecodeError as serde::de::Error>::custom)?;
        crate::de::decode(&Frame::new(bytes, definitions.table().clone()))
    }

    /// Whether nothing is held.
    #[must_use]
    pub const fn is_nil(&self) -> bool {
        self.0.is_none()
    }

    /// The name of the concrete type, unless nothing is held.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.as_ref().map(|held| held.name.as_str())
    }

    /// The value, unless nothing is held.
    #[must_use]
    pub fn value(&self) -> Option<&Value> {
        self.0.as_ref().map(|held| &held.value)
    }

    /// Takes out name and value.
    #[must_use]
    pub fn into_dynamic(self) -> Option<Dynamic> {
        self.0.map(|held| *held)
    }
}

impl From<Option<Dynamic>> for Any {
    fn from(held: Option<Dynamic>) -> Self {
        Self(held.map(Box::new))
    }
}

impl Schema for Any {
    const TYPE: &'static Type = &Type::new::<Self>(Kind::Any);
}

impl fmt::Debug for Any {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("nil"),
            Some(held) => write!(f, "{}({:?})", held.name, held.value),
        }
    }
}

impl Serialize for Any {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(NAME, &Offer(self))
    }
}

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(NAME, Taker)
    }
}

/// By which name the gob serializer and deserializer know an [`Any`].
pub(crate) const NAME: &str = "polywire_gob::Any";

/// Answers the gob serializer; any other gets the plain value.
struct Offer<'a>(&'a Any);

impl Serialize for Offer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if handoff::answer(self.0.0.as_deref()) {
            return serializer.serialize_u64(0);
        }
        match self.0.value() {
            Some(value) => Plain(value).serialize(serializer),
            None => serializer.serialize_unit(),
        }
    }
}

/// Takes what the gob deserializer hands over; from any other, the plain value.
struct Taker;

impl<'de> Visitor<'de> for Taker {
    type Value = Any;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Any, E> {
        Ok(Any(handoff::take()))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Any, D::Error> {
        plain::read(deserializer)
    }
}
