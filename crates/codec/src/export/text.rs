//! `.proto` text.

use std::fmt::Write as _;

use super::model::{Enum, Field, FieldType, File, Label, Message, Method, Service};

/// Prints a file. Writing to text cannot fail.
pub(super) fn print(file: &File) -> String {
    let mut printer = Printer { file, out: String::new() };
    printer.line("syntax = \"proto3\";");
    if !file.package.is_empty() {
        printer.line("");
        printer.line(&format!("package {};", file.package));
    }
    if !file.imports.is_empty() {
        printer.line("");
    }
    for import in &file.imports {
        printer.line(&format!("import \"{import}\";"));
    }
    file.services.iter().for_each(|service| printer.service(service));
    file.messages.iter().for_each(|message| printer.message(message));
    for item in &file.enums {
        printer.line("");
        printer.enumeration("", item);
    }
    printer.out
}

struct Printer<'f> {
    file: &'f File,
    out: String,
}

impl Printer<'_> {
    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    fn docs(&mut self, indent: &str, docs: &str) {
        for line in docs.lines() {
            let line = format!("{indent}// {line}");
            self.line(line.trim_end());
        }
    }

    fn service(&mut self, service: &Service) {
        self.line("");
        self.docs("", service.docs);
        self.line(&format!("service {} {{", service.name));
        for (at, method) in service.methods.iter().enumerate() {
            if at > 0 {
                self.line("");
            }
            self.method(method);
        }
        for reason in &service.left_out {
            self.docs("  ", &format!("Left out: {reason}."));
        }
        self.line("}");
    }

    fn method(&mut self, method: &Method) {
        self.docs("  ", method.docs);
        let stream = |streams| if streams { "stream " } else { "" };
        let head = format!(
            "  rpc {}({}{}) returns ({}{})",
            method.name,
            stream(method.kind.client_streams()),
            self.refer(&method.request),
            stream(method.kind.server_streams()),
            self.refer(&method.reply),
        );
        if !method.idempotent {
            return self.line(&format!("{head};"));
        }
        self.line(&format!("{head} {{"));
        self.line("    option idempotency_level = IDEMPOTENT;");
        self.line("  }");
    }

    fn message(&mut self, message: &Message) {
        self.line("");
        self.docs("", message.docs);
        if message.fields.is_empty() && message.inner.is_none() {
            return self.line(&format!("message {} {{}}", message.name));
        }
        self.line(&format!("message {} {{", message.name));
        if let Some(inner) = &message.inner {
            self.enumeration("  ", inner);
        }
        let indent = if message.oneof.is_some() { "    " } else { "  " };
        if let Some(oneof) = &message.oneof {
            self.line(&format!("  oneof {oneof} {{"));
        }
        message.fields.iter().for_each(|field| self.field(indent, field));
        if message.oneof.is_some() {
            self.line("  }");
        }
        self.line("}");
    }

    fn field(&mut self, indent: &str, field: &Field) {
        self.docs(indent, field.docs);
        let ty = match &field.ty {
            FieldType::Scalar(scalar) => scalar.0.to_owned(),
            FieldType::Message(name) | FieldType::Enum(name) => self.refer(name),
        };
        let ty = match &field.label {
            Label::Plain => ty,
            Label::Optional => format!("optional {ty}"),
            Label::Repeated => format!("repeated {ty}"),
            Label::Map(key) => format!("map<{}, {ty}>", key.0),
        };
        self.line(&format!("{indent}{ty} {} = {};", field.name, field.tag));
    }

    fn enumeration(&mut self, indent: &str, item: &Enum) {
        self.docs(indent, item.docs);
        self.line(&format!("{indent}enum {} {{", item.name));
        for value in &item.values {
            self.docs(&format!("{indent}  "), value.docs);
            self.line(&format!("{indent}  {} = {};", value.name, value.number));
        }
        self.line(&format!("{indent}}}"));
    }

    /// The shortest name that means the type wherever it stands: names are looked up from the
    /// inside out, so one that a method, a field or an entry of a map has as well is written in
    /// full.
    fn refer(&self, full: &str) -> String {
        let own = match self.file.package.as_str() {
            "" => Some(full),
            package => full.strip_prefix(package).and_then(|rest| rest.strip_prefix('.')),
        };
        let mut name = String::new();
        match own {
            Some(own) if !self.is_hidden(first(own)) => name.push_str(own),
            None if !self.is_hidden(first(full)) => name.push_str(full),
            _ => {
                // Text takes whatever is written to it.
                let _ = write!(name, ".{full}");
            }
        }
        name
    }

    fn is_hidden(&self, name: &str) -> bool {
        let of_package = self.file.package.split('.').skip(1).any(|part| part == name);
        of_package
            || self.file.services.iter().any(|service| {
                service.name == name || service.methods.iter().any(|method| method.name == name)
            })
            || self.file.messages.iter().any(|message| {
                (message.inner.is_some() && name == "Enum")
                    || message.fields.iter().any(|field| {
                        field.name == name
                            || (matches!(field.label, Label::Map(_)) && field.entry_name() == name)
                    })
            })
    }
}

fn first(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}
