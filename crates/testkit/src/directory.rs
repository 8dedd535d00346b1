//! A directory for the time of a test.

use std::fs;
use std::path::{Path, PathBuf};

/// A directory for the time of a test, removed at the end.
#[derive(Debug)]
pub struct Directory(PathBuf);

impl Directory {
    /// A directory of this name, which only one test of the process uses.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let name = format!("polywire-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a directory can be made");
        Self(path)
    }

    /// Where a file of this name is, or would be.
    #[must_use]
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file.
    ///
    /// # Panics
    /// When that cannot be done.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).expect("a file can be written");
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What is left behind is the system's to clear.
        drop(fs::remove_dir_all(&self.0));
    }
}
