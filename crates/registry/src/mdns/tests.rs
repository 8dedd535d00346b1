use super::*;

#[test]
fn options_are_read_from_a_url() {
    let all = "?domain=test&interface=eth0&ttl=60s&gather=250ms&refresh=5s";
    let expected = MdnsOptions::default()
        .domain("test")
        .interface("eth0")
        .ttl(Duration::from_secs(60))
        .gather(Duration::from_millis(250))
        .refresh(Duration::from_secs(5));
    assert_eq!(MdnsOptions::parse(all).unwrap(), expected);
    assert_eq!(MdnsOptions::parse(&format!("//{all}")).unwrap(), expected);
    assert_eq!(MdnsOptions::parse("").unwrap(), MdnsOptions::default());
}

#[test]
fn wrong_options_are_refused_with_the_reason() {
    for (text, why) in [
        ("host", "only options"),
        ("?ttl=soon", "`ttl=soon` is no time: it takes"),
        ("?gather=60", "`gather=60` is no time: it takes"),
        ("?refresh=0s", "`refresh=0s` is no time: it takes"),
        ("?interface=", "no name"),
        ("?zone=a", "`zone` in the query (known: domain, interface, ttl, gather, refresh)"),
    ] {
        let error = MdnsOptions::parse(text).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn opening_needs_no_runtime() {
    drop(crate::from_url("mdns:?domain=test").unwrap());
    drop(MdnsRegistry::default());
}

#[tokio::test]
async fn an_interface_that_is_not_there_is_an_error() {
    let registry = MdnsRegistry::new(MdnsOptions::default().interface("nonesuch0"));
    let error = registry.services().await.unwrap_err().to_string();
    assert_eq!(error, "no interface `nonesuch0` that is up and has an address");
}
