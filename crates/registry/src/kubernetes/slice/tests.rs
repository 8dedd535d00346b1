use serde_json::{Value, json};

use super::*;

/// An EndpointSlice in the form that API servers of discovery.k8s.io/v1 give it.
const SLICE: &str = include_str!("endpoint_slice.json");

fn slice(value: Value) -> Slice {
    serde_json::from_value(value).unwrap()
}

/// Endpoints as `(pod, address, conditions)`, at one port.
fn of(family: &str, endpoints: &[(&str, &str, Value)]) -> Slice {
    let endpoint = |(pod, address, conditions): &(&str, &str, Value)| json!({"addresses": [address], "conditions": conditions, "targetRef": {"kind": "Pod", "name": pod}});
    let all: Vec<Value> = endpoints.iter().map(endpoint).collect();
    slice(json!({"addressType": family, "endpoints": all, "ports": [{"port": 80}]}))
}

fn found(slices: &[Slice]) -> Vec<String> {
    let (all, _) = instances("s", "polywire", slices);
    all.iter().map(|one| format!("{} {}", one.id, one.address)).collect()
}

#[test]
fn a_slice_is_read_as_api_servers_write_it() {
    let slice: Slice = serde_json::from_str(SLICE).unwrap();
    let (all, portless) = instances("greeter", "polywire", [&slice]);
    assert!(portless.is_empty());
    let ready = Instance::new("greeter", "greeter-6d4c-x2x9p", "10.244.1.7:7000".into())
        .with_metadata("zone", "eu-1a");
    assert_eq!(all, [ready]);
    let (all, _) = instances("greeter", "metrics", [&slice]);
    assert_eq!(all[0].address.as_str(), "10.244.1.7:9090");
}

#[test]
fn those_that_end_are_the_last_resort() {
    let ready = json!({"ready": true, "serving": true, "terminating": false});
    let ending = json!({"ready": false, "serving": true, "terminating": true});
    let ended = json!({"ready": false, "serving": false, "terminating": true});
    let starting = json!({"ready": false, "serving": false, "terminating": false});
    let all = [("a", "10.0.0.1", ready), ("b", "10.0.0.2", ending), ("c", "10.0.0.3", ended)];
    assert_eq!(found(&[of("IPv4", &all)]), ["a 10.0.0.1:80"]);
    assert_eq!(found(&[of("IPv4", &all[1..])]), ["b 10.0.0.2:80"]);
    assert!(found(&[of("IPv4", &all[2..])]).is_empty());
    assert!(found(&[of("IPv4", &[("a", "10.0.0.1", starting)])]).is_empty());
    // What nothing is said of is ready.
    assert_eq!(found(&[of("IPv4", &[("a", "10.0.0.1", json!({}))])]), ["a 10.0.0.1:80"]);
    assert_eq!(found(&[of("IPv4", &[("a", "10.0.0.1", json!({"ready": null}))])]).len(), 1);
}

#[test]
fn a_pod_in_several_slices_is_one_instance() {
    let (good, bad) =
        (json!({"ready": true}), json!({"ready": false, "serving": true, "terminating": true}));
    let six = of("IPv6", &[("a", "fd00::1", good.clone()), ("b", "fd00::2", good.clone())]);
    let four = of("IPv4", &[("a", "10.0.0.1", good.clone())]);
    for slices in [[six.clone(), four.clone()], [four, six]] {
        assert_eq!(found(&slices), ["a 10.0.0.1:80", "b [fd00::2]:80"]);
    }
    // On its way between slices: the better news counts, in either order.
    let (old, new) =
        (of("IPv4", &[("a", "10.0.0.1", bad)]), of("IPv4", &[("a", "10.0.0.1", good)]));
    for slices in [[old.clone(), new.clone()], [new, old]] {
        assert_eq!(found(&slices), ["a 10.0.0.1:80"]);
    }
}

#[test]
fn the_port_is_the_named_one_or_the_only_one_over_tcp() {
    let with = |ports: Value| {
        slice(json!({
            "metadata": {"name": "s-1"},
            "addressType": "FQDN",
            "endpoints": [{"addresses": ["a.example"]}],
            "ports": ports,
        }))
    };
    for (ports, port) in [
        (json!([{"name": "", "port": 1}]), Some(1)),
        (json!([{"name": "other", "port": 1, "protocol": "TCP"}]), Some(1)),
        (json!([{"name": "other", "port": 1}, {"name": "polywire", "port": 2}]), Some(2)),
        (json!([{"name": "dns", "port": 1, "protocol": "UDP"}, {"port": 2}]), Some(2)),
        (json!([{"name": "polywire", "port": 1, "protocol": "UDP"}]), None),
        (json!([{"name": "a", "port": 1}, {"name": "b", "port": 2}]), None),
        (json!([{"name": "polywire", "port": null}]), None),
        (json!([]), None),
        (json!(null), None),
    ] {
        let slice = with(ports);
        let (all, portless) = instances("s", "polywire", [&slice]);
        let address = all.first().map(|one| one.address.to_string());
        assert_eq!(address, port.map(|port| format!("a.example:{port}")));
        assert_eq!(all.first().map(|one| one.id.clone()), address, "no pod has given it a name");
        assert_eq!(portless, if port.is_none() { vec!["s-1"] } else { vec![] });
    }
}

#[test]
fn endpoints_without_address_are_skipped() {
    let slice = slice(json!({
        "addressType": "IPv4", "ports": [{"port": 1}],
        "endpoints": [{"addresses": []}, {"addresses": ["10.0.0.1", "10.0.0.2"]}],
    }));
    assert_eq!(found(&[slice]), ["10.0.0.1:1 10.0.0.1:1"]);
    assert!(found(&[Slice::default()]).is_empty());
}
