use super::*;

fn link(name: &str, v4: Option<&str>, v6: Option<&str>) -> Link {
    Link {
        name: name.to_owned(),
        index: 1,
        v4: v4.map(|address| address.parse().unwrap()),
        v6: v6.map(|address| address.parse().unwrap()),
        is_loopback: name == "lo",
        is_p2p: name.starts_with("tun"),
    }
}

fn chosen(links: &[Link], only: Option<&str>) -> Vec<String> {
    choose(links.to_vec(), only).into_iter().map(|link| link.name).collect()
}

#[test]
fn the_interfaces_others_may_be_on_are_used() {
    let lo = link("lo", Some("127.0.0.1"), Some("::1"));
    let eth = link("eth0", Some("192.0.2.2"), Some("fe80::1"));
    let v6_only = link("eth1", None, Some("2001:db8::1"));
    let tun = link("tun0", Some("10.8.0.1"), None);
    let port_of_bridge = link("veth1", None, Some("fe80::2"));
    let all = [lo.clone(), eth, v6_only, tun.clone(), port_of_bridge.clone()];
    assert_eq!(chosen(&all, None), ["eth0", "eth1"]);
    assert_eq!(chosen(&[lo.clone(), port_of_bridge], None), ["lo"]);
    assert_eq!(chosen(&[lo, tun], None), ["lo", "tun0"]);
    assert_eq!(chosen(&all, Some("tun0")), ["tun0"]);
    assert!(chosen(&all, Some("eth7")).is_empty());
}

#[test]
fn a_host_with_many_interfaces_uses_some() {
    let many: Vec<_> = (0..40).map(|n| link(&format!("eth{n}"), Some("192.0.2.2"), None)).collect();
    assert_eq!(chosen(&many, None).len(), MAX_INTERFACES);
}

#[tokio::test]
async fn a_packet_leaves_before_the_runtime_has_waited_for_anything() {
    let receiver = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    receiver.set_nonblocking(true).unwrap();
    let receiver = UdpSocket::from_std(receiver).unwrap();
    let Ok(pair) = pair(Domain::IPV4, Ipv4Addr::UNSPECIFIED.into()) else { return };
    for socket in [&pair.shared, &pair.own] {
        send(socket, b"x", receiver.local_addr().unwrap()).unwrap();
        let mut buffer = [0; 1];
        assert_eq!(receiver.recv(&mut buffer).await.unwrap(), 1);
    }
}

#[test]
fn neighbours_are_told_from_others() {
    let sockets = Sockets {
        v4: None,
        v6: None,
        only: None,
        links: Vec::new(),
        networks: vec![("203.0.113.5".parse().unwrap(), 24), ("2001:db8::5".parse().unwrap(), 64)],
    };
    for (address, is_near) in [
        ("203.0.113.77", true),
        ("203.0.114.77", false),
        ("2001:db8::77", true),
        ("2001:db8:1::77", false),
        ("8.8.8.8", false),
        ("10.1.2.3", true),
        ("127.0.0.1", true),
        ("fe80::1", true),
        ("fd00::1", true),
    ] {
        assert_eq!(sockets.is_near(address.parse().unwrap()), is_near, "{address}");
    }
}
