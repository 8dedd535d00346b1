//! Who runs where: memory, static and local registries behind one seam.
#![forbid(unsafe_code)]
