use std::time::Duration;

use super::super::examine::Wire;
use super::super::finding::Level;
use super::super::page::Registration;
use super::*;

fn well(id: &str, address: &str) -> Examined {
    Examined {
        instance: Instance::new("s", id, address.into()).with_version("1"),
        connect: Connect::Accepted(Duration::from_millis(1)),
        wires: vec![Wire { scheme: "netrpc".to_owned(), spoken: Spoken::Yes }],
        is_leaving: false,
        registration: Some(Registration { is_confirmed: true, failures: 0, recoveries: 0 }),
    }
}

fn told(examined: &[Examined], is_shared: bool) -> Vec<(Level, String)> {
    let findings = judge(examined, is_shared).into_iter();
    findings
        .map(|finding| (finding.level, format!("{}: {}", finding.about, finding.text)))
        .collect()
}

#[track_caller]
fn says(examined: &[Examined], is_shared: bool, level: Level, text: &str) {
    let told = told(examined, is_shared);
    let [(found, told)] = told.as_slice() else { panic!("{told:?}") };
    assert!(*found == level && told.contains(text), "{found:?} {told}");
}

#[test]
fn instances_that_answer_are_well() {
    let two = [well("s-1", "10.0.0.1:1"), well("s-2", "10.0.0.2:1")];
    says(&two[..1], true, Level::Ok, "s: 1 instance, and it answers");
    says(&two, true, Level::Ok, "s: 2 instances, and all answer");
}

#[test]
fn an_address_is_judged_by_who_reads_it() {
    let near = [well("1", "127.0.0.1:1")];
    says(&near, false, Level::Ok, "1 instance");
    says(&near, true, Level::Warning, "s 1: other machines find 127.0.0.1:1");
    let nowhere = [well("s-1", "0.0.0.0:1")];
    says(&nowhere, false, Level::Warning, "where to listen");
    says(&nowhere, true, Level::Problem, "where to listen");
    let failed = Connect::Failed("refused".to_owned());
    let gone = [Examined { connect: failed, ..well("s-1", "h:1") }];
    says(&gone, true, Level::Problem, "nobody accepts connections at h:1: refused");
    let elsewhere = [Examined { connect: Connect::Elsewhere, ..well("s-1", "memory:x") }];
    says(&elsewhere, false, Level::Warning, "memory:x cannot be reached");
}

#[test]
fn what_is_claimed_has_to_be_answered() {
    let wire = |scheme: &str, spoken| Wire { scheme: scheme.to_owned(), spoken };
    let with = |wires| [Examined { wires, ..well("s-1", "h:1") }];
    let no = || Spoken::No("late".to_owned());
    let silent = with(vec![wire("netrpc", Spoken::Yes), wire("grpc", no()), wire("micro", no())]);
    says(&silent, true, Level::Problem, "it claims grpc, micro and does not answer: late");
    let some = with(vec![wire("netrpc", Spoken::Yes), wire("dubbo", Spoken::Unknown)]);
    says(&some, true, Level::Warning, "it claims dubbo, which no caller knows");
    let none = with(vec![wire("dubbo", Spoken::Unknown)]);
    says(&none, true, Level::Problem, "dubbo");
    let leaving = [Examined { is_leaving: true, ..well("s-1", "h:1") }];
    says(&leaving, true, Level::Warning, "takes no calls");
}

#[test]
fn a_registration_that_fails_is_a_problem_and_one_that_failed_a_warning() {
    let with = |is_confirmed, failures, recoveries| {
        let registration = Some(Registration { is_confirmed, failures, recoveries });
        [Examined { registration, ..well("s-1", "h:1") }]
    };
    says(&with(false, 3, 0), true, Level::Problem, "not confirmed it, asked 3 times");
    says(&with(true, 0, 2), true, Level::Warning, "put itself back, 2 times");
    says(&with(true, 0, 1), true, Level::Warning, "put itself back, once since");
}

#[test]
fn instances_are_compared_with_their_like() {
    says(
        &[well("s-1", "h:1"), well("s-2", "h:1")],
        true,
        Level::Warning,
        "s: s-1, s-2 are all at h:1",
    );
    let mut two = [well("s-1", "h:1"), well("s-2", "h:2")];
    two[1].instance.version = String::new();
    says(&two, true, Level::Warning, "s: versions side by side: none (1), 1 (1)");
    two[1].instance.service = "t".to_owned();
    assert!(told(&two, true).iter().all(|(level, _)| *level == Level::Ok));
    let subscription = |id, queue: &str| {
        let one = well(id, "h:1");
        let instance = one.instance.clone().with_version(queue).with_metadata("topic", "t");
        Examined { instance, ..one }
    };
    says(&[subscription("1", "a"), subscription("2", "b")], true, Level::Ok, "2 instances");
}
