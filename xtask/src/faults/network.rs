//! Two network namespaces with a wire between them that can be cut.

use std::io::ErrorKind;
use std::path::Path;
use std::process::{self, Command};

/// The server's address; the client has the other one.
pub(super) const SERVER: &str = "10.231.77.1";
const CLIENT: &str = "10.231.77.2";
/// What both ends of the wire are called where they are.
const WIRE: &str = "wire0";
/// What a frame is sent to when the wire is cut: nobody's address, so that it is lost without a word,
/// as it is beyond a broken switch. Taking the link down would tell both ends.
const NOBODY: &str = "02:00:00:00:de:ad";
const NAME: &str = "polywire-faults-";

/// Two namespaces; dropping it removes them, and the wire with them.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) server: String,
    pub(super) client: String,
}

/// Why there is no network.
#[derive(Debug)]
pub(super) enum NetworkError {
    /// This machine, or this user, cannot have namespaces.
    Impossible(String),
    /// It can, and still something went wrong.
    Broken(String),
}

impl Network {
    pub(super) fn make() -> Result<Self, NetworkError> {
        remove_what_was_left();
        let name = |end| format!("{NAME}{}-{end}", process::id());
        let network = Self { server: name("server"), client: name("client") };
        ip(&["netns", "add", &network.server]).map_err(|why| {
            NetworkError::Impossible(format!("network namespaces need Linux, `ip` and root: {why}"))
        })?;
        network.wire().map_err(NetworkError::Broken)?;
        Ok(network)
    }

    fn wire(&self) -> Result<(), String> {
        let Self { server, client } = self;
        ip(&["netns", "add", client])?;
        let peer = ["peer", "name", WIRE, "netns", client];
        ip(&[&["-n", server, "link", "add", WIRE, "type", "veth"], &peer[..]].concat())?;
        for (namespace, address) in [(server, SERVER), (client, CLIENT)] {
            ip(&["-n", namespace, "addr", "add", &format!("{address}/24"), "dev", WIRE])?;
            ip(&["-n", namespace, "link", "set", "lo", "up"])?;
            ip(&["-n", namespace, "link", "set", WIRE, "up"])?;
        }
        Ok(())
    }

    /// Loses everything from now on, both ways, and tells nobody.
    pub(super) fn cut(&self) -> Result<(), String> {
        for (namespace, other) in self.ends() {
            let neighbour = ["neigh", "replace", other, "lladdr", NOBODY, "dev", WIRE];
            ip(&[&["-n", namespace], &neighbour[..], &["nud", "permanent"]].concat())?;
        }
        Ok(())
    }

    /// Loses nothing any more.
    pub(super) fn mend(&self) -> Result<(), String> {
        for (namespace, other) in self.ends() {
            ip(&["-n", namespace, "neigh", "del", other, "dev", WIRE])?;
        }
        Ok(())
    }

    /// Each namespace, and the address of the other.
    fn ends(&self) -> [(&str, &str); 2] {
        [(&self.server, CLIENT), (&self.client, SERVER)]
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for namespace in [&self.server, &self.client] {
            remove(namespace);
        }
    }
}

/// Removes what runs that were killed could not.
fn remove_what_was_left() {
    let Ok(names) = std::fs::read_dir("/run/netns") else { return };
    for entry in names.filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = name.strip_prefix(NAME).and_then(|rest| rest.split('-').next());
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            remove(&name);
        }
    }
}

fn remove(namespace: &str) {
    if !Path::new("/run/netns").join(namespace).exists() {
        return;
    }
    if let Err(why) = ip(&["netns", "del", namespace]) {
        eprintln!("faults: {why}");
    }
}

fn ip(words: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(words).output().map_err(|error| match error.kind() {
        ErrorKind::NotFound => "there is no `ip`, which iproute2 brings".to_owned(),
        _ => format!("ip: {error}"),
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("`ip {}`: {}", words.join(" "), said.trim()))
}
