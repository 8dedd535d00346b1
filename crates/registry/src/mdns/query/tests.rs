use tokio::time::advance;

use super::*;
use crate::mdns::packet::{Packet, Records, decode};
use crate::mdns::record::Place;

/// Others on the network: they answer as long as they live.
struct Network {
    queries: Queries,
    start: Instant,
    alive: Vec<Records>,
    /// When questions were put, in tenths of seconds, and to whom.
    asked: Vec<(u128, &'static str)>,
    is_down: bool,
}

const TIMES: Times = Times { gather: Duration::from_millis(100), refresh: Duration::from_secs(10) };

impl Network {
    fn new() -> Self {
        Self {
            queries: Queries::new("micro", TIMES),
            start: Instant::now(),
            alive: Vec::new(),
            asked: Vec::new(),
            is_down: false,
        }
    }

    fn watch(&mut self) -> watch::Receiver<Known> {
        self.queries.watch(Instant::now(), "greeter").unwrap()
    }

    fn hear(&mut self, packet: &[u8]) {
        let Some(Packet::Told(all)) = decode(packet) else { panic!("records") };
        all.iter().for_each(|told| self.queries.heard(Instant::now(), told));
    }

    /// Lets so much time pass, a twentieth of a second at a time.
    async fn pass(&mut self, seconds: f32) {
        // Less a bit, since not every tenth is exact.
        let time = Duration::from_secs_f32(seconds).saturating_sub(Duration::from_millis(1));
        let end = Instant::now() + time;
        loop {
            let now = Instant::now();
            let mut questions = Vec::new();
            let is_down = self.is_down;
            self.queries.tick(now, &mut |question| match is_down {
                true => Err(RegistryError::new("down")),
                false => {
                    questions.push(question);
                    Ok(())
                }
            });
            for question in questions {
                let Some(Packet::Questions(all)) = decode(&question) else { panic!("a question") };
                let alone = question.ends_with(&[0, 255, 0, 1]);
                let tenths = (now - self.start).as_millis() / 100;
                self.asked.push((tenths, if alone { "one" } else { "all" }));
                let answers = self.alive.iter().filter_map(|one| one.answer(&all[0]).unwrap());
                for answer in answers.collect::<Vec<_>>() {
                    self.hear(&answer);
                }
            }
            if now >= end {
                return;
            }
            advance(Duration::from_millis(50)).await;
        }
    }
}

fn records(id: &str, port: u16) -> Records {
    let place = Place {
        domain: "micro",
        ttl: Duration::from_secs(120),
        host: "vm",
        here: "192.0.2.2".parse().unwrap(),
    };
    place.records(&Instance::new("greeter", id, format!("10.0.0.1:{port}").into())).unwrap()
}

/// The ports of what is known, sorted; `None` before the first answers are in.
fn known(receiver: &watch::Receiver<Known>) -> Option<Vec<String>> {
    let known = receiver.borrow().clone()?.unwrap();
    let mut ports: Vec<_> =
        known.iter().map(|one| one.address.as_str().replace("10.0.0.1:", "")).collect();
    ports.sort();
    Some(ports)
}

fn ports(ports: &[&str]) -> Option<Vec<String>> {
    Some(ports.iter().map(|port| (*port).to_owned()).collect())
}

#[tokio::test(start_paused = true)]
async fn first_answers_are_gathered_and_later_ones_count_too() {
    let mut network = Network::new();
    network.alive = vec![records("a", 1), records("b", 2)];
    let receiver = network.watch();
    network.pass(0.05).await;
    assert_eq!(known(&receiver), None);
    network.pass(0.1).await;
    assert_eq!(known(&receiver), ports(&["1", "2"]));
    network.hear(&records("c", 3).announcement().unwrap());
    network.pass(0.0).await;
    assert_eq!(known(&receiver), ports(&["1", "2", "3"]));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_an_empty_snapshot() {
    let mut network = Network::new();
    let receiver = network.watch();
    network.pass(0.15).await;
    assert_eq!(known(&receiver), None);
    network.pass(0.1).await;
    assert_eq!(known(&receiver), ports(&[]));
    assert_eq!(network.asked, [(0, "all"), (1, "all")]);
}

#[tokio::test(start_paused = true)]
async fn a_first_question_that_is_lost_hides_nobody() {
    let mut network = Network::new();
    let receiver = network.watch();
    network.pass(0.05).await;
    network.alive = vec![records("a", 1)];
    network.pass(0.15).await;
    assert_eq!(known(&receiver), ports(&["1"]));
}

#[tokio::test(start_paused = true)]
async fn everyone_is_asked_twice_at_first_and_every_ten_seconds_then() {
    let mut network = Network::new();
    network.alive = vec![records("a", 1)];
    let receiver = network.watch();
    network.pass(100.0).await;
    assert_eq!(network.asked[..2], [(0, "all"), (10, "all")]);
    assert!(network.asked.iter().all(|(_, whom)| *whom == "all"), "{:?}", network.asked);
    assert!((10..=14).contains(&network.asked.len()), "{:?}", network.asked);
    assert_eq!(known(&receiver), ports(&["1"]));
}

#[tokio::test(start_paused = true)]
async fn who_is_killed_is_gone_within_fourteen_seconds() {
    let mut network = Network::new();
    network.alive = vec![records("a", 1), records("b", 2)];
    let receiver = network.watch();
    network.pass(5.0).await;
    network.alive.remove(0);
    network.pass(14.1).await;
    assert_eq!(known(&receiver), ports(&["2"]));
    let alone = network.asked.iter().filter(|(_, whom)| *whom == "one").count();
    assert_eq!(alone, 1, "{:?}", network.asked);
}

#[tokio::test(start_paused = true)]
async fn one_lost_answer_is_asked_for_again() {
    let mut network = Network::new();
    network.alive = vec![records("a", 1)];
    let receiver = network.watch();
    network.pass(5.0).await;
    let lost = std::mem::take(&mut network.alive);
    network.pass(8.0).await;
    network.alive = lost;
    network.pass(20.0).await;
    assert_eq!(known(&receiver), ports(&["1"]));
    assert_eq!(receiver.borrow().clone().unwrap().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn many_that_are_silent_are_asked_together() {
    let mut network = Network::new();
    network.alive = (0..20).map(|n| records(&n.to_string(), 100 + n)).collect();
    let receiver = network.watch();
    network.pass(5.0).await;
    network.alive.clear();
    network.pass(14.1).await;
    assert_eq!(known(&receiver), ports(&[]));
    assert!(network.asked.iter().all(|(_, whom)| *whom == "all"), "{:?}", network.asked);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_dropped_while_nobody_can_be_asked() {
    let mut network = Network::new();
    network.alive = vec![records("a", 1)];
    let receiver = network.watch();
    network.pass(5.0).await;
    network.is_down = true;
    network.pass(300.0).await;
    assert_eq!(known(&receiver), ports(&["1"]));
}

#[tokio::test(start_paused = true)]
async fn a_network_that_is_down_at_first_is_an_error_until_it_is_up() {
    let mut network = Network::new();
    network.alive = vec![records("a", 1)];
    network.is_down = true;
    let receiver = network.watch();
    network.pass(0.1).await;
    assert_eq!(receiver.borrow().clone().unwrap().unwrap_err().to_string(), "down");
    network.is_down = false;
    network.pass(2.0).await;
    assert_eq!(known(&receiver), ports(&["1"]));
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_ends_it_and_echoes_do_not_bring_it_back() {
    let mut network = Network::new();
    let receiver = network.watch();
    let a = records("a", 1);
    network.hear(&a.announcement().unwrap());
    network.pass(0.2).await;
    assert_eq!(known(&receiver), ports(&["1"]));
    network.hear(&a.goodbye().unwrap());
    network.hear(&a.announcement().unwrap());
    network.pass(0.5).await;
    assert_eq!(known(&receiver), ports(&[]));
    network.pass(1.0).await;
    network.hear(&a.announcement().unwrap());
    network.pass(0.0).await;
    assert_eq!(known(&receiver), ports(&["1"]));
}

#[tokio::test(start_paused = true)]
async fn a_record_that_changed_replaces_the_one_before() {
    let mut network = Network::new();
    let receiver = network.watch();
    for port in [1, 1, 2] {
        network.hear(&records("a", port).announcement().unwrap());
    }
    network.pass(0.2).await;
    assert_eq!(known(&receiver), ports(&["2"]));
}

#[tokio::test(start_paused = true)]
async fn broken_records_are_skipped_and_hide_nobody() {
    let mut network = Network::new();
    let broken = Records { text: "zz".to_owned(), ..records("x", 9) };
    network.alive = vec![broken, records("a", 1)];
    let receiver = network.watch();
    network.pass(30.0).await;
    assert_eq!(known(&receiver), ports(&["1"]));
    network.alive[0] = records("x", 9);
    network.pass(12.0).await;
    assert_eq!(known(&receiver), ports(&["1", "9"]));
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_instances_ends_at_the_limit() {
    let mut network = Network::new();
    network.alive = vec![records("zz", 1)];
    let receiver = network.watch();
    network.pass(0.2).await;
    let mut told = Told { name: String::new(), is_gone: false, port: 1, address: None, text: None };
    for number in 0..MAX_INSTANCES {
        told.name = format!("{number}.greeter.micro");
        network.queries.heard(Instant::now(), &told);
    }
    network.alive.push(records("a", 2));
    network.hear(&network.alive[1].announcement().unwrap());
    network.pass(0.1).await;
    assert_eq!(known(&receiver), ports(&["1"]));
    // Those who never answer make room.
    network.pass(30.0).await;
    assert_eq!(known(&receiver), ports(&["1", "2"]));
}

#[tokio::test(start_paused = true)]
async fn what_the_instances_of_a_service_take_has_a_limit() {
    let mut network = Network::new();
    let receiver = network.watch();
    for number in 0..130 {
        let id = number.to_string();
        let huge = Instance::new("greeter", &id[..], "10.0.0.1:1".into())
            .with_metadata("x", "x".repeat(1 << 17));
        let place = Place {
            domain: "micro",
            ttl: Duration::from_secs(120),
            host: "vm",
            here: "192.0.2.2".parse().unwrap(),
        };
        network.hear(&place.records(&huge).unwrap().announcement().unwrap());
    }
    network.pass(0.2).await;
    assert_eq!(known(&receiver).unwrap().len(), 127);
}

#[tokio::test(start_paused = true)]
async fn services_nobody_watches_are_not_asked_for() {
    let mut network = Network::new();
    drop(network.watch());
    network.pass(30.0).await;
    assert_eq!(network.asked, []);
    assert_eq!(network.queries.due(), None);
}

#[tokio::test(start_paused = true)]
async fn lists_have_the_names_of_services() {
    let mut network = Network::new();
    let (reply, mut list) = oneshot::channel();
    network.queries.list(Instant::now(), reply, &mut |_| Ok(()));
    let place = Place {
        domain: "micro",
        ttl: Duration::from_secs(120),
        host: "vm",
        here: "192.0.2.2".parse().unwrap(),
    };
    for service in ["users", "micro.http.broker", "users"] {
        network.hear(&place.listing(service).unwrap().announcement().unwrap());
    }
    network.hear(&place.listing("gone").unwrap().goodbye().unwrap());
    network.pass(0.2).await;
    assert_eq!(network.asked, []);
    assert_eq!(list.try_recv().unwrap().unwrap(), ["micro.http.broker", "users"]);
}

#[tokio::test(start_paused = true)]
async fn an_empty_list_is_asked_for_twice() {
    let mut network = Network::new();
    let (reply, mut list) = oneshot::channel();
    network.queries.list(Instant::now(), reply, &mut |_| Ok(()));
    network.pass(0.15).await;
    assert!(list.try_recv().is_err());
    network.pass(0.1).await;
    assert_eq!(list.try_recv().unwrap().unwrap(), Vec::<String>::new());
    assert_eq!(network.asked.len(), 1);
}
