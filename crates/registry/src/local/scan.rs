//! What the files of a directory say.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs::{self, DirEntry, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use polywire_core::{Address, Instance};
use serde::{Deserialize, Serialize};

use super::lease_file::{self, SUFFIX, TEMPORARY};

/// Reads the lease files of one service, each once: what a file says never changes, a new record
/// is a new file.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    read: HashMap<OsString, Known>,
}

#[derive(Debug)]
struct Known {
    inode: u64,
    /// None if the record is bad.
    instance: Option<Instance>,
}

impl Scanner {
    /// Every live instance; files of dead ones are removed, bad ones skipped.
    pub(super) fn scan(&mut self, directory: &Path) -> io::Result<Vec<Instance>> {
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.read.clear();
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let mut instances = Vec::new();
        let mut read = HashMap::with_capacity(self.read.len());
        for entry in entries {
            let entry = entry?;
            // One file that cannot be read must not hide the others.
            match self.look(&entry) {
                Ok(Some(known)) => {
                    instances.extend(known.instance.clone());
                    read.insert(entry.file_name(), known);
                }
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    tracing::warn!(file = %entry.path().display(), %error, "cannot read a lease");
                }
            }
        }
        self.read = read;
        Ok(instances)
    }

    fn look(&mut self, entry: &DirEntry) -> io::Result<Option<Known>> {
        let (name, path) = (entry.file_name(), entry.path());
        // Opening a pipe would wait for its other end.
        if !entry.file_type()?.is_file() {
            return Ok(None);
        }
        let text = name.to_string_lossy();
        if text.ends_with(TEMPORARY) {
            lease_file::sweep(&path)?;
        }
        if !text.ends_with(SUFFIX) || text.starts_with('.') {
            return Ok(None);
        }
        let mut file = File::open(&path)?;
        let inode = file.metadata()?.ino();
        let known = match self.read.remove(&name).filter(|known| known.inode == inode) {
            Some(known) => known,
            None => Known { inode, instance: read_instance(&mut file, &path)? },
        };
        // What is no lease of ours is not ours to remove either.
        if known.instance.is_some() && !lease_file::is_live(&file)? {
            lease_file::sweep(&path)?;
            return Ok(None);
        }
        Ok(Some(known))
    }
}

/// The services with at least one live instance, sorted.
pub(super) fn services(root: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            let instances = Scanner::default().scan(&entry.path())?;
            names.extend(instances.into_iter().next().map(|instance| instance.service));
        }
    }
    names.sort();
    Ok(names)
}

/// What a lease file holds.
#[derive(Serialize, Deserialize)]
struct Record {
    service: String,
    id: String,
    address: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    version: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
}

/// The text of a lease file.
pub(super) fn to_record(instance: &Instance) -> serde_json::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(&Record {
        service: instance.service.clone(),
        id: instance.id.clone(),
        address: instance.address.to_string(),
        version: instance.version.clone(),
        metadata: instance.metadata.clone(),
    })?;
    text.push(b'\n');
    Ok(text)
}

/// Reads a lease file; a bad one is named in the log, once.
fn read_instance(file: &mut File, path: &Path) -> io::Result<Option<Instance>> {
    let mut text = Vec::new();
    file.take(MAX_RECORD_BYTES + 1).read_to_end(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|len| len > MAX_RECORD_BYTES) {
        let file = path.display();
        tracing::warn!(%file, "skipped a lease file of more than {MAX_RECORD_BYTES} bytes");
        return Ok(None);
    }
    let instance = match serde_json::from_slice::<Record>(&text) {
        Ok(record) => to_instance(record),
        Err(error) => {
            tracing::warn!(file = %path.display(), %error, "skipped a malformed lease file");
            return Ok(None);
        }
    };
    if !lease_file::belongs(&instance, path) {
        tracing::warn!(file = %path.display(), "skipped a lease file of another instance");
        return Ok(None);
    }
    Ok(Some(instance))
}

fn to_instance(record: Record) -> Instance {
    let address = Address::from(record.address);
    let mut instance =
        Instance::new(record.service, record.id, address).with_version(record.version);
    instance.metadata = record.metadata;
    instance
}

/// The largest lease file that is read.
const MAX_RECORD_BYTES: u64 = 64 * 1024;
