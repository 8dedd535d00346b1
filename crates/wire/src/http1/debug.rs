//! The page of services that Go shows at `/debug/rpc`.

use std::fmt::Write as _;

use polywire_schema::{Kind, Type};

/// A service on the page.
#[derive(Debug, Clone, Default)]
pub struct DebugService {
    /// The name it is registered under.
    pub name: String,
    /// Its methods, in any order.
    pub methods: Vec<DebugMethod>,
}

/// A method on the page.
#[derive(Debug, Clone, Default)]
pub struct DebugMethod {
    /// The name.
    pub name: String,
    /// The argument's type in Go's syntax; see [`go_type`].
    pub argument: String,
    /// The reply's type in Go's syntax, with the `*` of its pointer.
    pub reply: String,
    /// How often it has been called.
    pub calls: u64,
}

impl DebugMethod {
    /// Describes a method by its types.
    #[must_use]
    pub fn new(name: &str, argument: &Type, reply: &Type, calls: u64) -> Self {
        let (argument, reply) = (go_type(argument), format!("*{}", go_type(reply)));
        Self { name: name.to_owned(), argument, reply, calls }
    }
}

/// The page, byte for byte as Go renders it: services and methods in the order of their names.
#[must_use]
pub fn debug_page(services: &[DebugService]) -> String {
    let mut services: Vec<_> = services.iter().collect();
    services.sort_by(|a, b| a.name.cmp(&b.name));
    let mut page = String::from("<html>\n\t<body>\n\t<title>Services</title>\n\t");
    for service in services {
        page.push_str("\n\t<hr>\n\tService ");
        escape(&service.name, &mut page);
        page.push_str(TABLE);
        let mut methods: Vec<_> = service.methods.iter().collect();
        methods.sort_by(|a, b| a.name.cmp(&b.name));
        for method in methods {
            row(method, &mut page);
        }
        page.push_str("\n\t\t</table>\n\t");
    }
    page.push_str("\n\t</body>\n\t</html>");
    page
}

/// A type in Go's syntax: `[]uint8`, `map[string]int64`, `*Reply`. Structs and enums have their Go
/// name and no package, since Rust has none to offer.
#[must_use]
pub fn go_type(ty: &Type) -> String {
    go_type_to(ty, MAX_DEPTH)
}

fn go_type_to(ty: &Type, depth: usize) -> String {
    // Only named types can be recursive, and those end in their name; this is for the compiler's
    // peace and for descriptors written by hand.
    let Some(depth) = depth.checked_sub(1) else { return "interface {}".to_owned() };
    let of = |item: fn() -> &'static Type| go_type_to(item(), depth);
    match ty.kind {
        Kind::Unit => "struct {}".to_owned(),
        Kind::Bool => "bool".to_owned(),
        Kind::Int(bits) => format!("int{bits}"),
        Kind::Uint(bits) => format!("uint{bits}"),
        Kind::Float(bits) => format!("float{bits}"),
        Kind::Char | Kind::String => "string".to_owned(),
        Kind::Bytes => "[]uint8".to_owned(),
        Kind::Duration => "time.Duration".to_owned(),
        Kind::Time => "time.Time".to_owned(),
        Kind::Option(item) => format!("*{}", of(item)),
        Kind::List(item) => format!("[]{}", of(item)),
        Kind::Array(item, len) => format!("[{len}]{}", of(item)),
        Kind::Map(key, value) => format!("map[{}]{}", of(key), of(value)),
        Kind::Tuple(items) => {
            let fields: Vec<_> =
                items.iter().enumerate().map(|(at, item)| format!("F{at} {}", of(*item))).collect();
            format!("struct {{ {} }}", fields.join("; "))
        }
        Kind::Struct(ty) => ty.go.to_owned(),
        Kind::Enum(ty) if ty.is_unit_only() => "string".to_owned(),
        Kind::Enum(ty) => ty.go.to_owned(),
        _ => "interface {}".to_owned(),
    }
}

fn row(method: &DebugMethod, page: &mut String) {
    page.push_str("\n\t\t\t<tr>\n\t\t\t<td align=left font=fixed>");
    escape(&method.name, page);
    page.push('(');
    escape(&method.argument, page);
    page.push_str(", ");
    escape(&method.reply, page);
    page.push_str(") error</td>\n\t\t\t<td align=center>");
    // Writing to a String cannot fail.
    let _ = write!(page, "{}", method.calls);
    page.push_str("</td>\n\t\t\t</tr>\n\t\t");
}

/// Escapes as Go's html/template does in text.
fn escape(text: &str, page: &mut String) {
    for c in text.chars() {
        match c {
            '\0' => page.push('\u{fffd}'),
            '"' => page.push_str("&#34;"),
            '&' => page.push_str("&amp;"),
            '\'' => page.push_str("&#39;"),
            '+' => page.push_str("&#43;"),
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            other => page.push(other),
        }
    }
}

const TABLE: &str = "\n\t<hr>\n\t\t<table>\n\t\t\
    <th align=center>Method</th><th align=center>Calls</th>\n\t\t";

const MAX_DEPTH: usize = 64;
