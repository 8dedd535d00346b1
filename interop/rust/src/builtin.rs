//! Arguments and replies that are no structs.

use std::collections::HashMap;

use polywire::service;

/// Answers with collections.
#[derive(Debug, Default)]
pub struct Builtin;

#[service]
impl Builtin {
    /// `i` to itself; nothing below zero.
    pub async fn map(&self, i: i64) -> HashMap<i64, i64> {
        if i < 0 { HashMap::new() } else { HashMap::from([(i, i)]) }
    }

    /// From zero up to `i`.
    pub async fn slice(&self, i: i64) -> Vec<i64> {
        (0..i).collect()
    }

    /// `i` and its double.
    pub async fn array(&self, i: i64) -> [i64; 2] {
        [i, i.wrapping_mul(2)]
    }

    /// Nothing.
    pub async fn nothing(&self) {}
}
