//! `polywire describe`.

use polywire::reflection::{
    Description, FieldInfo, MethodInfo, SERVICE, ServiceInfo, Shape, TypeInfo, VariantInfo,
};
use polywire::{Code, Status};

use crate::args::{DescribeArgs, Format};
use crate::failure::Failure;
use crate::grpc::{Printer, Reflection};
use crate::target::{Knowledge, Target};
use crate::{output, suggest};

/// Shows what a server says of itself.
pub(crate) async fn run(
    args: &DescribeArgs,
    registry: Option<&str>,
    format: Format,
) -> Result<(), Failure> {
    let target = Target::reach(&args.target, registry, &args.connect).await?;
    let description = match target.knowledge {
        Knowledge::Polywire(description) => description,
        Knowledge::Grpc(reflection) => return print_grpc(args, &reflection, format).await,
        Knowledge::Nothing => {
            let text = format!("{} does not describe itself", args.target);
            return Err(Failure::Call(Status::new(Code::Unimplemented, text)));
        }
    };
    let shown = match &args.symbol {
        None => Shown::all(&description),
        Some(symbol) => Shown::only(&description, &symbol.replace('/', "."))?,
    };
    match format {
        Format::Json => output::json(&shown.json(&description)),
        Format::Table => shown.print(&description),
    }
    Ok(())
}

/// Shows what gRPC's reflection says.
async fn print_grpc(
    args: &DescribeArgs,
    reflection: &Reflection,
    format: Format,
) -> Result<(), Failure> {
    let symbols = match &args.symbol {
        Some(symbol) => vec![symbol.replace('/', ".")],
        // What answers this is not what was asked about.
        None => {
            let services = reflection.services.iter();
            services.filter(|name| !name.starts_with("grpc.reflection.")).cloned().collect()
        }
    };
    let unknown = |symbol: &str| {
        let known = reflection.services.iter().map(String::as_str);
        Failure::Usage(suggest::unknown("symbol", symbol, symbol, known))
    };
    let pool = match (reflection.pool(&symbols).await, &args.symbol) {
        (Err(Failure::Call(status)), Some(symbol)) if status.code() == Code::NotFound => {
            return Err(unknown(symbol));
        }
        (pool, _) => pool?,
    };
    let printer = Printer::of(&pool, &symbols)
        .ok_or_else(|| unknown(args.symbol.as_deref().unwrap_or_default()))?;
    match format {
        Format::Json => output::json(&printer.json()),
        Format::Table => output::line(printer.text().trim_end()),
    }
    Ok(())
}

/// What was asked for.
struct Shown<'d> {
    services: Vec<(&'d ServiceInfo, Option<&'d MethodInfo>)>,
    ty: Option<&'d TypeInfo>,
}

impl<'d> Shown<'d> {
    /// Every service but the one that answers this.
    fn all(description: &'d Description) -> Self {
        let services = description.services.iter().filter(|service| service.name != SERVICE);
        Self { services: services.map(|service| (service, None)).collect(), ty: None }
    }

    fn only(description: &'d Description, symbol: &str) -> Result<Self, Failure> {
        if let Some(service) = description.services.iter().find(|known| known.name == symbol) {
            return Ok(Self { services: vec![(service, None)], ty: None });
        }
        if let Some(method) = description.method(symbol) {
            let owner = symbol.rsplit_once('.').map_or("", |(service, _)| service);
            let service = description.services.iter().find(|known| known.name == owner);
            let services = service.map(|service| (service, Some(method))).into_iter().collect();
            return Ok(Self { services, ty: None });
        }
        let named = |ty: &&TypeInfo| matches!(ty.shape, Shape::Struct | Shape::Enum);
        let mut types = description.types.iter().filter(named);
        if let Some(ty) = types.find(|ty| ty.name == symbol) {
            return Ok(Self { services: Vec::new(), ty: Some(ty) });
        }
        let mut known: Vec<String> =
            description.types.iter().filter(named).map(|ty| ty.name.clone()).collect();
        for service in &description.services {
            known.push(service.name.clone());
            known.extend(service.methods.iter().map(|m| format!("{}.{}", service.name, m.name)));
        }
        let known = known.iter().map(String::as_str);
        Err(Failure::Usage(suggest::unknown("symbol", symbol, symbol, known)))
    }

    fn print(&self, description: &Description) {
        let mut types = Vec::new();
        for (service, only) in &self.services {
            docs("", &service.docs);
            output::line(&format!("service {}", output::plain(&service.name)));
            for method in &service.methods {
                if only.is_some_and(|only| only.name != method.name) {
                    continue;
                }
                output::line("");
                docs("  ", &method.docs);
                output::line(&format!("  {}", signature(description, method)));
                reach(description, method.request, &mut types);
                reach(description, method.reply, &mut types);
            }
            output::line("");
        }
        let mut named: Vec<&TypeInfo> = types.iter().filter_map(|at| description.ty(*at)).collect();
        named.extend(self.ty);
        for ty in named {
            print_type(description, ty);
        }
    }

    fn json(&self, description: &Description) -> serde_json::Value {
        let whole = serde_json::to_value(description).unwrap_or_default();
        if let Some(ty) = self.ty {
            return serde_json::to_value(ty).unwrap_or_default();
        }
        let mut services = Vec::new();
        for (service, only) in &self.services {
            let mut service = ServiceInfo::clone(service);
            service.methods.retain(|method| only.is_none_or(|only| only.name == method.name));
            services.push(service);
        }
        serde_json::json!({ "services": services, "types": whole.get("types") })
    }
}

fn signature(description: &Description, method: &MethodInfo) -> String {
    let name = |at| description.ty(at).map_or("?", |ty| ty.name.as_str());
    let note = if method.idempotent { "  (idempotent)" } else { "" };
    let (request, reply) = (name(method.request), name(method.reply));
    let stream = |streams| if streams { "stream " } else { "" };
    let (sent, received) = (stream(method.client_streams), stream(method.server_streams));
    output::plain(&format!("{}({sent}{request}) -> {received}{reply}{note}", method.name))
}

/// Collects the structs and enums that a type mentions.
fn reach(description: &Description, at: u32, found: &mut Vec<u32>) {
    let Some(ty) = description.ty(at) else { return };
    if found.contains(&at) {
        return;
    }
    if matches!(ty.shape, Shape::Struct | Shape::Enum) {
        found.push(at);
    }
    let variants = ty.variants.iter();
    let fields = ty.fields.iter().chain(variants.clone().flat_map(|variant| &variant.fields));
    let items = ty.items.iter().chain(variants.flat_map(|variant| &variant.items));
    for part in items.copied().chain(fields.map(|field| field.ty)) {
        reach(description, part, found);
    }
}

fn print_type(description: &Description, ty: &TypeInfo) {
    docs("", &ty.docs);
    let word = if ty.shape == Shape::Enum { "enum" } else { "struct" };
    output::line(&format!("{word} {}", output::plain(&ty.name)));
    for field in &ty.fields {
        print_field(description, "  ", field);
    }
    for variant in &ty.variants {
        docs("  ", &variant.docs);
        output::line(&format!(
            "  {}{}",
            output::plain(&variant.name),
            carried(description, variant)
        ));
        for field in &variant.fields {
            print_field(description, "    ", field);
        }
    }
    output::line("");
}

fn print_field(description: &Description, indent: &str, field: &FieldInfo) {
    docs(indent, &field.docs);
    let ty = description.ty(field.ty).map_or("?", |ty| ty.name.as_str());
    output::line(&format!("{indent}{}", output::plain(&format!("{}: {ty}", field.name))));
}

fn carried(description: &Description, variant: &VariantInfo) -> String {
    let names: Vec<&str> = variant
        .items
        .iter()
        .map(|item| description.ty(*item).map_or("?", |ty| ty.name.as_str()))
        .collect();
    if names.is_empty() { String::new() } else { output::plain(&format!("({})", names.join(", "))) }
}

fn docs(indent: &str, docs: &str) {
    for line in docs.lines() {
        output::line(format!("{indent}/// {}", output::plain(line)).trim_end());
    }
}
