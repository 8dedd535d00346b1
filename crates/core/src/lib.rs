//! The nouns of polywire: requests, replies, statuses and the seams between crates.
#![forbid(unsafe_code)]
