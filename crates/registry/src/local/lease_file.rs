//! One lease file: made visible, probed and removed without races.
//!
//! Whoever changes what is at a path, by removing or replacing it, holds the lock of the file that
//! is there. A new file appears by `link`, which never replaces one. So a file that was probed
//! cannot be swapped for a live one between the probe and the removal.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use polywire_core::{Instance, RegistryError};

use super::directory;

/// What came of [`publish`].
pub(super) enum Published {
    /// The record can be seen; the file is its lock.
    Visible(File),
    /// Somebody else holds the path, perhaps only to look at it.
    Held,
}

/// Makes a record visible at `path`, whole and locked. `ours` says that this process holds the
/// lock of the file that is there now, which is replaced.
pub(super) fn publish(path: &Path, record: &[u8], ours: bool) -> io::Result<Published> {
    if let Some(parent) = path.parent() {
        directory::create(parent)?;
    }
    let temporary = path.with_file_name(format!(".{:016x}.tmp", fastrand::u64(..)));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    let made = match file.try_lock() {
        Ok(()) => file.write_all(record).and_then(|()| show(&temporary, path, ours)),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    };
    if !matches!(made, Ok(true)) {
        // Nobody can find it any more if this fails too, except those who sweep.
        drop(fs::remove_file(&temporary));
    }
    Ok(if made? { Published::Visible(file) } else { Published::Held })
}

/// Moves a temporary file to where it can be seen; false if there is somebody else's file.
fn show(temporary: &Path, path: &Path, ours: bool) -> io::Result<bool> {
    let shown = if ours {
        fs::rename(temporary, path)
    } else {
        fs::hard_link(temporary, path).and_then(|()| fs::remove_file(temporary))
    };
    match shown {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            sweep(path)?;
            Ok(false)
        }
        // Somebody swept the temporary file before it was locked.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether the owner of a file is alive. Looking takes a shared lock, so that those who look do
/// not mistake each other for the owner.
pub(super) fn is_live(file: &File) -> io::Result<bool> {
    match file.try_lock_shared() {
        Ok(()) => file.unlock().map(|()| false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Removes the file at `path` if nobody holds its lock.
pub(super) fn sweep(path: &Path) -> io::Result<()> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    match file.try_lock() {
        Ok(()) => remove(&file, path),
        Err(TryLockError::WouldBlock) => Ok(()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Removes the file at `path` if it is still the one whose lock the caller holds.
pub(super) fn remove(locked: &File, path: &Path) -> io::Result<()> {
    if is_at(locked, path)? {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// Whether an open file is what is at `path`.
pub(super) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let there = match fs::symlink_metadata(path) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let ours = file.metadata()?;
    Ok((ours.dev(), ours.ino()) == (there.dev(), there.ino()))
}

/// Where the lease file of an instance belongs.
///
/// # Errors
/// When the service or the id has no name.
pub(super) fn path(root: &Path, instance: &Instance) -> Result<PathBuf, RegistryError> {
    let name = file_name("instance id", &instance.id)?;
    Ok(directory(root, &instance.service)?.join(format!("{name}{SUFFIX}")))
}

/// Where the lease files of a service are.
///
/// # Errors
/// When the service has no name.
pub(super) fn directory(root: &Path, service: &str) -> Result<PathBuf, RegistryError> {
    Ok(root.join(file_name("service name", service)?))
}

/// Whether `path` is where the lease file of this instance belongs.
pub(super) fn belongs(instance: &Instance, path: &Path) -> bool {
    let root = path.parent().and_then(Path::parent);
    root.is_some_and(|root| self::path(root, instance).is_ok_and(|right| right == path))
}

/// A name as one component of a path: letters, digits, `-`, `_` and inner dots as they are, the
/// rest as `%XX`.
fn file_name(what: &str, name: &str) -> Result<String, RegistryError> {
    if name.is_empty() {
        return Err(RegistryError::new(format!("the {what} is empty")));
    }
    let mut escaped = String::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            b'.' if at > 0 => escaped.push('.'),
            b'-' | b'_' => escaped.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => escaped.push(char::from(byte)),
            byte => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    Ok(escaped)
}

/// What the names of lease files end in.
pub(super) const SUFFIX: &str = ".json";

/// What the names of files end in that are being written.
pub(super) const TEMPORARY: &str = ".tmp";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_component_of_a_path_whatever_it_holds() {
        for (name, expected) in [
            ("greeter", "greeter"),
            ("acme.v1.Greeter", "acme.v1.Greeter"),
            ("..", "%2E."),
            ("a/b", "a%2Fb"),
            ("10.0.0.1:80", "10.0.0.1%3A80"),
            ("ü%", "%C3%BC%25"),
        ] {
            assert_eq!(file_name("name", name).unwrap(), expected);
        }
        assert!(file_name("name", "").is_err());
    }
}
