use super::*;

/// What go-micro v6.10 registers, as captured: spread over lines here.
const CAPTURED: &str = concat!(
    r#"{"name":"helloworld","version":"1.2.3","metadata":null,"endpoints":["#,
    r#"{"request":{"name":"Req","type":"Req","values":[{"name":"name","type":"string","values":null},"#,
    r#"{"name":"in","type":"Inner","values":[{"name":"a","type":"int64","values":null},"#,
    r#"{"name":"b","type":"[]string","values":null}]}]},"#,
    r#""response":{"name":"Rsp","type":"Rsp","values":[{"name":"msg","type":"string","values":null}]},"#,
    r#""metadata":{"description":"Hello says hello.","example":"{\"name\":\"x\"}"},"name":"HelloWorld.Hello"},"#,
    r#"{"request":{"name":"Context","type":"Context","values":null},"#,
    r#""response":{"name":"Stream","type":"Stream","values":null},"metadata":{"stream":"true"},"#,
    r#""name":"HelloWorld.Stream"},"#,
    r#"{"request":null,"response":null,"metadata":{"subscriber":"true","topic":"my.topic"},"name":"Func"}],"#,
    r#""nodes":[{"metadata":{"broker":"http","protocol":"mucp","registry":"memory","server":"mucp","#,
    r#""transport":"http"},"id":"helloworld-my-id","address":"127.0.0.1:36331"}]}"#,
);

fn read(json: &str) -> Vec<Instance> {
    ServiceRecord::parse(json.as_bytes()).unwrap().into_instances("memory")
}

#[test]
fn what_go_micro_registers_is_read_and_written_to_the_byte() {
    let [instance] = &read(CAPTURED)[..] else { panic!("one node") };
    assert_eq!(instance.service, "helloworld");
    assert_eq!(instance.id, "helloworld-my-id");
    assert_eq!(instance.version, "1.2.3");
    assert_eq!(instance.address.as_str(), "127.0.0.1:36331");
    assert_eq!(instance.metadata.get("protocol").unwrap(), "mucp");
    // What the registry itself has added is not the instance's.
    assert!(!instance.metadata.contains_key("registry"));
    let names: Vec<_> = instance.methods.iter().map(|method| &method.name[..]).collect();
    assert_eq!(names, ["HelloWorld.Hello", "HelloWorld.Stream", "Func"]);
    assert_eq!(ServiceRecord::of(instance, "memory").to_json(), CAPTURED);
}

#[test]
fn the_form_of_versions_before_4_10_is_read() {
    let old = r#"{"version":"latest","name":"s","nodes":[{"id":"s-1","address":"a:1","metadata":{}}],
        "endpoints":[{"name":"T.M","request":{"name":"R","type":"R","values":[]},"metadata":null}]}"#;
    let [instance] = &read(old)[..] else { panic!("one node") };
    assert_eq!(instance.version, "");
    assert!(instance.metadata.is_empty());
    assert_eq!(instance.methods.len(), 1);
}

#[test]
fn a_record_of_several_nodes_is_several_instances() {
    let nodes = r#"{"name":"s","nodes":[{"id":"1","address":"a:1"},{"id":"2","address":"b:2"}]}"#;
    let ids: Vec<_> = read(nodes).into_iter().map(|instance| instance.id).collect();
    assert_eq!(ids, ["1", "2"]);
    assert!(read(r#"{"name":"s","nodes":null}"#).is_empty());
}

#[test]
fn no_version_is_what_go_micro_calls_latest() {
    let instance = Instance::new("s", "1", "a:1".into());
    let record = ServiceRecord::of(&instance, "etcd");
    assert_eq!(record.version, "latest");
    assert_eq!(record.into_instances("etcd"), [instance]);
}

#[test]
fn what_is_no_server_is_written_without_its_registry() {
    // What go-micro's broker over HTTP registers, as captured.
    let captured = concat!(
        r#"{"name":"micro.http.broker","version":"ff.http.broadcast","metadata":null,"#,
        r#""endpoints":null,"nodes":[{"metadata":{"broker":"http","secure":"false","#,
        r#""topic":"my.topic"},"id":"my.topic-9340c5a2","address":"127.0.0.1:18090"}]}"#,
    );
    let [instance] = &read(captured)[..] else { panic!("one node") };
    assert_eq!(ServiceRecord::of(instance, "memory").to_json(), captured);
    let server = instance.clone().with_metadata("server", "mucp");
    let record = ServiceRecord::of(&server, "memory");
    let node = record.nodes.clone().unwrap().pop().unwrap();
    assert_eq!(node.metadata.unwrap().get("registry").unwrap(), "memory");
    assert_eq!(record.into_instances("memory"), [server]);
}

#[test]
fn a_user_s_own_word_for_the_registry_is_kept() {
    let instance = Instance::new("s", "1", "a:1".into()).with_metadata("registry", "mine");
    assert_eq!(ServiceRecord::of(&instance, "etcd").into_instances("etcd"), [instance]);
}

#[test]
fn strings_are_escaped_as_go_escapes_them() {
    let record = ServiceRecord { name: "a<b>&\u{2028}\"ü".to_owned(), ..ServiceRecord::default() };
    let json = record.to_json();
    assert!(json.contains(r#""name":"a\u003cb\u003e\u0026\u2028\"ü""#), "{json}");
    assert_eq!(ServiceRecord::parse(json.as_bytes()).unwrap(), record);
}

#[test]
fn what_is_no_record_is_refused_with_the_reason() {
    let huge = format!(r#"{{"name":"{}"}}"#, "x".repeat(MAX_RECORD_BYTES));
    for (json, why) in [
        ("garbage", "expected"),
        (r#"{"name":1}"#, "invalid type"),
        ("{}", "names no"),
        (&huge, "limit"),
    ] {
        let error = ServiceRecord::parse(json.as_bytes()).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn nodes_without_an_address_are_passed_over() {
    let found = read(r#"{"name":"s","nodes":[{"id":"a"},{"id":"b","address":"h:1"}]}"#);
    let ids: Vec<&str> = found.iter().map(|instance| instance.id.as_str()).collect();
    assert_eq!(ids, ["b"]);
}
