//! Services, as traits that the macro makes servers and clients of.

use std::collections::HashSet;
use std::fmt::Write as _;

use prost_build::{Comments, Method, Service, ServiceGenerator};
use prost_types::method_options::IdempotencyLevel;

/// Writes a trait for each service, with `#[polywire::service]` on it.
pub(crate) struct Traits {
    /// The full names of all messages and enums, in the spelling of Rust's types.
    pub(crate) taken: HashSet<String>,
}

impl ServiceGenerator for Traits {
    fn generate(&mut self, service: Service, buf: &mut String) {
        let name = self.free_name(&service);
        comments(&service.comments, 0, &service.proto_name, buf);
        let package = match service.package.as_str() {
            "" => String::new(),
            package => format!(", package = {package:?}"),
        };
        let _ = writeln!(buf, "#[::polywire::service(name = {:?}{package})]", service.proto_name);
        let _ = writeln!(buf, "pub trait {name} {{");
        for method in &service.methods {
            write_method(method, buf);
        }
        buf.push_str("}\n");
    }
}

impl Traits {
    /// The service's name; where a message has it, or one of those that the macro adds,
    /// `Service` is appended.
    fn free_name(&self, service: &Service) -> String {
        let is_taken = |name: &str| self.taken.contains(&format!("{}.{name}", service.package));
        let plain = service.name.trim_start_matches("r#");
        let clashes = ["", "Server", "Client"].iter().any(|end| is_taken(&format!("{plain}{end}")));
        if clashes { format!("{plain}Service") } else { service.name.clone() }
    }
}

fn write_method(method: &Method, buf: &mut String) {
    comments(&method.comments, 1, &method.proto_name, buf);
    let idempotent = match method.options.idempotency_level() {
        IdempotencyLevel::NoSideEffects | IdempotencyLevel::Idempotent => ", idempotent",
        IdempotencyLevel::IdempotencyUnknown => "",
    };
    let _ = writeln!(buf, "    #[rpc(name = {:?}{idempotent})]", method.proto_name);
    // Functions that the generated client has of its own.
    let function = match method.name.as_str() {
        taken @ ("new" | "connect" | "discover") => format!("{taken}_"),
        name => name.to_owned(),
    };
    let (input, output) = (&method.input_type, &method.output_type);
    let argument = match method.client_streaming {
        false => format!("request: {input}"),
        true => format!("requests: ::polywire::Streaming<{input}>"),
    };
    let reply = match method.server_streaming {
        false => output.clone(),
        true => format!("::polywire::BoxStream<{output}>"),
    };
    let _ = writeln!(buf, "    async fn {function}(&self, cx: &::polywire::Context, {argument})");
    let _ = writeln!(buf, "        -> ::core::result::Result<{reply}, ::polywire::Status>;");
}

/// The comment, or a sentence in its place.
fn comments(comments: &Comments, indent: u8, name: &str, buf: &mut String) {
    if comments.leading.is_empty() && comments.trailing.is_empty() {
        let indent = "    ".repeat(indent.into());
        let _ = writeln!(buf, "{indent}/// `{name}` of the `.proto` file.");
    } else {
        let only = Comments { leading_detached: Vec::new(), ..comments.clone() };
        only.append_with_indent(indent, buf);
    }
}
