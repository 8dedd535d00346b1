//! What things are called in Rust, as prost has it, and in Go, as its generator has it.

use heck::{ToSnakeCase as _, ToUpperCamelCase as _};

/// The name of a field, function or module.
pub(crate) fn snake(name: &str) -> String {
    escaped(name.to_snake_case())
}

/// The name of a type or variant.
pub(crate) fn upper_camel(name: &str) -> String {
    escaped(name.to_upper_camel_case())
}

fn escaped(name: String) -> String {
    match name.as_str() {
        "_" | "super" | "self" | "Self" | "extern" | "crate" => format!("{name}_"),
        word if KEYWORDS.contains(&word) => format!("r#{name}"),
        word if word.starts_with(char::is_numeric) => format!("_{name}"),
        _ => name,
    }
}

/// Rust's keywords, reserved ones included, that may be written as raw identifiers.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn",
    "else", "enum", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static",
    "struct", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield",
];

/// The name of a field in JSON: underscores are left out, and what follows one is a capital.
pub(crate) fn json(name: &str) -> String {
    let mut capital = false;
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '_' => capital = true,
            _ if std::mem::take(&mut capital) => out.push(c.to_ascii_uppercase()),
            _ => out.push(c),
        }
    }
    out
}

/// The name of a field or type in the code that Go's generator writes: `user_id` is `UserId`.
pub(crate) fn go(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut previous = '_';
    let mut rest = name.chars().peekable();
    while let Some(c) = rest.next() {
        let before_lower = rest.peek().is_some_and(char::is_ascii_lowercase);
        match c {
            '_' if out.is_empty() => out.push('X'),
            '_' if before_lower => {}
            _ if previous.is_ascii_alphabetic() => out.push(c),
            _ => out.push(c.to_ascii_uppercase()),
        }
        previous = c;
    }
    out
}

/// Where the types of `.proto` files are found from the module of a package.
pub(crate) struct Paths<'a> {
    pub(crate) package: &'a str,
    /// Full names, with a dot in front, that stand for a path in Rust: types, or whole packages.
    pub(crate) elsewhere: &'a [(String, String)],
}

impl Paths<'_> {
    /// The path of a type by its full name, with a dot in front.
    pub(crate) fn of(&self, full_name: &str) -> String {
        self.outside(full_name).unwrap_or_else(|| self.inside(full_name))
    }

    fn outside(&self, full_name: &str) -> Option<String> {
        let known = self.elsewhere.iter().filter_map(|(proto, rust)| {
            let rest = full_name.strip_prefix(proto.as_str())?;
            (rest.is_empty() || rest.starts_with('.')).then_some((rest, rust))
        });
        let (rest, rust) = known.min_by_key(|(rest, _)| rest.len())?;
        let mut steps: Vec<&str> = rest.split('.').filter(|step| !step.is_empty()).collect();
        let Some(last) = steps.pop() else { return Some(rust.clone()) };
        let modules: String = steps.into_iter().map(|step| snake(step) + "::").collect();
        Some(format!("{rust}::{modules}{}", upper_camel(last)))
    }

    fn inside(&self, full_name: &str) -> String {
        let mut here = self.package.split('.').filter(|step| !step.is_empty()).peekable();
        let mut steps: Vec<&str> = full_name.split('.').filter(|step| !step.is_empty()).collect();
        let last = steps.pop().unwrap_or_default();
        let mut there = steps.into_iter().peekable();
        while here.peek().is_some() && here.peek() == there.peek() {
            here.next();
            there.next();
        }
        let up: String = here.map(|_| "super::").collect();
        let down: String = there.map(|step| snake(step) + "::").collect();
        format!("{up}{down}{}", upper_camel(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_go_are_those_of_its_generator() {
        for (proto, name) in [
            ("user_id", "UserId"),
            ("userId", "UserId"),
            ("_private", "XPrivate"),
            ("a_1", "A_1"),
            ("a1b", "A1B"),
            ("HTTPServer", "HTTPServer"),
            ("foo_Bar", "Foo_Bar"),
            ("Outer_Inner", "Outer_Inner"),
        ] {
            assert_eq!(go(proto), name, "{proto}");
        }
    }

    #[test]
    fn types_are_found_from_the_module_of_their_package() {
        let elsewhere = [(".shared".to_owned(), "::shared".to_owned())];
        let paths = Paths { package: "a.b", elsewhere: &elsewhere };
        for (proto, rust) in [
            (".a.b.Message", "Message"),
            (".a.b.Message.Inner", "message::Inner"),
            (".a.c.Message", "super::c::Message"),
            (".d.type.Message", "super::super::d::r#type::Message"),
            (".a.Message", "super::Message"),
            (".shared.Outer.Inner", "::shared::outer::Inner"),
            (".shared_not.X", "super::super::shared_not::X"),
        ] {
            assert_eq!(paths.of(proto), rust, "{proto}");
        }
    }
}
