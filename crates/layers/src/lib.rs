//! Layers for both sides of a call.
#![forbid(unsafe_code)]

pub use tower_layer::Layer;
