//! Streams of values.
use std::io;
/// Writes values.
#[derive(Debug)]
pub struct Encoder<W: io::Write>(W);
/// Reads values.
#[derive(Debug)]
pub struct Decoder<R: io::Read>(R);
