//! Figures for a monitor to fetch, as Prometheus reads them.

use std::fmt::Write as _;
use std::sync::Arc;

use polywire_wire::http1::DebugService;

/// One figure of the page at `/debug/metrics`.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    name: &'static str,
    help: &'static str,
    kind: &'static str,
    labels: Vec<(&'static str, String)>,
    value: u64,
}

/// Says the figures of somebody who is not the server, whenever the page is asked for.
pub(crate) type Source = Arc<dyn Fn() -> Vec<Metric> + Send + Sync>;

impl Metric {
    /// A figure that only grows; its name ends in `_total`.
    #[must_use]
    pub const fn counter(name: &'static str, help: &'static str, value: u64) -> Self {
        Self { name, help, kind: "counter", labels: Vec::new(), value }
    }

    /// A figure that goes up and down.
    #[must_use]
    pub const fn gauge(name: &'static str, help: &'static str, value: u64) -> Self {
        Self { name, help, kind: "gauge", labels: Vec::new(), value }
    }

    /// Tells figures of one name apart.
    #[must_use]
    pub fn with_label(mut self, label: &'static str, value: impl Into<String>) -> Self {
        self.labels.push((label, value.into()));
        self
    }
}

/// What the server itself has counted.
pub(crate) fn calls(services: &[DebugService]) -> Vec<Metric> {
    let mut metrics = Vec::new();
    for service in services {
        metrics.extend(service.methods.iter().map(|method| {
            Metric::counter("polywire_calls_total", "Calls that were started.", method.calls)
                .with_label("service", &service.name)
                .with_label("method", &method.name)
        }));
    }
    metrics
}

/// The page: figures in the order of their names and labels, in Prometheus's text format 0.0.4.
pub(crate) fn page(mut metrics: Vec<Metric>) -> String {
    metrics.sort_by(|a, b| (a.name, &a.labels).cmp(&(b.name, &b.labels)));
    let mut page = String::new();
    let mut last = "";
    for metric in &metrics {
        if metric.name != last {
            last = metric.name;
            // Writing to a string does not fail.
            let _infallible =
                write!(page, "# HELP {last} {}\n# TYPE {last} {}\n", metric.help, metric.kind);
        }
        page.push_str(metric.name);
        labels(&metric.labels, &mut page);
        let _infallible = writeln!(page, " {}", metric.value);
    }
    page
}

fn labels(labels: &[(&'static str, String)], page: &mut String) {
    for (at, (label, value)) in labels.iter().enumerate() {
        page.push(if at == 0 { '{' } else { ',' });
        page.push_str(label);
        page.push_str("=\"");
        for character in value.chars() {
            match character {
                '\\' => page.push_str("\\\\"),
                '"' => page.push_str("\\\""),
                '\n' => page.push_str("\\n"),
                other => page.push(other),
            }
        }
        page.push('"');
    }
    if !labels.is_empty() {
        page.push('}');
    }
}

/// Where the page is: beside Go's `/debug/rpc`, and not in the way of a user's own `/metrics`.
pub(crate) const PATH: &str = "/debug/metrics";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_one_name_stand_together_under_one_heading() {
        let calls = |method: &str, value| {
            Metric::counter("calls_total", "Calls.", value).with_label("method", method)
        };
        let page = page(vec![calls("b\"\\\n", 2), Metric::gauge("up", "Up.", 1), calls("a", 1)]);
        let expected = "# HELP calls_total Calls.\n# TYPE calls_total counter\n\
                        calls_total{method=\"a\"} 1\ncalls_total{method=\"b\\\"\\\\\\n\"} 2\n\
                        # HELP up Up.\n# TYPE up gauge\nup 1\n";
        assert_eq!(page, expected);
    }
}
