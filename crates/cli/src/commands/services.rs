//! `polywire services`.

use futures_util::StreamExt as _;
use polywire::Instance;
use serde_json::{Value as Json, json};

use crate::args::Format;
use crate::failure::Failure;
use crate::output;
use crate::target;

/// Lists every service and its instances.
pub(crate) async fn run(registry: Option<&str>, format: Format) -> Result<(), Failure> {
    let registry = target::registry(registry)?;
    let mut instances = Vec::new();
    for service in registry.services().await? {
        let mut watch = registry.watch(&service).await?;
        if let Some(snapshot) = watch.next().await {
            instances.extend(snapshot.instances.iter().cloned());
        }
    }
    match format {
        Format::Json => output::json(&instances.iter().map(as_json).collect()),
        Format::Table if instances.is_empty() => output::message("no service is registered"),
        Format::Table => {
            let rows: Vec<Vec<String>> = instances.iter().map(as_row).collect();
            output::table(&["SERVICE", "ADDRESS", "VERSION", "WIRES", "INSTANCE"], &rows);
        }
    }
    Ok(())
}

fn as_row(instance: &Instance) -> Vec<String> {
    vec![
        instance.service.clone(),
        instance.address.to_string(),
        instance.version.clone(),
        instance.metadata.get("wires").cloned().unwrap_or_default(),
        instance.id.clone(),
    ]
}

fn as_json(instance: &Instance) -> Json {
    json!({
        "service": instance.service,
        "id": instance.id,
        "address": instance.address.as_str(),
        "version": instance.version,
        "metadata": instance.metadata,
    })
}
