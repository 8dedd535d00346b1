//! Values to payloads and back, for every encoding polywire speaks.
#![forbid(unsafe_code)]
