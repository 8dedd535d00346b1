//! Unix sockets: the file, before and after.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf, absolute};

use polywire_core::Address;
use tokio::net::{UnixListener, UnixStream};

use crate::Socket;
use crate::socket::UNIX;

/// Listens on a Unix socket; dropping it removes the file.
#[derive(Debug)]
pub(crate) struct UnixSocketListener {
    listener: UnixListener,
    path: PathBuf,
    /// The file that was made, which may not be the one that is there in the end.
    file: FileId,
}

/// Device and inode.
type FileId = (u64, u64);

impl UnixSocketListener {
    /// Listens, in place of a socket that nobody listens on any more if there is one.
    pub(crate) async fn bind(path: &Path) -> io::Result<Self> {
        let path = absolute(path)?;
        let listener = match UnixListener::bind(&path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                remove_stale(&path).await?;
                UnixListener::bind(&path)?
            }
            bound => bound?,
        };
        let file = id(&fs::symlink_metadata(&path)?);
        Ok(Self { listener, path, file })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) async fn accept(&self) -> io::Result<(Socket, Address)> {
        let (stream, peer) = self.listener.accept().await?;
        let path = peer.as_pathname().unwrap_or(Path::new(""));
        Ok((Socket::Unix(stream), Address::from(format!("{UNIX}{}", path.display()))))
    }
}

impl Drop for UnixSocketListener {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path).is_ok_and(|found| id(&found) == self.file);
        // It may have gone in this very moment; there is nobody to tell.
        if ours {
            fs::remove_file(&self.path).unwrap_or_default();
        }
    }
}

/// Removes a socket that its owner left behind, as one that is killed does.
async fn remove_stale(path: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    let in_use = |why| io::Error::new(io::ErrorKind::AddrInUse, why);
    if !found.file_type().is_socket() {
        return Err(in_use("a file that is no socket is in the way"));
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
        Err(error) => return Err(error),
        Ok(_stream) => return Err(in_use("somebody listens on it")),
    }
    // Another newcomer may have replaced it since.
    if id(&fs::symlink_metadata(path)?) != id(&found) {
        return Err(in_use("somebody else is about to listen on it"));
    }
    fs::remove_file(path)
}

fn id(file: &fs::Metadata) -> FileId {
    (file.dev(), file.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("polywire-{name}-{}.sock", std::process::id()))
    }

    #[tokio::test]
    async fn the_file_is_there_as_long_as_somebody_listens() {
        let path = path("there");
        let listener = UnixSocketListener::bind(&path).await.unwrap();
        assert!(path.exists());
        drop(listener);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_socket_that_was_left_behind_is_replaced() {
        let path = path("stale");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let listener = UnixSocketListener::bind(&path).await.unwrap();
        UnixStream::connect(&path).await.unwrap();
        drop(listener);
    }

    #[tokio::test]
    async fn a_socket_that_somebody_listens_on_stays_theirs() {
        let path = path("theirs");
        let theirs = UnixSocketListener::bind(&path).await.unwrap();
        let error = UnixSocketListener::bind(&path).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        let (accepted, connected) = tokio::join!(theirs.accept(), UnixStream::connect(&path));
        accepted.unwrap();
        connected.unwrap();
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_is_left_alone() {
        let path = path("file");
        fs::write(&path, "precious").unwrap();
        let error = UnixSocketListener::bind(&path).await.unwrap_err();
        assert_eq!(error.to_string(), "a file that is no socket is in the way");
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        fs::remove_file(&path).unwrap();
    }

    #[tokio::test]
    async fn the_file_of_a_successor_is_not_removed() {
        let path = path("successor");
        let first = UnixSocketListener::bind(&path).await.unwrap();
        fs::rename(&path, path.with_extension("old")).unwrap();
        let second = UnixSocketListener::bind(&path).await.unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
        fs::remove_file(path.with_extension("old")).unwrap();
    }
}
