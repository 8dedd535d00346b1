//! `polywire doctor`.

mod environment;
mod examine;
mod finding;
mod judge;
mod page;
mod report;

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use polywire::{Instance, Registry};
use tokio::time::{self, Instant};

use self::environment::Named;
use self::examine::Examiner;
use self::finding::{Finding, Level};
use self::report::Report;
use super::bench::nanos;
use crate::args::{DoctorArgs, Format};
use crate::failure::{Failure, chain};
use crate::{suggest, target};

/// Looks at the registry, the broker and every instance, and says what is wrong.
pub(crate) async fn run(
    args: &DoctorArgs,
    registry_url: Option<&str>,
    format: Format,
) -> Result<(), Failure> {
    let options = target::options(args.service.as_deref().unwrap_or_default(), &args.tls)?;
    let examiner = Examiner { patience: args.timeout, options };
    let mut report = Report {
        registry: environment::registry(registry_url),
        answered: None,
        broker: environment::broker(args.broker.broker.as_deref()),
        examined: Vec::new(),
        findings: Vec::new(),
    };
    let begin = Instant::now();
    let asked = ask(args, registry_url).await;
    let (registry, services) = match asked {
        Ok(asked) => asked,
        Err(failure) => return unreachable(report, failure, format),
    };
    let took = begin.elapsed();
    report.answered = Some(took);
    report.findings.push(known(&report.registry, services.len(), took));
    if let Some(named) = &report.broker {
        report.findings.push(broker(args, named, &registry).await);
    }
    let instances = match instances(args, &registry, services).await {
        Ok(instances) => instances,
        Err(failure @ Failure::NoInstance(_)) => return Err(failure),
        Err(failure) => return unreachable(report, failure, format),
    };
    report.examined = examiner.examine_all(instances).await;
    report.findings.extend(judge::judge(&report.examined, report.registry.is_shared()));
    report.print(format);
    match report.count(Level::Problem) {
        0 => Ok(()),
        1 => Err(Failure::Unhealthy("1 problem".to_owned())),
        problems => Err(Failure::Unhealthy(format!("{problems} problems"))),
    }
}

/// Opens the registry and has it say what services there are.
async fn ask(
    args: &DoctorArgs,
    url: Option<&str>,
) -> Result<(Arc<dyn Registry>, Vec<String>), Failure> {
    let registry = target::registry(url)?;
    let late = |_elapsed| {
        Failure::Environment(format!("the registry did not answer within {:?}", args.timeout))
    };
    let services = time::timeout(args.timeout, registry.services()).await.map_err(late)??;
    Ok((registry, services))
}

/// The report of a registry that says nothing.
fn unreachable(mut report: Report, failure: Failure, format: Format) -> Result<(), Failure> {
    let text = format!("{}: {failure}", place(&report.registry));
    let advice = "see that it runs and can be reached from here, and that the URL is right";
    report.findings.push(Finding::problem("registry", text, advice));
    report.print(format);
    Err(failure)
}

/// What there is to say of a registry that answered.
fn known(named: &Named, services: usize, took: Duration) -> Finding {
    let took = nanos(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    let text = format!("{}, answered in {took}", place(named));
    match services {
        // A list that is good for every name has none to tell.
        0 if named.shown.starts_with("static:") => Finding::ok("registry", text),
        0 if named.shown.starts_with("mdns:") => {
            let advice = "start a service in the same network and domain, and see that UDP port \
                          5353 is open for multicast; `mdns:?interface=NAME` says which way to ask";
            Finding::warning("registry", format!("{text}: no service is registered"), advice)
        }
        0 => {
            let advice = "start a service, or see whether it is registered elsewhere: it has to be \
                          started with the same registry";
            Finding::warning("registry", format!("{text}: no service is registered"), advice)
        }
        1 => Finding::ok("registry", format!("{text}: 1 service")),
        _ => Finding::ok("registry", format!("{text}: {services} services")),
    }
}

/// What a registry or a broker is, and who said so.
fn place(named: &Named) -> String {
    format!("{} ({})", named.shown, named.by)
}

/// The instances of one service, or of all, sorted by service.
async fn instances(
    args: &DoctorArgs,
    registry: &Arc<dyn Registry>,
    services: Vec<String>,
) -> Result<Vec<Instance>, Failure> {
    let wanted = match &args.service {
        Some(service) => vec![service.clone()],
        None => services.clone(),
    };
    let snapshots = wanted.into_iter().map(|service| async move {
        let late = |_elapsed| {
            let text = format!("it did not say within {:?} where {service} runs", args.timeout);
            Failure::Environment(text)
        };
        let first = async { Ok::<_, Failure>(registry.watch(&service).await?.next().await) };
        time::timeout(args.timeout, first).await.map_err(late)?
    });
    let snapshots: Vec<_> = stream::iter(snapshots).buffered(AT_ONCE).try_collect().await?;
    let instances: Vec<Instance> =
        snapshots.into_iter().flatten().flat_map(|snapshot| snapshot.instances.to_vec()).collect();
    match &args.service {
        Some(service) if instances.is_empty() => {
            let known = services.iter().map(String::as_str).filter(|known| known != service);
            Err(Failure::NoInstance(suggest::unknown("service", service, service, known)))
        }
        _ => Ok(instances),
    }
}

/// Opens the broker, and has it send what it has, which is nothing, to whoever it has it from.
async fn broker(args: &DoctorArgs, named: &Named, registry: &Arc<dyn Registry>) -> Finding {
    let registry = Some(Arc::clone(registry));
    let opened = match args.broker.broker.as_deref().filter(|url| !url.is_empty()) {
        Some(url) => polywire::broker::from_url(url, registry),
        None => polywire::broker::from_env(registry),
    };
    let reached = async { opened?.flush().await };
    let place = place(named);
    let why = match time::timeout(args.timeout, reached).await {
        Ok(Ok(())) if named.shown.starts_with("http:") => {
            return Finding::ok("broker", format!("{place}: subscribers are in the registry"));
        }
        Ok(Ok(())) => return Finding::ok("broker", format!("{place}, can be reached")),
        Ok(Err(error)) => chain(&error),
        Err(_elapsed) => format!("no answer within {:?}", args.timeout),
    };
    let advice = "see that it runs and can be reached from here, and that the URL is right";
    Finding::problem("broker", format!("{place}: {why}"), advice)
}

/// How many services are looked up at a time.
const AT_ONCE: usize = 8;
