//! The directory that the processes of one user share.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::{env, io};

/// `$XDG_RUNTIME_DIR/polywire`, or `polywire-UID` among the temporary files.
pub(super) fn default_path() -> io::Result<PathBuf> {
    match env::var_os("XDG_RUNTIME_DIR").filter(|directory| !directory.is_empty()) {
        Some(runtime) => Ok(Path::new(&runtime).join("polywire")),
        None => Ok(env::temp_dir().join(format!("polywire-{}", user()?))),
    }
}

/// Creates a directory that only its owner may enter; one that exists is left as it is.
pub(super) fn create(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// Checks that nobody else can put lease files there: the directory for temporary files is
/// everybody's, and another user may have been first.
pub(super) fn check_private(directory: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(directory)?;
    if metadata.is_dir() && metadata.uid() == user()? && metadata.mode() & 0o022 == 0 {
        return Ok(());
    }
    let why = "it is no directory of this user, or others may write to it";
    Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
}

/// The user this process runs as. std does not say; the owner of what the kernel made for this
/// process, or of the home directory, does.
fn user() -> io::Result<u32> {
    fs::metadata("/proc/self")
        .or_else(|error| env::var_os("HOME").ok_or(error).and_then(fs::metadata))
        .map(|metadata| metadata.uid())
}
