//! What a server offers, for programs in other languages.

use std::fmt;

use polywire_codec::export::{ProtoFile, json_schema, openapi};
use polywire_core::{Code, Status};
use polywire_macros::Schema;
use serde::{Deserialize, Serialize};

use crate::builtin::{Named, full_name};

/// A form in which services are described to programs in other languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
#[non_exhaustive]
pub enum ExportForm {
    /// `.proto` files, one per package.
    Proto,
    /// An OpenAPI document of the methods that `POST` reaches with JSON.
    OpenApi,
    /// A JSON Schema of the messages.
    JsonSchema,
}

/// A file for programs in other languages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
#[non_exhaustive]
pub struct Exported {
    /// The name, as other files import it: `greeter/v1.proto`.
    pub name: String,
    /// What it holds.
    pub text: String,
}

impl Exported {
    fn proto(file: &ProtoFile) -> Option<Self> {
        Some(Self { name: file.name().to_owned(), text: file.to_text()? })
    }

    fn json(name: &str, document: &impl fmt::Display) -> Self {
        Self { name: name.to_owned(), text: format!("{document:#}\n") }
    }
}

/// Describes the services, or the one of that name.
pub(super) fn export(
    services: &[Named],
    form: ExportForm,
    wanted: &str,
) -> Result<Vec<Exported>, Status> {
    let is_meant = |(name, service): &&Named| {
        wanted.is_empty() || name == wanted || full_name(name, service) == wanted
    };
    let meant: Vec<_> =
        services.iter().filter(is_meant).map(|(name, service)| (name.as_str(), *service)).collect();
    if meant.is_empty() {
        return Err(Status::new(Code::NotFound, format!("no service `{wanted}`")));
    }
    let (files, theirs): (Vec<_>, Vec<_>) =
        ProtoFile::of(meant.iter().copied()).into_iter().partition(|file| file.to_text().is_some());
    if files.is_empty() {
        let sources = theirs.iter().filter(|file| !file.services().is_empty());
        let sources: Vec<&str> = sources.map(ProtoFile::name).collect();
        let text = format!("written in `.proto` files, which describe it: {}", sources.join(", "));
        return Err(Status::new(Code::FailedPrecondition, text));
    }
    Ok(match form {
        ExportForm::Proto => files.iter().filter_map(Exported::proto).collect(),
        ExportForm::OpenApi => {
            let names: Vec<&str> = meant.iter().map(|(name, _)| *name).collect();
            let document = openapi(&files, &names.join(", "), "1");
            vec![Exported::json("openapi.json", &document)]
        }
        ExportForm::JsonSchema => vec![Exported::json("schema.json", &json_schema(&files))],
    })
}
