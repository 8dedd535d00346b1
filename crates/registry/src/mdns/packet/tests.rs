use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::mdns::name::name;
use crate::mdns::testdata::*;

fn told(bytes: &[u8]) -> Told {
    match decode(bytes) {
        Some(Packet::Told(all)) => <[Told; 1]>::try_from(all).unwrap().into_iter().next().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn question(bytes: &[u8]) -> Question {
    match decode(bytes) {
        Some(Packet::Questions(all)) => all.into_iter().next().unwrap(),
        other => panic!("{other:?}"),
    }
}

/// The records that go-micro had when these bytes were captured, with the text as it packed it.
fn captured() -> Records {
    let text = told(&hex(V5_ANNOUNCEMENT)).text.unwrap();
    Records {
        service: name(&["helloworld", "micro"]).unwrap(),
        instance: name(&["helloworld-1", "helloworld", "micro"]).unwrap(),
        host: name(&["vm"]).unwrap(),
        address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)),
        port: 36331,
        text: String::from_utf8(text).unwrap(),
        ttl_secs: 120,
    }
}

fn listed() -> Records {
    Records {
        service: name(&["_services", "micro"]).unwrap(),
        instance: name(&["helloworld", "_services", "micro"]).unwrap(),
        address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        port: 9999,
        text: String::new(),
        ..captured()
    }
}

#[test]
fn what_go_micro_tells_is_read() {
    for (packet, is_gone) in [
        (V5_ANNOUNCEMENT, false),
        (V5_ANSWER, false),
        (V5_ANSWER_INSTANCE, false),
        (V5_GOODBYE, true),
        (V2_ANNOUNCEMENT, false),
        (V2_ANSWER, false),
        (V2_GOODBYE, true),
    ] {
        let told = told(&hex(packet));
        assert_eq!(told.name, "helloworld-1.helloworld.micro");
        assert_eq!((told.port, told.is_gone), (36331, is_gone));
        assert_eq!(told.address, Some("192.0.2.2".parse().unwrap()));
        assert!(told.text.unwrap().starts_with(b"789c"));
    }
    for list in [V5_LIST, V2_LIST] {
        let told = told(&hex(list));
        assert_eq!((&told.name[..], told.port), ("helloworld._services.micro", 9999));
        assert_eq!(told.text, None);
    }
}

#[test]
fn what_is_said_is_what_go_micro_says_to_the_byte() {
    let records = captured();
    assert_eq!(records.announcement().unwrap(), hex(V5_ANNOUNCEMENT));
    assert_eq!(records.goodbye().unwrap(), hex(V5_GOODBYE));
    let probe = hex(V5_PROBE);
    let id = u16::from_be_bytes([probe[0], probe[1]]);
    assert_eq!(records.probe(id).unwrap(), probe);
}

#[test]
fn questions_are_go_micro_s_to_the_byte() {
    let captured = hex(V5_QUERY);
    let id = u16::from_be_bytes([captured[0], captured[1]]);
    assert_eq!(query_service(id, &name(&["helloworld", "micro"]).unwrap()), captured);
}

#[test]
fn answers_are_go_micro_s_to_the_byte() {
    let asked = question(&hex(V5_QUERY));
    assert_eq!(captured().answer(&asked).unwrap().unwrap(), hex(V5_ANSWER));
    assert_eq!(listed().answer(&asked).unwrap(), None);
    let alone = question(&query_instance(7, &captured().instance));
    assert_eq!(captured().answer(&alone).unwrap().unwrap(), hex(V5_ANSWER_INSTANCE));
    let list = question(&query_service(7, &listed().service));
    assert_eq!(listed().answer(&list).unwrap().unwrap(), hex(V5_LIST));
    assert_eq!(captured().answer(&list).unwrap(), None);
}

#[test]
fn a_probe_is_a_question_that_nobody_answers() {
    assert!(captured().answer(&question(&hex(V5_PROBE))).unwrap().is_none());
}

#[test]
fn an_address_of_ipv4_comes_before_one_of_ipv6() {
    let v6 = Records { address: "2001:db8::1".parse().unwrap(), ..captured() };
    assert_eq!(told(&v6.announcement().unwrap()).address, Some(v6.address));
    let mut records = v6.all(false);
    records.push(captured().address());
    let [told] = &super::told(&records)[..] else { panic!("one") };
    assert_eq!(told.address, Some(captured().address));
}

#[test]
fn what_does_not_fit_is_refused() {
    let large = Records { text: "a".repeat(usize::from(MAX_PACKET_BYTES)), ..captured() };
    let error = large.announcement().unwrap_err().to_string();
    assert!(error.contains("`helloworld-1.helloworld.micro` does not fit"), "{error}");
}

#[test]
fn a_packet_cut_anywhere_is_no_more_than_it_was() {
    for packet in [V5_ANNOUNCEMENT, V5_ANSWER, V5_LIST, V5_QUERY, V5_PROBE] {
        let whole = hex(packet);
        for cut in 0..whole.len() {
            if let Some(Packet::Told(all)) = decode(&whole[..cut]) {
                assert!(all.len() <= 1);
            }
        }
    }
}

#[test]
fn more_questions_and_records_than_anybody_has_are_left_alone() {
    let mut packet = vec![0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0];
    packet.extend([0, 0, 12, 0, 1].repeat(0xffff));
    let Some(Packet::Questions(questions)) = decode(&packet) else { panic!("questions") };
    assert_eq!(questions.len(), usize::from(MAX_QUESTIONS));
    let mut packet = vec![0, 0, 0x84, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0];
    packet.extend([0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 1, 2, 3, 4].repeat(0xffff));
    let Some(Packet::Told(told)) = decode(&packet) else { panic!("records") };
    assert_eq!(told, []);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        decode(&bytes);
    }

    #[test]
    fn no_change_to_a_packet_panics(at in 0usize..485, byte: u8, cut in 0usize..485) {
        let mut packet = hex(V5_ANSWER);
        packet[at] = byte;
        decode(&packet);
        decode(&packet[..cut]);
    }
}
