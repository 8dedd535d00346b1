use polywire_core::ValueShape;

use super::*;
use crate::micro::{MAX_RECORD_BYTES, pack, unpack};

/// What go-micro v5.30 sends to an agent, byte for byte.
const GO: &str = include_str!("go_micro_v5.json");

/// What Consul 1.19 tells of that.
const CONSUL: &str = include_str!("consul_1_19.json");

/// What go-micro registered there.
fn helloworld() -> Instance {
    let hello = "Hello says <hello>.";
    let text = |name| ValueShape::new(name, "string");
    let methods = [
        InstanceMethod::new("HelloWorld.Hello")
            .with_request(ValueShape::new("Req", "Req").with_fields(vec![text("name")]))
            .with_reply(ValueShape::new("Rsp", "Rsp").with_fields(vec![text("msg")]))
            .with_metadata("description", hello),
        InstanceMethod::new("HelloWorld.Stream")
            .with_request(ValueShape::new("Context", "Context"))
            .with_reply(ValueShape::new("Stream", "Stream"))
            .with_metadata("stream", "true"),
    ];
    let pairs =
        [("broker", "http"), ("protocol", "mucp"), ("server", "mucp"), ("transport", "http")];
    let instance = Instance::new("helloworld", "helloworld-my-id", "127.0.0.1:36331".into())
        .with_version("1.2.3")
        .with_metadata("zone", "z \"1\" ü")
        .with_methods(methods);
    pairs.iter().fold(instance, |instance, (key, value)| instance.with_metadata(*key, *value))
}

/// A registration as the catalog tells of it.
fn entry(json: &str) -> Entry {
    let mut registered: serde_json::Value = serde_json::from_str(json).unwrap();
    registered["Service"] = registered["Name"].take();
    serde_json::from_value(serde_json::json!({
        "Node": {"Address": "10.9.9.9"}, "Service": registered, "Checks": [{"Status": "passing"}],
    }))
    .unwrap()
}

fn tagged(tags: &[&str]) -> Entry {
    let tags = Some(tags.iter().map(|&tag| tag.to_owned()).collect());
    let service =
        Registered { id: "a".into(), service: "s".into(), port: 1, tags, ..Registered::default() };
    let node = Some(Node { address: "h".into() });
    Entry { node, service, checks: None }
}

fn read_one(entry: &Entry) -> Instance {
    let mut all = Reader::default().instances(&entry.service.service, std::slice::from_ref(entry));
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// What is in the tags, in their order.
fn unpacked(tags: &serde_json::Value) -> Vec<String> {
    let text = |tag: &serde_json::Value| {
        let (kind, packed) = tag.as_str().unwrap().split_at(2);
        format!("{kind}{}", String::from_utf8(unpack(packed.as_bytes(), 4096).unwrap()).unwrap())
    };
    tags.as_array().unwrap().iter().map(text).collect()
}

#[test]
fn what_go_micro_registers_is_read() {
    assert_eq!(read_one(&entry(GO)), helloworld());
    let told: Vec<Entry> = serde_json::from_str(CONSUL).unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(read_one(&told[0]), helloworld());
}

#[test]
fn what_is_registered_is_what_go_micro_registers() {
    let ours = Registration::of(&helloworld(), Duration::from_secs(90), "17");
    let mut ours = serde_json::to_value(ours).unwrap();
    let mut theirs: serde_json::Value = serde_json::from_str(GO).unwrap();
    // Compressed differently, and with Go's metadata in any order.
    let mut tags = [unpacked(&ours["Tags"]), unpacked(&theirs["Tags"])];
    tags.iter_mut().for_each(|tags| tags.sort());
    assert_eq!(tags[0], tags[1]);
    assert_eq!(ours["Meta"].as_object_mut().unwrap().remove(LEASE).unwrap(), "17");
    assert_eq!(ours["Check"].as_object_mut().unwrap().remove("Status").unwrap(), "passing");
    for json in [&mut ours, &mut theirs] {
        json.as_object_mut().unwrap().remove("Tags").unwrap();
    }
    assert!(theirs.as_object_mut().unwrap().remove("Checks").unwrap().is_null());
    assert_eq!(ours, theirs);
}

#[test]
fn the_first_form_of_a_kind_is_the_one_that_counts() {
    let new = format!("v-{}", pack(b"2"));
    assert_eq!(read_one(&tagged(&["v=1", &new])).version, "1");
    assert_eq!(read_one(&tagged(&[&new, "v=1"])).version, "2");
    let old = [r#"t={"a":"1"}"#, r#"e={"name":"S.Old"}"#, r#"t={"b":"2"}"#, "v=0.1"];
    let both =
        [format!("t-{}", pack(br#"{"c":"3"}"#)), format!("e-{}", pack(br#"{"name":"S.New"}"#))];
    let all: Vec<&str> = old.into_iter().chain(both.iter().map(String::as_str)).collect();
    let instance = read_one(&tagged(&all));
    assert_eq!(
        instance.metadata,
        Metadata::from([("a".into(), "1".into()), ("b".into(), "2".into())])
    );
    let names: Vec<_> = instance.methods.iter().map(|method| &*method.name).collect();
    assert_eq!(names, ["S.Old"]);
}

#[test]
fn tags_of_others_are_left_alone() {
    let mut reader = Reader::default();
    let packed = format!("e-{}", pack(br#"{"name":"S.M"}"#));
    let entries = [tagged(&["env:prod", "v1", "", "t", "ümlaut", "traefik.enable=true", &packed])];
    let all = reader.instances("s", &entries);
    assert_eq!((all[0].methods.len(), &*all[0].version), (1, ""));
    assert!(reader.told.is_empty());
}

#[test]
fn a_bad_tag_is_skipped_and_told_of_once() {
    let good = format!("t-{}", pack(br#"{"zone":"a"}"#));
    let text = format!("t-{}", pack(b"no json"));
    let bomb = format!("e-{}", pack(&vec![b' '; MAX_RECORD_BYTES + 1]));
    for bad in ["t-zz", "v-00", "e-", "e={", "t=[]", "v-789", &text, &bomb] {
        let mut reader = Reader::default();
        let entries = [tagged(&[bad, &good])];
        let all = reader.instances("s", &entries);
        assert_eq!(all[0].address.as_str(), "h:1", "{bad}");
        assert!(reader.told.contains("a"), "{bad}");
        assert!(reader.instances("s", &[]).is_empty() && reader.told.is_empty());
        if !bad.starts_with("t=") {
            assert_eq!(all[0].metadata["zone"], "a", "{bad}");
        }
    }
}

#[test]
fn what_is_unpacked_has_a_limit_for_each_instance_and_for_all() {
    // Half of what an instance may have, and then the same again twice.
    let long = format!(r#"{{"name":"{}"}}"#, "m".repeat(MAX_RECORD_BYTES / 2));
    let tag = format!("e-{}", pack(long.as_bytes()));
    assert_eq!(read_one(&tagged(&[&tag, &tag, &tag])).methods.len(), 1);

    let entries: Vec<Entry> = (0..9)
        .map(|number| tagged(&[&format!("e={{\"name\":\"{number}\"}}"), "v=12345"]))
        .collect();
    // As many bytes as three of them have.
    let mut answer = Answer { left: 3 * (12 + 5), methods: HashMap::new() };
    let read = entries.iter().map(|entry| answer.instance(entry));
    let count = |(instance, why): (Option<Instance>, Option<String>)| {
        let read = instance.unwrap().methods.len();
        assert_eq!(why.is_none(), read == 1, "{why:?}");
        read
    };
    assert_eq!(read.map(count).sum::<usize>(), 3);
    assert_eq!(answer.left, 0);
}

#[test]
fn metadata_of_consul_stands_in_where_no_tag_has_any() {
    let mut entry = tagged(&["v=1"]);
    entry.service.meta =
        Some(Metadata::from([("zone".into(), "m".into()), (LEASE.into(), "17".into())]));
    assert_eq!(read_one(&entry).metadata, Metadata::from([("zone".into(), "m".into())]));
    entry.service.tags = Some(vec![r#"t={"zone":"t"}"#.into()]);
    assert_eq!(read_one(&entry).metadata, Metadata::from([("zone".into(), "t".into())]));
}

#[test]
fn addresses_come_back_as_they_were() {
    for (address, host, port) in [
        ("127.0.0.1:80", "127.0.0.1", 80),
        ("[::1]:80", "::1", 80),
        ("a.example:65535", "a.example", 65535),
        ("unix:/run/s.sock", "unix:/run/s.sock", 0),
        ("memory:s", "memory:s", 0),
        ("a:080", "a:080", 0),
        ("a:99999", "a:99999", 0),
        ("a:0", "a:0", 0),
        (":80", ":80", 0),
        ("[a]:80", "[a]:80", 0),
        ("::1:80", "::1:80", 0),
    ] {
        assert_eq!(split(address), (host, port));
        let instance = Instance::new("s", "a", address.into());
        let ours = Registration::of(&instance, Duration::from_secs(30), "17");
        let read =
            Reader::default().instances("s", &[entry(&serde_json::to_string(&ours).unwrap())]);
        // The last one is an address of IPv6 without a port, to go-micro as well.
        let lost = address == "::1:80";
        assert_eq!(read.first(), Some(&instance).filter(|_| !lost), "{address}");
    }
}

#[test]
fn an_instance_without_address_is_where_its_node_is_and_needs_a_port() {
    let mut entry = tagged(&[]);
    assert_eq!(read_one(&entry).address.as_str(), "h:1");
    entry.node = Some(Node { address: "fd00::1".into() });
    assert_eq!(read_one(&entry).address.as_str(), "[fd00::1]:1");
    entry.service.port = 0;
    assert!(Reader::default().instances("s", &[entry]).is_empty());
}

#[test]
fn critical_instances_and_those_of_other_services_are_not_called() {
    let mut entries = [tagged(&[]), tagged(&[]), tagged(&[]), tagged(&[])];
    let state = |status: &str| CheckState { status: status.into() };
    for (entry, id) in entries.iter_mut().zip(["passing", "warning", "critical", "other"]) {
        entry.service.id = id.into();
        entry.checks = Some(vec![state("passing"), state(id)]);
    }
    entries[3].service.service = "S".into();
    let ids: Vec<_> = Reader::default()
        .instances("s", &entries)
        .into_iter()
        .map(|instance| instance.id)
        .collect();
    assert_eq!(ids, ["passing", "warning"]);
}

#[test]
fn of_two_registrations_of_one_id_the_newer_counts() {
    let mut entries = [tagged(&[]), tagged(&[]), tagged(&[])];
    for (entry, (port, index)) in entries.iter_mut().zip([(1, 5), (2, 7), (3, 6)]) {
        (entry.service.port, entry.service.modify_index) = (port, index);
    }
    let all = Reader::default().instances("s", &entries);
    assert_eq!((all.len(), all[0].address.as_str()), (1, "h:2"));
}

#[test]
fn metadata_that_consul_does_not_take_is_in_the_tags_only() {
    let mut instance = Instance::new("s", "a", "h:1".into());
    let long = "x".repeat(MAX_META_VALUE_BYTES + 1);
    for (key, value) in [("a.b", ""), ("consul-x", ""), ("", ""), ("long", &long), ("good", "1")] {
        instance = instance.with_metadata(key, value);
    }
    let ours = Registration::of(&instance, Duration::from_secs(30), "17");
    assert_eq!(ours.meta.keys().collect::<Vec<_>>(), ["good", LEASE]);
    assert_eq!(read_one(&entry(&serde_json::to_string(&ours).unwrap())), instance);
    for number in 0..100 {
        instance = instance.with_metadata(format!("k{number:02}"), "");
    }
    let ours = Registration::of(&instance, Duration::from_secs(30), "17");
    assert_eq!((ours.meta.len(), &*ours.meta[LEASE]), (MAX_META, "17"));
}

#[test]
fn times_are_written_as_go_writes_them() {
    for (time, text) in
        [(5, "5s"), (60, "1m0s"), (90, "1m30s"), (3600, "1h0m0s"), (86_399, "23h59m59s")]
    {
        assert_eq!(duration(Duration::from_secs(time)), text);
    }
    assert_eq!(duration(Duration::from_millis(4500)), "4500ms");
    let after = |ttl| Check::of(Duration::from_secs(ttl)).deregister_critical_service_after;
    assert_eq!([after(3), after(59), after(60), after(90)], ["1m5s", "1m5s", "1m5s", "1m35s"]);
}

#[test]
fn what_an_agent_has_is_compared_with_what_was_registered() {
    let ours = Registration::of(&helloworld(), Duration::from_secs(30), "17");
    let found = entry(&serde_json::to_string(&ours).unwrap()).service;
    assert!(ours.is(&found));
    let changes: [fn(&mut Registered); 6] = [
        |found| found.port = 1,
        |found| found.address.push('1'),
        |found| found.service.push('1'),
        |found| drop(found.tags.as_mut().unwrap().pop()),
        |found| found.tags.as_mut().unwrap().push("t-00".into()),
        |found| drop(found.meta.as_mut().unwrap().remove("zone")),
    ];
    for change in changes {
        let mut other = found.clone();
        change(&mut other);
        assert!(!ours.is(&other), "{other:?}");
    }
    let mut more = found;
    more.meta.as_mut().unwrap().insert("consul-version".into(), "1".into());
    more.tags.as_mut().unwrap().reverse();
    assert!(ours.is(&more));
}
