//! Services and messages as `.proto` files write them, by what a server says of itself.

use std::collections::BTreeSet;

use prost_reflect::{
    Cardinality, DescriptorPool, EnumDescriptor, FieldDescriptor, FileDescriptor, Kind,
    MessageDescriptor, MethodDescriptor, ServiceDescriptor,
};
use prost_types::method_options::IdempotencyLevel;
use serde_json::{Value as Json, json};

use crate::output::plain;

/// Prints what is asked for, and after it every message and enum that it mentions.
pub(crate) struct Printer {
    services: Vec<(ServiceDescriptor, Option<MethodDescriptor>)>,
    messages: Vec<MessageDescriptor>,
    enums: Vec<EnumDescriptor>,
    seen: BTreeSet<String>,
}

impl Printer {
    /// What a symbol of the pool is; `None` if it is neither a service, nor a method, nor a type.
    pub(crate) fn of(pool: &DescriptorPool, symbols: &[String]) -> Option<Self> {
        let (services, messages, enums) = (Vec::new(), Vec::new(), Vec::new());
        let mut printer = Self { services, messages, enums, seen: BTreeSet::new() };
        symbols.iter().try_for_each(|symbol| printer.add(pool, symbol))?;
        for (service, only) in printer.services.clone() {
            let is_meant = |method: &MethodDescriptor| only.as_ref().is_none_or(|o| o == method);
            for method in service.methods().filter(is_meant) {
                printer.reach(&method.input());
                printer.reach(&method.output());
            }
        }
        Some(printer)
    }

    fn add(&mut self, pool: &DescriptorPool, symbol: &str) -> Option<()> {
        if let Some(service) = pool.get_service_by_name(symbol) {
            self.services.push((service, None));
        } else if let Some(message) = pool.get_message_by_name(symbol) {
            self.reach(&message);
        } else if let Some(item) = pool.get_enum_by_name(symbol) {
            self.enums.push(item);
        } else {
            let (service, method) = symbol.rsplit_once('.')?;
            let service = pool.get_service_by_name(service)?;
            let method = service.methods().find(|known| known.name() == method)?;
            self.services.push((service, Some(method)));
        }
        Some(())
    }

    /// Collects a message and what its fields hold; what is Google's own is known to everybody.
    fn reach(&mut self, message: &MessageDescriptor) {
        let is_known = message.package_name() == "google.protobuf";
        if is_known || !self.seen.insert(message.full_name().to_owned()) {
            return;
        }
        if !message.is_map_entry() {
            self.messages.push(message.clone());
        }
        for field in message.fields() {
            match field.kind() {
                Kind::Message(inner) => self.reach(&inner),
                Kind::Enum(item)
                    if item.package_name() != "google.protobuf"
                        && self.seen.insert(item.full_name().to_owned()) =>
                {
                    self.enums.push(item);
                }
                _ => {}
            }
        }
    }

    /// The text, in the syntax of `.proto` files with full names.
    pub(crate) fn text(&self) -> String {
        let mut parts = Vec::new();
        parts.extend(self.services.iter().map(|(service, only)| text_of(service, only.as_ref())));
        parts.extend(self.messages.iter().map(message));
        parts.extend(self.enums.iter().map(enumeration));
        parts.join("\n")
    }

    /// The services and their methods, for scripts.
    pub(crate) fn json(&self) -> Json {
        let services = self.services.iter().map(|(service, only)| {
            let is_meant = |method: &MethodDescriptor| only.as_ref().is_none_or(|o| o == method);
            let methods = service.methods().filter(is_meant).map(|method| method_json(&method));
            json!({
                "name": service.full_name(),
                "docs": docs(&service.parent_file(), service.path()),
                "methods": methods.collect::<Vec<_>>(),
            })
        });
        let messages = self.messages.iter().map(|message| {
            let fields = message.fields().map(|field| field_json(&field));
            json!({ "name": message.full_name(), "fields": fields.collect::<Vec<_>>() })
        });
        let enums = self.enums.iter().map(|item| {
            let values = item.values().map(|value| {
                json!({
                    "name": value.name(), "number": value.number()
                })
            });
            json!({ "name": item.full_name(), "values": values.collect::<Vec<_>>() })
        });
        json!({
            "services": services.collect::<Vec<_>>(),
            "messages": messages.collect::<Vec<_>>(),
            "enums": enums.collect::<Vec<_>>(),
        })
    }
}

fn text_of(service: &ServiceDescriptor, only: Option<&MethodDescriptor>) -> String {
    let file = service.parent_file();
    let mut text = comment("", &file, service.path());
    text.push_str(&format!("service {} {{\n", plain(service.full_name())));
    let methods = service.methods().filter(|method| only.is_none_or(|only| only == method));
    let methods = methods.map(|method| {
        let stream = |streams| if streams { "stream " } else { "" };
        let end = if is_idempotent(&method) { ";  // idempotent" } else { ";" };
        let head = format!(
            "  rpc {}({}{}) returns ({}{}){end}\n",
            method.name(),
            stream(method.is_client_streaming()),
            method.input().full_name(),
            stream(method.is_server_streaming()),
            method.output().full_name(),
        );
        comment("  ", &file, method.path()) + &plain(head.trim_end()) + "\n"
    });
    text.push_str(&methods.collect::<Vec<_>>().join("\n"));
    text.push_str("}\n");
    text
}

fn message(message: &MessageDescriptor) -> String {
    let file = message.parent_file();
    let mut text = comment("", &file, message.path());
    text.push_str(&format!("message {} {{\n", plain(message.full_name())));
    let in_oneof = |field: &FieldDescriptor| {
        field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic())
    };
    for field in message.fields().filter(|field| !in_oneof(field)) {
        text.push_str(&line("  ", &file, &field));
    }
    for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
        text.push_str(&comment("  ", &file, oneof.path()));
        text.push_str(&format!("  oneof {} {{\n", plain(oneof.name())));
        for field in oneof.fields() {
            text.push_str(&line("    ", &file, &field));
        }
        text.push_str("  }\n");
    }
    text.push_str("}\n");
    text
}

fn line(indent: &str, file: &FileDescriptor, field: &FieldDescriptor) -> String {
    let text = format!("{} {} = {};", type_of(field), field.name(), field.number());
    format!("{}{indent}{}\n", comment(indent, file, field.path()), plain(&text))
}

fn type_of(field: &FieldDescriptor) -> String {
    if let (true, Kind::Message(entry)) = (field.is_map(), field.kind()) {
        let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
        return format!("map<{}, {}>", kind(&key.kind()), kind(&value.kind()));
    }
    let explicit = field.containing_oneof().is_some_and(|oneof| oneof.is_synthetic());
    let label = match field.cardinality() {
        Cardinality::Repeated => "repeated ",
        Cardinality::Required => "required ",
        Cardinality::Optional if explicit => "optional ",
        Cardinality::Optional => "",
    };
    format!("{label}{}", kind(&field.kind()))
}

fn kind(kind: &Kind) -> String {
    match kind {
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(item) => item.full_name().to_owned(),
        // The names of the scalars are those of the grammar.
        scalar => format!("{scalar:?}").to_lowercase(),
    }
}

fn enumeration(item: &EnumDescriptor) -> String {
    let file = item.parent_file();
    let mut text = comment("", &file, item.path());
    text.push_str(&format!("enum {} {{\n", plain(item.full_name())));
    for value in item.values() {
        text.push_str(&comment("  ", &file, value.path()));
        text.push_str(&format!("  {} = {};\n", plain(value.name()), value.number()));
    }
    text.push_str("}\n");
    text
}

fn method_json(method: &MethodDescriptor) -> Json {
    json!({
        "name": method.name(),
        "docs": docs(&method.parent_file(), method.path()),
        "request": method.input().full_name(),
        "reply": method.output().full_name(),
        "client_streams": method.is_client_streaming(),
        "server_streams": method.is_server_streaming(),
        "idempotent": is_idempotent(method),
    })
}

fn field_json(field: &FieldDescriptor) -> Json {
    json!({ "name": field.name(), "number": field.number(), "type": type_of(field) })
}

fn is_idempotent(method: &MethodDescriptor) -> bool {
    let options = method.method_descriptor_proto().options.clone().unwrap_or_default();
    options.idempotency_level() != IdempotencyLevel::IdempotencyUnknown
}

fn comment(indent: &str, file: &FileDescriptor, path: &[i32]) -> String {
    let line = |line: &str| format!("{indent}// {}\n", plain(line));
    docs(file, path).lines().map(line).collect()
}

/// What stands before a part of a file, if the server sends comments along.
fn docs(file: &FileDescriptor, path: &[i32]) -> String {
    let source = file.file_descriptor_proto().source_code_info.as_ref();
    let mut locations = source.iter().flat_map(|source| &source.location);
    let found = locations.find(|location| location.path == path);
    let text = found.map(|location| location.leading_comments()).unwrap_or_default();
    let lines: Vec<&str> =
        text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    lines.join("\n").trim_end().to_owned()
}
