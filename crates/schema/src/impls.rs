//! Descriptors of std's types and, by feature, of a few crates'.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::hash::BuildHasher;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::{Kind, Schema, Type};

macro_rules! scalars {
    ($($ty:ty => $kind:expr),* $(,)?) => {
        $(impl Schema for $ty {
            const TYPE: &'static Type = &Type::new::<Self>($kind);
        })*
    };
}

scalars! {
    () => Kind::Unit,
    bool => Kind::Bool,
    i8 => Kind::Int(8),
    i16 => Kind::Int(16),
    i32 => Kind::Int(32),
    i64 => Kind::Int(64),
    i128 => Kind::Int(128),
    isize => Kind::Int(64),
    u8 => Kind::Uint(8),
    u16 => Kind::Uint(16),
    u32 => Kind::Uint(32),
    u64 => Kind::Uint(64),
    u128 => Kind::Uint(128),
    usize => Kind::Uint(64),
    f32 => Kind::Float(32),
    f64 => Kind::Float(64),
    char => Kind::Char,
    String => Kind::String,
    str => Kind::String,
    Duration => Kind::Duration,
    SystemTime => Kind::Time,
}

#[cfg(feature = "bytes")]
scalars!(bytes::Bytes => Kind::Bytes);
#[cfg(feature = "serde_bytes")]
scalars!(serde_bytes::ByteBuf => Kind::Bytes);
#[cfg(feature = "chrono")]
scalars!(chrono::DateTime<chrono::Utc> => Kind::Time);
#[cfg(feature = "uuid")]
scalars!(uuid::Uuid => Kind::String);

macro_rules! transparent {
    ($($ty:ty),* $(,)?) => {
        $(impl<T: Schema + ?Sized> Schema for $ty {
            const TYPE: &'static Type = T::TYPE;
        })*
    };
}

transparent!(Box<T>, Rc<T>, Arc<T>);

impl<T: Schema + ToOwned + ?Sized> Schema for Cow<'static, T> {
    const TYPE: &'static Type = T::TYPE;
}

impl<T: Schema> Schema for Option<T> {
    const TYPE: &'static Type = &Type::new::<Self>(Kind::Option(T::schema));
}

macro_rules! lists {
    ($($ty:ty),* $(,)?) => {
        $(impl<T: Schema> Schema for $ty {
            const TYPE: &'static Type = &Type::new::<Self>(Kind::List(T::schema));
        })*
    };
}

lists!(Vec<T>, VecDeque<T>, BTreeSet<T>, [T]);

impl<T: Schema, S: BuildHasher + 'static> Schema for HashSet<T, S> {
    const TYPE: &'static Type = &Type::new::<Self>(Kind::List(T::schema));
}

impl<T: Schema, const N: usize> Schema for [T; N] {
    const TYPE: &'static Type = &Type::new::<Self>(Kind::Array(T::schema, N));
}

impl<K: Schema, V: Schema> Schema for BTreeMap<K, V> {
    const TYPE: &'static Type = &Type::new::<Self>(Kind::Map(K::schema, V::schema));
}

impl<K: Schema, V: Schema, S: BuildHasher + 'static> Schema for HashMap<K, V, S> {
    const TYPE: &'static Type = &Type::new::<Self>(Kind::Map(K::schema, V::schema));
}

macro_rules! tuples {
    ($($($name:ident)+);* $(;)?) => {
        $(impl<$($name: Schema),+> Schema for ($($name,)+) {
            const TYPE: &'static Type =
                &Type::new::<Self>(Kind::Tuple(&[$($name::schema),+]));
        })*
    };
}

tuples! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
    A B C D E F G H;
}
