//! JSON directed by a type's descriptor, so that names, bytes and times come out as each peer
//! expects them.

use polywire_schema::{Schema, Type};
use serde::Serialize;
use serde::de::DeserializeOwned;
