//! How the fields that prost generates look to serde.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;

use bytes::Bytes;
use polywire_schema::{EnumType, Kind, Schema, Type};
use serde::de::{DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::{Deserializer, Serialize, Serializer};

use super::fields::{Formed, Read};

/// A way to write values of a type, and the schema of what is written.
pub trait Form<T>: Schema {
    /// Writes a value.
    ///
    /// # Errors
    /// Those of the serializer, and when the form cannot express the value.
    fn write<S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error>;

    /// Reads a value.
    ///
    /// # Errors
    /// Those of the deserializer.
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<T, D::Error>;
}

/// As the type's own serde implementation has it.
#[derive(Debug)]
pub struct Plain<T>(PhantomData<T>);

impl<T: Schema> Schema for Plain<T> {
    const TYPE: &'static Type = T::TYPE;
}

impl<T: Schema + Serialize + DeserializeOwned> Form<T> for Plain<T> {
    fn write<S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        value.serialize(to)
    }

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
        T::deserialize(from)
    }
}

// Prost boxes messages that hold themselves.
impl<T: Schema + Serialize + DeserializeOwned> Form<Box<T>> for Plain<T> {
    fn write<S: Serializer>(value: &Box<T>, to: S) -> Result<S::Ok, S::Error> {
        value.serialize(to)
    }

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Box<T>, D::Error> {
        T::deserialize(from).map(Box::new)
    }
}

/// A byte string.
#[derive(Debug)]
pub struct Raw;

impl Schema for Raw {
    const TYPE: &'static Type = Bytes::TYPE;
}

impl Form<Bytes> for Raw {
    fn write<S: Serializer>(value: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(value)
    }

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        serde::Deserialize::deserialize(from)
    }
}

impl Form<Vec<u8>> for Raw {
    fn write<S: Serializer>(value: &Vec<u8>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(value)
    }

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        <Self as Form<Bytes>>::read(from).map(Vec::from)
    }
}

/// The values of an `enum` of a `.proto` file.
pub trait Enumeration: 'static {
    /// The values: their names as they stand in the file, and their numbers.
    const VALUES: &'static [(&'static str, i32)];

    /// The descriptor.
    const ENUM: &'static EnumType;
}

/// The number of an enum's value, which others may know more of, written as the value's name.
#[derive(Debug)]
pub struct Open<E>(PhantomData<E>);

impl<E: Enumeration> Schema for Open<E> {
    const TYPE: &'static Type = &Type::new::<Self>(Kind::Enum(E::ENUM));
}

impl<E: Enumeration> Form<i32> for Open<E> {
    fn write<S: Serializer>(value: &i32, to: S) -> Result<S::Ok, S::Error> {
        match E::VALUES.iter().find(|(_, number)| number == value) {
            Some((name, _)) => to.serialize_str(name),
            None => to.serialize_str(&value.to_string()),
        }
    }

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<i32, D::Error> {
        from.deserialize_str(Number::<E>(PhantomData))
    }
}

struct Number<E>(PhantomData<E>);

impl<E: Enumeration> Visitor<'_> for Number<E> {
    type Value = i32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the name of a value of {}", E::ENUM.name)
    }

    fn visit_str<R: serde::de::Error>(self, name: &str) -> Result<i32, R> {
        let known = E::VALUES.iter().find(|(known, _)| *known == name);
        // To Go, what is left out is the empty string.
        let zero = || if name.is_empty() { Some(0) } else { None };
        known
            .map(|(_, number)| *number)
            .or_else(|| name.parse().ok())
            .or_else(zero)
            .ok_or_else(|| R::invalid_value(serde::de::Unexpected::Str(name), &self))
    }
}

/// A value that may be absent.
#[derive(Debug)]
pub struct Maybe<F>(PhantomData<F>);

impl<F: Schema> Schema for Maybe<F> {
    const TYPE: &'static Type = &Type::new::<Self>(Kind::Option(F::schema));
}

impl<F: Form<T>, T> Form<Option<T>> for Maybe<F> {
    fn write<S: Serializer>(value: &Option<T>, to: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => to.serialize_some(&Formed::<F, T>(value, PhantomData)),
            None => to.serialize_none(),
        }
    }

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
        from.deserialize_option(Optional::<F, T>(PhantomData))
    }
}

struct Optional<F, T>(PhantomData<(F, T)>);

impl<'de, F: Form<T>, T> Visitor<'de> for Optional<F, T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} or nothing", F::TYPE)
    }

    fn visit_none<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Option<T>, D::Error> {
        F::read(from).map(Some)
    }
}

/// A `repeated` field.
#[derive(Debug)]
pub struct Many<F>(PhantomData<F>);

impl<F: Schema> Schema for Many<F> {
    const TYPE: &'static Type = &Type::new::<Self>(Kind::List(F::schema));
}

impl<F: Form<T>, T> Form<Vec<T>> for Many<F> {
    fn write<S: Serializer>(value: &Vec<T>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(value.iter().map(|item| Formed::<F, T>(item, PhantomData)))
    }

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
        from.deserialize_seq(List::<F, T>(PhantomData))
    }
}

struct List<F, T>(PhantomData<(F, T)>);

impl<'de, F: Form<T>, T> Visitor<'de> for List<F, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of {}", F::TYPE)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
        // Not as many as the peer promises, but as many as come.
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Read::<F, T>::new())? {
            items.push(item);
        }
        Ok(items)
    }
}

/// A `map`.
#[derive(Debug)]
pub struct Mapped<K, F>(PhantomData<(K, F)>);

impl<K: Schema, F: Schema> Schema for Mapped<K, F> {
    const TYPE: &'static Type = &Type::new::<Self>(Kind::Map(K::schema, F::schema));
}

impl<K, F, T, H> Form<HashMap<K, T, H>> for Mapped<K, F>
where
    K: Schema + Serialize + DeserializeOwned + Eq + Hash,
    F: Form<T>,
    H: BuildHasher + Default,
{
    fn write<S: Serializer>(value: &HashMap<K, T, H>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(entries::<F, _, _>(value))
    }

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<HashMap<K, T, H>, D::Error> {
        from.deserialize_map(Entries::<F, K, T, _>::new())
    }
}

impl<K, F, T> Form<BTreeMap<K, T>> for Mapped<K, F>
where
    K: Schema + Serialize + DeserializeOwned + Ord,
    F: Form<T>,
{
    fn write<S: Serializer>(value: &BTreeMap<K, T>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(entries::<F, _, _>(value))
    }

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<K, T>, D::Error> {
        from.deserialize_map(Entries::<F, K, T, _>::new())
    }
}

fn entries<'a, F, K: 'a, T: 'a>(
    map: impl IntoIterator<Item = (&'a K, &'a T)>,
) -> impl Iterator<Item = (&'a K, Formed<'a, F, T>)> {
    map.into_iter().map(|(key, value)| (key, Formed(value, PhantomData)))
}

/// Reads a map into one of std's.
struct Entries<F, K, T, M>(PhantomData<(F, K, T, M)>);

impl<F, K, T, M> Entries<F, K, T, M> {
    const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<'de, F, K, T, M> Visitor<'de> for Entries<F, K, T, M>
where
    F: Form<T>,
    K: DeserializeOwned,
    M: Default + Extend<(K, T)>,
{
    type Value = M;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a map to {}", F::TYPE)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<M, A::Error> {
        let mut entries = M::default();
        while let Some(key) = map.next_key::<K>()? {
            let value = map.next_value_seed(Read::<F, T>::new())?;
            entries.extend([(key, value)]);
        }
        Ok(entries)
    }
}
