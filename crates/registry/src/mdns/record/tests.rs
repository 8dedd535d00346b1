use super::*;
use crate::mdns::packet::{Packet, decode};
use crate::mdns::testdata::*;

fn place() -> Place<'static> {
    Place {
        domain: "micro",
        ttl: Duration::from_secs(120),
        host: "vm",
        here: "192.0.2.2".parse().unwrap(),
    }
}

fn told(packet: &[u8]) -> Told {
    match decode(packet) {
        Some(Packet::Told(mut all)) => all.remove(0),
        other => panic!("{other:?}"),
    }
}

fn captured(packet: &str) -> Instance {
    instance("helloworld", "helloworld-1", &told(&hex(packet))).unwrap().0
}

fn json(packed: &[u8]) -> String {
    String::from_utf8(unpack(packed, MAX_TEXT_BYTES).unwrap()).unwrap()
}

/// The instance that others see of one registered here.
fn seen(registered: &Instance) -> Instance {
    let records = place().records(registered).unwrap();
    let told = told(&records.announcement().unwrap());
    instance(&registered.service, &registered.id, &told).unwrap().0
}

#[test]
fn what_go_micro_registers_is_read() {
    for packet in [V5_ANNOUNCEMENT, V5_ANSWER, V2_ANNOUNCEMENT, V2_ANSWER] {
        let instance = captured(packet);
        assert_eq!((&instance.service[..], &instance.id[..]), ("helloworld", "helloworld-1"));
        assert_eq!(instance.address.as_str(), "192.0.2.2:36331");
        assert_eq!(instance.version, "1.2.3");
        let metadata: Vec<_> = instance.metadata.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(metadata, ["protocol=mucp"]);
        let [method] = &instance.methods[..] else { panic!("one method") };
        assert_eq!(method.name, "Greeter.Hello");
        assert_eq!(method.request.as_ref().unwrap().fields[0].type_name, "string");
    }
}

#[test]
fn the_text_is_go_micro_s_to_the_byte() {
    let theirs = json(&told(&hex(V5_ANNOUNCEMENT)).text.unwrap());
    let ours = place().records(&captured(V5_ANNOUNCEMENT)).unwrap();
    assert_eq!(json(ours.text.as_bytes()), theirs);
    assert!(theirs.starts_with(r#"{"Metadata":{"protocol":"mucp","registry":"mdns"},"Service":"#));
}

#[test]
fn an_instance_without_methods_says_null_as_go_does() {
    let records = place().records(&Instance::new("s", "s-1", "10.0.0.1:80".into())).unwrap();
    assert_eq!(
        json(records.text.as_bytes()),
        r#"{"Metadata":{},"Service":"s","Version":"latest","Endpoints":null}"#
    );
}

#[test]
fn addresses_are_what_others_can_use() {
    for (registered, record, port, exact) in [
        ("10.0.0.1:80", "10.0.0.1", 80, "10.0.0.1:80"),
        ("[2001:db8::1]:80", "2001:db8::1", 80, "[2001:db8::1]:80"),
        ("0.0.0.0:80", "192.0.2.2", 80, "192.0.2.2:80"),
        ("[::]:80", "192.0.2.2", 80, "192.0.2.2:80"),
        ("host.example:80", "192.0.2.2", 80, "host.example:80"),
        ("10.0.0.1:0", "10.0.0.1", NO_PORT, "10.0.0.1:0"),
        ("[fe80::1%2]:80", "fe80::1", 80, "[fe80::1%2]:80"),
        ("unix:/run/s:80", "192.0.2.2", NO_PORT, "unix:/run/s:80"),
        ("memory:80", "192.0.2.2", NO_PORT, "memory:80"),
        ("nonsense", "192.0.2.2", NO_PORT, "nonsense"),
    ] {
        let instance = Instance::new("s", "s-1", registered.into());
        let records = place().records(&instance).unwrap();
        assert_eq!(records.address.to_string(), record, "{registered}");
        assert_eq!(records.port, port, "{registered}");
        assert_eq!(seen(&instance).address.as_str(), exact);
        // go-micro skips an instance of another service than it asked for.
        let by_go = json(records.text.as_bytes()).contains(r#""Service":"s""#);
        assert_eq!(by_go, port != NO_PORT, "{registered}");
    }
}

#[test]
fn methods_count_for_what_they_take() {
    let whole = told(&hex(V5_ANNOUNCEMENT));
    let of = |endpoints: &str| {
        let json = format!(r#"{{"Service":"helloworld","Endpoints":[{endpoints}]}}"#);
        let told = Told { text: Some(pack(json.as_bytes()).into_bytes()), ..whole.clone() };
        instance("helloworld", "1", &told).unwrap().1 - json.len()
    };
    assert_eq!(of(""), 0);
    let many = ["{}"; 10_000].join(",");
    assert_eq!(of(&many), 10_000 * size_of::<InstanceMethod>());
    let nested = r#"{"values":[{"values":[{},{}]}]}"#;
    assert_eq!(
        of(&format!(r#"{{"request":{nested},"response":{nested}}}"#)),
        size_of::<InstanceMethod>() + 6 * size_of::<ValueShape>()
    );
}

#[test]
fn odd_names_are_kept() {
    let odd = Instance::new("../acme/v1 Grüßer", "10.0.0.1:80/..", "10.0.0.1:80".into());
    assert_eq!(seen(&odd), odd);
    let records = place().records(&odd).unwrap();
    let told = told(&records.announcement().unwrap());
    assert_eq!(told.name, "10.0.0.1:80/...../acme/v1 Grüßer.micro");
}

#[test]
fn what_cannot_be_registered_is_refused_with_the_reason() {
    let address = "10.0.0.1:80";
    for (service, id, why) in [
        ("", "1", "needs a service"),
        ("s", "", "needs a service"),
        (&"s".repeat(64)[..], "1", "the limit is 63"),
        ("s", &"1".repeat(64), "the limit is 63"),
    ] {
        let error = place().records(&Instance::new(service, id, address.into())).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[test]
fn what_is_broken_is_told_from_what_is_another_s() {
    let whole = told(&hex(V5_ANNOUNCEMENT));
    assert_eq!(instance("other", "1", &whole), Err(NoInstance::Other));
    let bomb = pack(&vec![b' '; MAX_TEXT_BYTES + 1]);
    for (text, why) in [
        (None, "no text"),
        (Some("zz"), "no hex"),
        (Some("789c00"), "zlib"),
        (Some(&pack(b"garbage")), "expected"),
        (Some(&pack(br#"{"Service":1}"#)), "invalid type"),
        (Some(&bomb), "more than 262144 bytes"),
    ] {
        let text = text.map(|text| text.as_bytes().to_vec());
        match instance("helloworld", "1", &Told { text, ..whole.clone() }) {
            Err(NoInstance::Broken(reason)) => assert!(reason.contains(why), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
    let homeless = Told { address: None, ..whole };
    assert_eq!(
        instance("helloworld", "1", &homeless),
        Err(NoInstance::Broken("it has no address".to_owned()))
    );
}
