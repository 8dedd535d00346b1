//! From what was seen to what it means.

use std::collections::BTreeMap;

use polywire::Instance;

use super::examine::{Connect, Examined, Reach, Spoken, reach};
use super::finding::Finding;

/// What instances, in the order of their services, come to; other machines may read the registry.
pub(super) fn judge(examined: &[Examined], is_shared: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let same_service = |a: &Examined, b: &Examined| a.instance.service == b.instance.service;
    for group in examined.chunk_by(same_service) {
        let mut found: Vec<Finding> = Vec::new();
        for one in group {
            reachable(one, is_shared, &mut found);
            spoken(one, &mut found);
            registered(one, &mut found);
        }
        together(group, &mut found);
        if found.is_empty()
            && let [first, rest @ ..] = group
        {
            let text = match rest.len() {
                0 => "1 instance, and it answers".to_owned(),
                more => format!("{} instances, and all answer", more + 1),
            };
            found.push(Finding::ok(&first.instance.service, text));
        }
        findings.append(&mut found);
    }
    findings
}

/// Whether those who find the address can connect to it.
fn reachable(one: &Examined, is_shared: bool, found: &mut Vec<Finding>) {
    let (about, address) = (name(&one.instance), &one.instance.address);
    match &one.connect {
        Connect::Accepted(_) => {}
        Connect::Failed(why) => {
            let text = format!("nobody accepts connections at {address}: {why}");
            let advice = "start it, open the way to it, or take it out of the registry";
            found.push(Finding::problem(&about, text, advice));
        }
        Connect::Elsewhere => {
            let text = format!("{address} cannot be reached from here");
            let advice = "listen on host:port, unless only its own process calls it";
            found.push(Finding::warning(&about, text, advice));
        }
    }
    match reach(&one.instance) {
        Reach::Nobody => {
            let text = format!("{address} is where to listen, not where to call");
            let advice = "register an address of the machine: `App::advertise`, or go-micro's \
                          `server.Advertise`";
            let finding = if is_shared { Finding::problem } else { Finding::warning };
            found.push(finding(&about, text, advice));
        }
        Reach::Near if is_shared => {
            let text = format!("other machines find {address}, and cannot reach it");
            let advice = "listen on an address of the network, or name one (`App::advertise`, \
                          go-micro's `server.Advertise`), unless all callers are on its machine";
            found.push(Finding::warning(&about, text, advice));
        }
        _ => {}
    }
}

/// Whether it answers in what it claims to speak.
fn spoken(one: &Examined, found: &mut Vec<Finding>) {
    let about = name(&one.instance);
    let of = |wanted: fn(&Spoken) -> bool| -> Vec<&str> {
        let wires = one.wires.iter().filter(|wire| wanted(&wire.spoken));
        wires.map(|wire| wire.scheme.as_str()).collect()
    };
    let unknown = of(|spoken| *spoken == Spoken::Unknown);
    if !unknown.is_empty() {
        let text = format!("it claims {}, which no caller knows", unknown.join(", "));
        let finding =
            if unknown.len() == one.wires.len() { Finding::problem } else { Finding::warning };
        found.push(finding(&about, text, "correct its metadata `wires`"));
    }
    let silent = of(|spoken| matches!(spoken, Spoken::No(_)));
    let why = one.wires.iter().find_map(|wire| match &wire.spoken {
        Spoken::No(why) => Some(why),
        _ => None,
    });
    if let Some(why) = why {
        let text = format!("it claims {} and does not answer: {why}", silent.join(", "));
        let advice = if silent.iter().any(|scheme| scheme.contains("tls")) {
            "see whom the certificate is for and who signed it (`--cacert`, `--servername`)"
        } else {
            "see what really listens at its address, and whether it hangs"
        };
        found.push(Finding::problem(&about, text, advice));
    }
    if one.is_leaving {
        let advice = "wait until it has ended; it should be out of the registry by now";
        found.push(Finding::warning(&about, "it says that it takes no calls", advice));
    }
}

/// Whether its place in the registry is safe, as it sees it itself.
fn registered(one: &Examined, found: &mut Vec<Finding>) {
    let about = name(&one.instance);
    let Some(registration) = one.registration else { return };
    if !registration.is_confirmed {
        let text = format!(
            "the registry has not confirmed it, asked {}: callers are about to lose it",
            times(registration.failures)
        );
        let advice = "see whether the registry can be reached from its machine; its log says why";
        found.push(Finding::problem(&about, text, advice));
    }
    if registration.recoveries > 0 {
        let text = format!(
            "it was missing in the registry and put itself back, {} since it started",
            times(registration.recoveries)
        );
        let advice = "see whether the registry loses data, or whether somebody deletes or \
                      overwrites its entry";
        found.push(Finding::warning(&about, text, advice));
    }
}

/// What shows only where the instances of a service are side by side.
fn together(group: &[Examined], found: &mut Vec<Finding>) {
    // Subscriptions of go-micro's broker: one address has many, and their version is a queue.
    let instances: Vec<&Instance> = group
        .iter()
        .map(|one| &one.instance)
        .filter(|instance| !instance.metadata.contains_key("topic"))
        .collect();
    let mut by_address: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut by_version: BTreeMap<&str, usize> = BTreeMap::new();
    for instance in &instances {
        by_address.entry(instance.address.as_str()).or_default().push(&instance.id);
        *by_version.entry(&instance.version).or_default() += 1;
    }
    let Some(first) = instances.first() else { return };
    for (address, ids) in by_address.into_iter().filter(|(_, ids)| ids.len() > 1) {
        let text = format!("{} are all at {address}", ids.join(", "));
        let advice = "one is what an earlier process left behind: it goes when its lease ends, or \
                      has to be taken out";
        found.push(Finding::warning(&first.service, text, advice));
    }
    if by_version.len() > 1 {
        let count = |(version, count): (&str, usize)| match version {
            "" => format!("none ({count})"),
            version => format!("{version} ({count})"),
        };
        let versions: Vec<String> = by_version.into_iter().map(count).collect();
        let text = format!("versions side by side: {}", versions.join(", "));
        let advice = "end the old ones, unless a change is being rolled out";
        found.push(Finding::warning(&first.service, text, advice));
    }
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

/// What an instance is called: ids mostly begin with the service.
fn name(instance: &Instance) -> String {
    if instance.id.starts_with(&instance.service) {
        return instance.id.clone();
    }
    format!("{} {}", instance.service, instance.id)
}

#[cfg(test)]
mod tests;
