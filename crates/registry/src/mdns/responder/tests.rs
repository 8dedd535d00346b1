use super::*;
use crate::mdns::packet::{Packet, decode, query_service};
use crate::mdns::record::Place;
use polywire_core::Instance;

fn place() -> Place<'static> {
    Place {
        domain: "micro",
        ttl: Duration::from_secs(120),
        host: "vm",
        here: "192.0.2.2".parse().unwrap(),
    }
}

fn register(responder: &mut Responder, service: &str, id: &str, port: u16) -> Registration {
    let instance = Instance::new(service, id, format!("10.0.0.1:{port}").into());
    let records = place().records(&instance).unwrap();
    let listing = place().listing(service).unwrap();
    responder.register(Instant::now(), records, listing).unwrap()
}

/// What is answered to a question for a service: the names told, and their ports.
fn answers(responder: &Responder, service: &str) -> Vec<(String, u16)> {
    let asked = query_service(1, &crate::mdns::name::name(&[service, "micro"]).unwrap());
    let Some(Packet::Questions(questions)) = decode(&asked) else { panic!("a question") };
    let told = responder.answers(&questions[0]).flat_map(|packet| match decode(&packet) {
        Some(Packet::Told(told)) => told,
        other => panic!("{other:?}"),
    });
    told.map(|told| (told.name, told.port)).collect()
}

/// Everything that is said, with the seconds since the start.
fn said(responder: &mut Responder, start: Instant) -> Vec<(f32, &'static str)> {
    let mut said = Vec::new();
    while let Some(due) = responder.due() {
        while let Some(packet) = responder.next(due) {
            let kind = match decode(&packet) {
                Some(Packet::Questions(_)) => "probe",
                Some(Packet::Told(told)) if !told[0].is_gone => "announcement",
                other => panic!("{other:?}"),
            };
            said.push(((due - start).as_secs_f32(), kind));
        }
    }
    said
}

#[tokio::test(start_paused = true)]
async fn a_registration_is_announced_probed_and_announced() {
    let (mut responder, start) = (Responder::default(), Instant::now());
    register(&mut responder, "greeter", "a", 1);
    let said = said(&mut responder, start);
    let kinds: Vec<_> = said.iter().map(|(_, kind)| *kind).collect();
    let (a, p) = ("announcement", "probe");
    assert_eq!(kinds, [a, p, p, p, a, a, a]);
    let times: Vec<f32> = said.iter().map(|(time, _)| *time).collect();
    assert_eq!(times[..2], [0.0, 0.0]);
    assert!(times.windows(2).take(4).all(|pair| pair[1] - pair[0] <= 0.25), "{times:?}");
    assert!((times[5] - times[4] - 1.0).abs() < 0.001, "{times:?}");
    assert!((times[6] - times[5] - 2.0).abs() < 0.001, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn every_instance_of_a_service_answers_for_itself() {
    let mut responder = Responder::default();
    register(&mut responder, "greeter", "a", 1);
    register(&mut responder, "greeter", "b", 2);
    register(&mut responder, "micro.http.broker", "c", 3);
    assert_eq!(
        answers(&responder, "greeter"),
        [("a.greeter.micro".to_owned(), 1), ("b.greeter.micro".to_owned(), 2)]
    );
    assert_eq!(
        answers(&responder, "micro.http.broker"),
        [("c.micro.http.broker.micro".to_owned(), 3)]
    );
    assert_eq!(answers(&responder, "broker"), []);
}

#[tokio::test(start_paused = true)]
async fn a_service_is_listed_as_long_as_it_has_an_instance() {
    let mut responder = Responder::default();
    let a = register(&mut responder, "greeter", "a", 1);
    let b = register(&mut responder, "greeter", "b", 2);
    let listed = [("greeter._services.micro".to_owned(), 9999)];
    assert_eq!(answers(&responder, "_services"), listed);
    responder.withdraw(a).unwrap();
    assert_eq!(answers(&responder, "_services"), listed);
    responder.withdraw(b).unwrap();
    assert_eq!(answers(&responder, "_services"), []);
}

#[tokio::test(start_paused = true)]
async fn who_is_withdrawn_says_goodbye_and_nothing_more() {
    let (mut responder, start) = (Responder::default(), Instant::now());
    let registration = register(&mut responder, "greeter", "a", 1);
    let goodbye = responder.withdraw(registration).unwrap();
    let Some(Packet::Told(told)) = decode(&goodbye) else { panic!("records") };
    assert_eq!((&told[0].name[..], told[0].is_gone), ("a.greeter.micro", true));
    assert_eq!(said(&mut responder, start), []);
    assert_eq!(answers(&responder, "greeter"), []);
    assert!(responder.withdraw(registration).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_registration_that_was_replaced_withdraws_nothing() {
    let mut responder = Responder::default();
    let first = register(&mut responder, "greeter", "a", 1);
    let second = register(&mut responder, "greeter", "a", 2);
    assert!(responder.withdraw(first).is_none() && responder.records(first).is_none());
    let records = responder.records(second).unwrap().clone();
    assert_eq!(responder.fate(&records), Renewal::Superseded);
    assert_eq!(answers(&responder, "greeter"), [("a.greeter.micro".to_owned(), 2)]);
    responder.withdraw(second).unwrap();
    assert_eq!(answers(&responder, "_services"), []);
    assert_eq!(responder.fate(&records), Renewal::Gone);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_has_moved_is_announced_and_withdrawn_by_the_same_registration() {
    let (mut responder, start) = (Responder::default(), Instant::now());
    let registration = register(&mut responder, "greeter", "a", 1);
    said(&mut responder, start);
    let moved = Instance::new("greeter", "a", "10.0.0.2:2".into());
    let records = place().records(&moved).unwrap();
    responder.update(start, registration, records.clone()).unwrap();
    assert_eq!(answers(&responder, "greeter"), [("a.greeter.micro".to_owned(), 2)]);
    assert_eq!(said(&mut responder, start).len(), 7);
    assert!(responder.withdraw(registration).is_some());
    responder.update(start, registration, records).unwrap();
    assert_eq!((answers(&responder, "greeter"), responder.due()), (Vec::new(), None));
}

#[tokio::test(start_paused = true)]
async fn newcomers_are_told_of_everything() {
    let (mut responder, start) = (Responder::default(), Instant::now());
    register(&mut responder, "greeter", "a", 1);
    register(&mut responder, "greeter", "b", 2);
    said(&mut responder, start);
    responder.announce_all(Instant::now());
    assert_eq!(said(&mut responder, start), [(0.0, "announcement"), (0.0, "announcement")]);
}
