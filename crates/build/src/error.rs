//! Why there is no code.

use std::io;

/// Why `.proto` files did not become Rust.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// The files are in error, or one that they import is not found; the text says where.
    #[error("{0}")]
    Proto(String),
    /// The files are in order and say something that has no form in Rust or on our wires.
    #[error("{at}: {why}")]
    Unsupported {
        /// The message, field or method, by its full name.
        at: String,
        /// What is wrong with it, and what to do instead.
        why: String,
    },
    /// The output could not be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// Nobody says where the output goes: this is not a build script, and
    /// [`Builder::out_dir`](crate::Builder::out_dir) was not called.
    #[error("the variable OUT_DIR is not set; call `out_dir` outside of a build script")]
    NoOutput,
}
