//! The fields of a message, as serde sees them.

use std::fmt;
use std::marker::PhantomData;

use polywire_schema::StructType;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeStruct;
use serde::{Deserializer, Serialize, Serializer};

use super::{Files, Form};

/// What is known of a message besides what prost makes of it.
pub trait Fields: prost::Message + Default + 'static {
    /// The fields, and what they are called on each wire.
    const STRUCT: &'static StructType;

    /// The names serde uses, in the order of [`Fields::STRUCT`].
    const NAMES: &'static [&'static str];

    /// The full name: `greeter.v1.HelloRequest`.
    const FULL_NAME: &'static str;

    /// The `.proto` files that describe it.
    fn files() -> &'static Files;

    /// Writes all fields in their order.
    ///
    /// # Errors
    /// Those of the serializer.
    fn put<S: SerializeStruct>(&self, to: &mut S) -> Result<(), S::Error>;

    /// Reads the field of that position; other positions are left alone.
    ///
    /// # Errors
    /// Those of the deserializer, and a second member of a `oneof`.
    fn take<'de, S: Source<'de>>(&mut self, field: usize, from: &mut S) -> Result<(), S::Error>;
}

/// Where the values of fields come from, one after another.
pub trait Source<'de> {
    /// Why there is no value.
    type Error: serde::de::Error;

    /// The next value.
    ///
    /// # Errors
    /// Those of the deserializer.
    fn next<F: Form<T>, T>(&mut self) -> Result<T, Self::Error>;

    /// The next value, for a member of a `oneof`: `Some` is put into its place.
    ///
    /// # Errors
    /// Those of the deserializer, and when another member is there already.
    fn member<F: Form<T>, T, O>(
        &mut self,
        oneof: &mut Option<O>,
        variant: impl FnOnce(T) -> O,
    ) -> Result<(), Self::Error> {
        let Some(value) = self.next::<super::Maybe<F>, Option<T>>()? else { return Ok(()) };
        if oneof.is_some() {
            return Err(Self::Error::custom("two members of one `oneof` are present"));
        }
        *oneof = Some(variant(value));
        Ok(())
    }
}

/// Writes a message as a struct.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<T: Fields, S: Serializer>(message: &T, to: S) -> Result<S::Ok, S::Error> {
    let mut to = to.serialize_struct(T::STRUCT.name, T::NAMES.len())?;
    message.put(&mut to)?;
    to.end()
}

/// Reads a message from a struct; fields that are absent keep their defaults.
///
/// # Errors
/// Those of the deserializer.
pub fn deserialize<'de, T: Fields, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    from.deserialize_struct(T::STRUCT.name, T::NAMES, Reader(PhantomData))
}

/// Writes one field in a form.
///
/// # Errors
/// Those of the serializer.
pub fn put<F: Form<T>, T, S: SerializeStruct>(
    to: &mut S,
    name: &'static str,
    value: &T,
) -> Result<(), S::Error> {
    to.serialize_field(name, &Formed::<F, T>(value, PhantomData))
}

/// Writes one member of a `oneof` in a form, if it is the one that is there.
///
/// # Errors
/// Those of the serializer.
pub fn put_member<F: Form<T>, T, S: SerializeStruct>(
    to: &mut S,
    name: &'static str,
    value: Option<&T>,
) -> Result<(), S::Error> {
    to.serialize_field(name, &value.map(|value| Formed::<F, T>(value, PhantomData)))
}

/// A value that serde writes in a form.
pub(super) struct Formed<'a, F, T>(pub(super) &'a T, pub(super) PhantomData<F>);

impl<F: Form<T>, T> Serialize for Formed<'_, F, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        F::write(self.0, to)
    }
}

/// Reads a value in a form.
pub(super) struct Read<F, T>(PhantomData<(F, T)>);

impl<F, T> Read<F, T> {
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<'de, F: Form<T>, T> DeserializeSeed<'de> for Read<F, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<T, D::Error> {
        F::read(from)
    }
}

struct Reader<T>(PhantomData<T>);

impl<'de, T: Fields> Visitor<'de> for Reader<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message {}", T::FULL_NAME)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut message = T::default();
        while let Some(field) = map.next_key_seed(Key(T::NAMES))? {
            match field {
                Some(field) => message.take(field, &mut Values(&mut map))?,
                None => map.next_value::<serde::de::IgnoredAny>().map(|_| ())?,
            }
        }
        Ok(message)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<T, A::Error> {
        let mut message = T::default();
        for field in 0..T::NAMES.len() {
            message.take(field, &mut Items(&mut seq))?;
        }
        Ok(message)
    }
}

struct Values<'a, A>(&'a mut A);

impl<'de, A: MapAccess<'de>> Source<'de> for Values<'_, A> {
    type Error = A::Error;

    fn next<F: Form<T>, T>(&mut self) -> Result<T, A::Error> {
        self.0.next_value_seed(Read::<F, T>::new())
    }
}

struct Items<'a, A>(&'a mut A);

impl<'de, A: SeqAccess<'de>> Source<'de> for Items<'_, A> {
    type Error = A::Error;

    fn next<F: Form<T>, T>(&mut self) -> Result<T, A::Error> {
        let value = self.0.next_element_seed(Read::<F, T>::new())?;
        value.ok_or_else(|| A::Error::custom("fewer values than the message has fields"))
    }
}

/// The position of a field's name.
struct Key(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Option<usize>, D::Error> {
        from.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E>(self, name: &str) -> Result<Option<usize>, E> {
        Ok(self.0.iter().position(|known| *known == name))
    }

    fn visit_bytes<E>(self, name: &[u8]) -> Result<Option<usize>, E> {
        Ok(self.0.iter().position(|known| known.as_bytes() == name))
    }

    fn visit_u64<E>(self, position: u64) -> Result<Option<usize>, E> {
        Ok(usize::try_from(position).ok().filter(|position| *position < self.0.len()))
    }
}
