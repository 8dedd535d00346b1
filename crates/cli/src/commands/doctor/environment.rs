//! Which registry and which broker the command line or the environment names, and by what.

use std::env;

use polywire::{broker, registry};

/// A registry or a broker, as somebody named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    /// The URL without passwords and tokens.
    pub(super) shown: String,
    /// The option or the variable; `default` where there is none.
    pub(super) by: &'static str,
}

impl Named {
    /// Whether other machines read what is registered there.
    pub(super) fn is_shared(&self) -> bool {
        // A list given by hand is read by whom it was given to.
        let scheme = self.shown.split(':').next().unwrap_or_default();
        !ON_THIS_MACHINE.contains(&scheme)
    }
}

/// The registry; the option is what the command line has for it, be it from the environment.
pub(super) fn registry(option: Option<&str>) -> Named {
    registry_by(option, variable)
}

/// The broker, if somebody named one.
pub(super) fn broker(option: Option<&str>) -> Option<Named> {
    broker_by(option, variable)
}

fn registry_by(option: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> Named {
    if let Some(url) = option.filter(|url| !url.is_empty()) {
        let by = given_by(url, registry::ENVIRONMENT, "--registry", &variable);
        return Named { shown: redacted(url), by };
    }
    match variable(MICRO_REGISTRY) {
        Some(name) if ON_THIS_MACHINE.contains(&&*name) || name == "mdns" => {
            Named { shown: format!("{name}:"), by: MICRO_REGISTRY }
        }
        Some(name) => {
            let addresses = variable(MICRO_REGISTRY_ADDRESS).unwrap_or_default();
            Named { shown: redacted(&format!("{name}:{addresses}")), by: MICRO_REGISTRY }
        }
        None => Named { shown: "local:".to_owned(), by: "default" },
    }
}

fn broker_by(option: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> Option<Named> {
    if let Some(url) = option.filter(|url| !url.is_empty()) {
        let by = given_by(url, broker::ENVIRONMENT, "--broker", &variable);
        return Some(Named { shown: redacted(url), by });
    }
    let address = variable(broker::ADDRESS_ENVIRONMENT);
    let (name, by) = match variable(broker::MICRO_ENVIRONMENT) {
        Some(name) => (name, broker::MICRO_ENVIRONMENT),
        None if address.is_some() => ("http".to_owned(), broker::ADDRESS_ENVIRONMENT),
        None => return None,
    };
    Some(Named { shown: redacted(&format!("{name}:{}", address.unwrap_or_default())), by })
}

/// An option that is as its variable has it came from there.
fn given_by(
    url: &str,
    name: &'static str,
    option: &'static str,
    variable: impl Fn(&str) -> Option<String>,
) -> &'static str {
    if variable(name).as_deref() == Some(url) { name } else { option }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|text| !text.is_empty())
}

/// A URL as far as it cannot hold a secret: scheme, hosts, path.
fn redacted(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once(':') else { return url.to_owned() };
    if ON_THIS_MACHINE.contains(&scheme) || scheme == "mdns" {
        return url.to_owned();
    }
    let (hosts, query) = rest.split_once('?').unwrap_or((rest, ""));
    if query.contains('@') {
        // Whether an account ends there, or a token goes on, nobody can say.
        return format!("{scheme}://..");
    }
    let hosts = hosts.rsplit_once('@').map_or(hosts, |(_account, hosts)| hosts);
    // go-micro's addresses may be URLs themselves.
    let bare = |host: &str| {
        let host = host.trim().rsplit('/').find(|part| !part.is_empty()).unwrap_or_default();
        host.to_owned()
    };
    let hosts: Vec<String> = if hosts.contains(',') || hosts.contains("://") {
        hosts.split(',').map(bare).collect()
    } else {
        vec![hosts.trim_start_matches('/').to_owned()]
    };
    if hosts.iter().all(|host| is_host(host)) {
        format!("{scheme}://{}", hosts.join(","))
    } else {
        format!("{scheme}://..")
    }
}

/// Whether this is `HOST`, `HOST:PORT` or either with a path, and no part of an account.
fn is_host(text: &str) -> bool {
    let authority = text.split('/').next().unwrap_or_default();
    let has_port = authority.rsplit_once(':').is_none_or(|(_host, port)| {
        port.ends_with(']') || port.bytes().all(|byte| byte.is_ascii_digit())
    });
    has_port && text.chars().all(|c| c.is_alphanumeric() || "-_.:[]/".contains(c))
}

/// Schemes of registries whose addresses no other machine is told.
const ON_THIS_MACHINE: [&str; 3] = ["local", "memory", "static"];

/// What go-micro's programs say which registry they are in by.
const MICRO_REGISTRY: &str = "MICRO_REGISTRY";

/// Where that registry is.
const MICRO_REGISTRY_ADDRESS: &str = "MICRO_REGISTRY_ADDRESS";

#[cfg(test)]
mod tests {
    use super::*;

    fn of<'a>(variables: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| variables.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned())
    }

    #[test]
    fn a_registry_is_told_with_who_named_it() {
        let ours = [(registry::ENVIRONMENT, "etcd://h:1"), (MICRO_REGISTRY, "consul")];
        let theirs = [(MICRO_REGISTRY, "etcd"), (MICRO_REGISTRY_ADDRESS, "http://h:1/,i:2")];
        for (option, variables, shown, by) in [
            (Some("etcd://h:1"), &ours[..], "etcd://h:1", "POLYWIRE_REGISTRY"),
            (Some("nats://h:2"), &ours, "nats://h:2", "--registry"),
            (Some(""), &theirs, "etcd://h:1,i:2", "MICRO_REGISTRY"),
            (None, &[(MICRO_REGISTRY, "mdns")], "mdns:", "MICRO_REGISTRY"),
            (None, &[(MICRO_REGISTRY, "consul")], "consul://", "MICRO_REGISTRY"),
            (None, &[], "local:", "default"),
        ] {
            assert_eq!(registry_by(option, of(variables)), Named { shown: shown.to_owned(), by });
        }
    }

    #[test]
    fn a_broker_is_told_only_if_somebody_named_one() {
        assert_eq!(broker_by(None, of(&[])), None);
        for (option, variables, shown, by) in [
            (Some("nats://u:p@h:1"), &[][..], "nats://h:1", "--broker"),
            (None, &[("MICRO_BROKER", "nats")], "nats://", "MICRO_BROKER"),
            (None, &[("MICRO_BROKER_ADDRESS", ":80")], "http://:80", "MICRO_BROKER_ADDRESS"),
        ] {
            let named = broker_by(option, of(variables)).unwrap();
            assert_eq!(named, Named { shown: shown.to_owned(), by });
        }
    }

    #[test]
    fn no_secret_is_shown() {
        for (url, shown) in [
            ("etcd://u:secret@a:1,b:2/?ca=x", "etcd://a:1,b:2"),
            ("consul://h:8500?token=secret", "consul://h:8500"),
            ("consul://h:8500?token=a@secret", "consul://.."),
            ("etcd:u:secret", "etcd://.."),
            ("nats://secret?x@h", "nats://.."),
            ("k8s://h:8001/shop?token=secret", "k8s://h:8001/shop"),
            ("etcd://[::1]:2379", "etcd://[::1]:2379"),
            ("mdns:?interface=eth0", "mdns:?interface=eth0"),
            ("local:/srv/a?b@c", "local:/srv/a?b@c"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(redacted(url), shown);
        }
    }

    #[test]
    fn what_others_read_is_told_from_what_stays_on_this_machine() {
        for (shown, expected) in
            [("local:", false), ("memory:x", false), ("static://h:1", false), ("mdns:", true)]
        {
            let named = Named { shown: shown.to_owned(), by: "default" };
            assert_eq!(named.is_shared(), expected, "{shown}");
        }
    }
}
