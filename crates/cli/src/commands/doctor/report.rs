//! How it is printed.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::environment::Named;
use super::examine::{Connect, Examined, Spoken};
use super::finding::{Finding, Level};
use crate::args::Format;
use crate::commands::bench::nanos;
use crate::output;

/// Everything there is to say.
pub(super) struct Report {
    pub(super) registry: Named,
    /// How long the registry took to say what services there are; `None` if it did not.
    pub(super) answered: Option<Duration>,
    pub(super) broker: Option<Named>,
    pub(super) examined: Vec<Examined>,
    pub(super) findings: Vec<Finding>,
}

impl Report {
    /// How many findings have this level.
    pub(super) fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    pub(super) fn print(&self, format: Format) {
        match format {
            Format::Json => output::json(&self.as_json()),
            Format::Table => self.print_table(),
        }
    }

    fn print_table(&self) {
        if !self.examined.is_empty() {
            let rows: Vec<Vec<String>> = self.examined.iter().map(row).collect();
            output::table(&["SERVICE", "ADDRESS", "VERSION", "CONNECT", "WIRES"], &rows);
            output::line("");
        }
        for finding in &self.findings {
            let text = format!("{}: {}", finding.about, finding.text);
            output::line(&format!("{:<7}  {}", finding.level.name(), output::plain(&text)));
            if !finding.advice.is_empty() {
                output::line(&format!("{:<7}  -> {}", "", finding.advice));
            }
        }
    }

    fn as_json(&self) -> Json {
        json!({
            "registry": {
                "url": self.registry.shown,
                "by": self.registry.by,
                "answer_ns": self.answered.map(in_nanos),
            },
            "broker": self.broker.as_ref().map(|broker| {
                json!({ "url": broker.shown, "by": broker.by })
            }),
            "instances": self.examined.iter().map(instance).collect::<Json>(),
            "findings": self.findings.iter().map(Finding::as_json).collect::<Json>(),
            "warnings": self.count(Level::Warning),
            "problems": self.count(Level::Problem),
        })
    }
}

fn row(one: &Examined) -> Vec<String> {
    let connect = match &one.connect {
        Connect::Accepted(time) => nanos(in_nanos(*time)),
        Connect::Failed(_) => "NO".to_owned(),
        Connect::Elsewhere => "-".to_owned(),
    };
    let of = |heading: &str, wanted: fn(&Spoken) -> bool| {
        let wires = one.wires.iter().filter(|wire| wanted(&wire.spoken));
        let wires: Vec<&str> = wires.map(|wire| wire.scheme.as_str()).collect();
        if wires.is_empty() { None } else { Some(format!("{heading}{}", wires.join(" "))) }
    };
    let wires = [
        of("", |spoken| *spoken == Spoken::Yes),
        of("NO: ", |spoken| matches!(spoken, Spoken::No(_))),
        of("not tried: ", |spoken| matches!(spoken, Spoken::Unknown | Spoken::NotTried)),
    ];
    let instance = &one.instance;
    vec![
        instance.service.clone(),
        instance.address.to_string(),
        instance.version.clone(),
        connect,
        wires.into_iter().flatten().collect::<Vec<_>>().join(", "),
    ]
}

fn instance(one: &Examined) -> Json {
    let (connect_ns, error) = match &one.connect {
        Connect::Accepted(time) => (Some(in_nanos(*time)), None),
        Connect::Failed(why) => (None, Some(why)),
        Connect::Elsewhere => (None, None),
    };
    let wires = one.wires.iter().map(|wire| {
        let (answers, error) = match &wire.spoken {
            Spoken::Yes => (Some(true), None),
            Spoken::No(why) => (Some(false), Some(why)),
            Spoken::Unknown | Spoken::NotTried => (None, None),
        };
        json!({ "wire": wire.scheme, "answers": answers, "error": error })
    });
    let registration = one.registration.map(|registration| {
        json!({
            "confirmed": registration.is_confirmed,
            "failures": registration.failures,
            "recoveries": registration.recoveries,
        })
    });
    json!({
        "service": one.instance.service,
        "id": one.instance.id,
        "address": one.instance.address.as_str(),
        "version": one.instance.version,
        "connect_ns": connect_ns,
        "connect_error": error,
        "wires": wires.collect::<Json>(),
        "takes_calls": !one.is_leaving,
        "registration": registration,
    })
}

fn in_nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
