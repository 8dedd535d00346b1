//! Layers for both sides of a call: deadline, limits, panic containment, trace.
#![forbid(unsafe_code)]
