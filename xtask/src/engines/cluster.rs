//! Three etcds, each in a network namespace of its own, with a wire each to a hub where those are
//! who use them.

use std::fs;
use std::path::PathBuf;
use std::process::{self, Command};
use std::time::Duration;

use super::process::Process;
use super::{Kind, within};

/// A cluster; dropping it removes it, and its network.
#[derive(Debug)]
pub(crate) struct Cluster {
    hub: String,
    members: Vec<Process>,
    data: PathBuf,
}

/// A member, by whom it is led, where `0` is nobody, and how far it has got.
struct Led {
    by: String,
    member: String,
    applied: String,
}

const MEMBERS: usize = 3;
const NET: &str = "10.231.78";
/// What a frame is sent to when a wire is cut: nobody's address, so that it is lost without a word.
const NOBODY: &str = "02:00:00:00:de:ad";

impl Cluster {
    /// Builds etcd, makes the network, and waits until the cluster has a leader.
    ///
    /// # Errors
    /// There can be no network namespaces, or etcd does not start.
    pub(crate) fn start() -> Result<Self, String> {
        let program = Kind::Etcd.build()?;
        let hub = format!("polywire-etcd-{}", process::id());
        let data = std::env::temp_dir().join(&hub);
        let mut cluster = Self { hub, members: Vec::new(), data };
        cluster.network()?;
        fs::create_dir_all(&cluster.data).map_err(|error| error.to_string())?;
        let peers: Vec<String> =
            (0..MEMBERS).map(|at| format!("m{at}=http://{}:2380", address(at))).collect();
        for at in 0..MEMBERS {
            let (here, data) = (address(at), cluster.data.join(format!("m{at}")));
            let words = format!(
                "netns exec {} {} --name=m{at} --data-dir={} --log-level=error \
                 --listen-client-urls=http://{here}:2379 --advertise-client-urls=http://{here}:2379 \
                 --listen-peer-urls=http://{here}:2380 \
                 --initial-advertise-peer-urls=http://{here}:2380 --initial-cluster={}",
                cluster.namespace(at),
                program.display(),
                data.display(),
                peers.join(",")
            );
            let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
            let log = cluster.data.join(format!("log{at}"));
            cluster.members.push(Process::start("ip".as_ref(), &words, &log)?);
        }
        let led = within(Duration::from_secs(60), || cluster.leader().is_ok());
        if led { Ok(cluster) } else { Err("the cluster has no leader after a minute".to_owned()) }
    }

    /// The namespace from which the members are reached.
    pub(crate) fn hub(&self) -> &str {
        &self.hub
    }

    /// Where the members are.
    pub(crate) fn addresses(&self) -> Vec<String> {
        (0..MEMBERS).map(|at| format!("{}:2379", address(at))).collect()
    }

    /// Which member leads, as it says itself.
    ///
    /// # Errors
    /// None does, or they cannot be asked.
    pub(crate) fn leader(&self) -> Result<usize, String> {
        for at in 0..MEMBERS {
            let Led { by, member, .. } = self.led(at)?;
            if by == member {
                return Ok(at);
            }
        }
        Err("none of the members leads".to_owned())
    }

    /// Whether all members follow the same leader, have what it has, and can ask it: one that was cut
    /// off hears of its leader long before the connections that carry the log, and its own questions,
    /// are tried again.
    pub(crate) fn is_one(&self) -> bool {
        let led: Result<Vec<Led>, String> = (0..MEMBERS).map(|at| self.led(at)).collect();
        let Ok(led) = led else { return false };
        let [first, rest @ ..] = &led[..] else { return false };
        let agrees = |one: &Led| one.by == first.by && one.applied == first.applied;
        first.by != "0" && rest.iter().all(agrees) && (0..MEMBERS).all(|at| self.can_ask(at))
    }

    /// Whether a member answers what it has to ask its leader for.
    fn can_ask(&self, at: usize) -> bool {
        let answer = self.curl(at, "kv/range", r#"{"key":"AA=="}"#);
        answer.is_ok_and(|answer| answer.contains("\"revision\""))
    }

    fn led(&self, at: usize) -> Result<Led, String> {
        let said = self.curl(at, "maintenance/status", "{}")?;
        let read: serde_json::Value =
            serde_json::from_str(&said).map_err(|error| format!("{error}: {said}"))?;
        let text = |path| read.pointer(path).and_then(serde_json::Value::as_str);
        let [member, applied] = ["/header/member_id", "/raftAppliedIndex"]
            .map(|path| text(path).unwrap_or_default().to_owned());
        Ok(Led { by: text("/leader").unwrap_or("0").to_owned(), member, applied })
    }

    /// What a member answers, asked from the hub.
    fn curl(&self, at: usize, path: &str, question: &str) -> Result<String, String> {
        let url = format!("http://{}:2379/v3/{path}", address(at));
        let mut curl = Command::new("ip");
        curl.args(["netns", "exec", &self.hub, "curl", "-s", "-m", "3", "-d", question, &url]);
        let output = curl.output().map_err(|error| format!("{curl:?}: {error}"))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Loses everything between a member and the others, which the hub goes on to reach.
    ///
    /// # Errors
    /// It cannot.
    pub(crate) fn cut(&self, member: usize) -> Result<(), String> {
        self.between(member, |namespace, other| {
            let neighbour = ["neigh", "replace", other, "lladdr", NOBODY, "dev", "wire"];
            ip(&[&["-n", namespace], &neighbour[..], &["nud", "permanent"]].concat())
        })
    }

    /// Loses nothing any more.
    ///
    /// # Errors
    /// It cannot.
    pub(crate) fn mend(&self, member: usize) -> Result<(), String> {
        self.between(member, |namespace, other| {
            ip(&["-n", namespace, "neigh", "del", other, "dev", "wire"])
        })
    }

    fn between(
        &self,
        member: usize,
        change: impl Fn(&str, &str) -> Result<(), String>,
    ) -> Result<(), String> {
        for other in (0..MEMBERS).filter(|other| *other != member) {
            change(&self.namespace(member), &address(other))?;
            change(&self.namespace(other), &address(member))?;
        }
        Ok(())
    }

    fn namespace(&self, at: usize) -> String {
        format!("{}-{at}", self.hub)
    }

    /// A bridge in the hub, and a wire from it to each member.
    fn network(&self) -> Result<(), String> {
        let hub = self.hub.as_str();
        ip(&["netns", "add", hub])?;
        ip(&["-n", hub, "link", "set", "lo", "up"])?;
        ip(&["-n", hub, "link", "add", "bridge", "type", "bridge"])?;
        ip(&["-n", hub, "addr", "add", &format!("{NET}.1/24"), "dev", "bridge"])?;
        ip(&["-n", hub, "link", "set", "bridge", "up"])?;
        for at in 0..MEMBERS {
            let (namespace, port) = (self.namespace(at), format!("port{at}"));
            let namespace = namespace.as_str();
            ip(&["netns", "add", namespace])?;
            let peer = ["type", "veth", "peer", "name", "wire", "netns", namespace];
            ip(&[&["-n", hub, "link", "add", &port], &peer[..]].concat())?;
            ip(&["-n", hub, "link", "set", &port, "master", "bridge", "up"])?;
            ip(&["-n", namespace, "addr", "add", &format!("{}/24", address(at)), "dev", "wire"])?;
            ip(&["-n", namespace, "link", "set", "lo", "up"])?;
            ip(&["-n", namespace, "link", "set", "wire", "up"])?;
        }
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.members.clear();
        let mut names: Vec<String> = (0..MEMBERS).map(|at| self.namespace(at)).collect();
        names.push(self.hub.clone());
        for name in names {
            // Some of them may never have come to be.
            drop(ip(&["netns", "del", &name]));
        }
        drop(fs::remove_dir_all(&self.data));
    }
}

fn address(at: usize) -> String {
    format!("{NET}.{}", 11 + at)
}

fn ip(words: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(words).output().map_err(|error| format!("ip: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("`ip {}`: {}", words.join(" "), String::from_utf8_lossy(&output.stderr).trim()))
}
