//! Messages that are std's types or gob's, so that a method may take and return them as they are.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};
use std::time::{Duration, SystemTime};

use polywire_schema::Schema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::__impl_message;

macro_rules! plain {
    ($($ty:ty),* $(,)?) => {
        $(__impl_message! { {} { $ty } {} })*
    };
}

plain!((), bool, i8, i16, i32, i64, isize, u8, u16, u32, u64, usize, f32, f64, char, String);
plain!(Duration, SystemTime, bytes::Bytes);
plain!(polywire_gob::Any, polywire_gob::BigInt);
plain!(polywire_gob::Complex<f32>, polywire_gob::Complex<f64>);

__impl_message! { {<T>} { Vec<T> } { where T: Schema + Serialize + DeserializeOwned + Send } }
__impl_message! { {<T>} { Box<T> } { where T: Schema + Serialize + DeserializeOwned + Send } }
__impl_message! { {<T, const N: usize>} { [T; N] } {
    where T: Schema + Send, [T; N]: Serialize + DeserializeOwned
} }
__impl_message! { {<K, V>} { BTreeMap<K, V> } {
    where K: Schema + Serialize + DeserializeOwned + Ord + Send,
        V: Schema + Serialize + DeserializeOwned + Send
} }
__impl_message! { {<K, V, S>} { HashMap<K, V, S> } {
    where K: Schema + Serialize + DeserializeOwned + Eq + Hash + Send,
        V: Schema + Serialize + DeserializeOwned + Send,
        S: BuildHasher + Default + Send + 'static
} }
__impl_message! { {<A, B>} { (A, B) } {
    where A: Schema + Serialize + DeserializeOwned + Send,
        B: Schema + Serialize + DeserializeOwned + Send
} }
