//! Static descriptors of message types: what every polywire encoding derives its names and shapes from.
#![forbid(unsafe_code)]
