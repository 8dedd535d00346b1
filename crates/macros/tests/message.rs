//! What the derive hands to the encodings, so that they can implement their own traits.
#![deny(missing_docs, unused_qualifications, unreachable_pub, warnings)]

use std::collections::BTreeMap;

use polywire_macros::Schema;
use serde::{Deserialize, Serialize};

mod json {
    //! An encoding with a trait of its own.

    use serde::{Serialize, de::DeserializeOwned};

    pub(super) trait Message: Sized + Send {
        fn write(&self) -> String;
        fn read(text: &str) -> Self;
    }

    pub(super) fn write(value: &impl Serialize) -> String {
        serde_json::to_string(value).expect("plain data")
    }

    pub(super) fn read<T: DeserializeOwned>(text: &str) -> T {
        serde_json::from_str(text).expect("what was written")
    }

    pub(super) mod __private {
        pub(crate) use polywire_schema as schema;
        pub(crate) mod serde {
            pub(crate) use ::serde::{Serialize, de};
        }

        macro_rules! message {
            ({ $($generics:tt)* } { $ty:ty } { $($clause:tt)* }) => {
                impl $($generics)* crate::json::Message for $ty $($clause)* {
                    fn write(&self) -> String {
                        crate::json::write(self)
                    }

                    fn read(text: &str) -> Self {
                        crate::json::read(text)
                    }
                }
            };
        }
        pub(crate) use message as impl_message;
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate::json")]
struct Plain {
    id: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
#[schema(crate = "json")]
struct Page<T, K: Ord + Clone, const N: usize>
where
    T: Default,
{
    item: T,
    counts: BTreeMap<K, u32>,
}

fn returns<T: json::Message + PartialEq + std::fmt::Debug>(value: &T) {
    assert_eq!(T::read(&value.write()), *value);
}

#[test]
fn every_type_becomes_a_message() {
    returns(&Plain { id: 1 });
}

#[test]
fn a_generic_type_becomes_a_message_if_its_parameters_travel() {
    returns(&Page::<u8, String, 3> { item: 1, counts: BTreeMap::from([("a".into(), 2)]) });
}
