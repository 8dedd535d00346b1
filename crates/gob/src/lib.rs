//! Go's encoding/gob as a serde format.
#![forbid(unsafe_code)]
