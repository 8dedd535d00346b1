//! Names that no two things of a package share.

use std::collections::HashSet;

use polywire_schema::{Kind, Type};

use crate::protobuf::form::is_bytes;

/// The names of a package's scope that are taken.
#[derive(Debug, Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    /// Takes a name, with a number behind it if another thing has it.
    pub(super) fn take(&mut self, wanted: &str) -> String {
        let plain = identifier(wanted);
        let numbered = (2_u32..).map(|number| format!("{plain}{number}"));
        let mut names = std::iter::once(plain.clone()).chain(numbered);
        let free = names.find(|name| !self.0.contains(name)).unwrap_or(plain);
        self.0.insert(free.clone());
        free
    }

    /// Takes names that somebody else has given.
    pub(super) fn take_all_of<'n>(&mut self, names: impl Iterator<Item = &'n str>) {
        self.0.extend(names.map(str::to_owned));
    }

    /// Takes all the names, or none if one of them is taken.
    pub(super) fn take_all<'n>(&mut self, names: impl Iterator<Item = &'n str> + Clone) -> bool {
        if names.clone().any(|name| self.0.contains(name)) {
            return false;
        }
        self.0.extend(names.map(str::to_owned));
        true
    }
}

/// What a type is called inside the name of another.
pub(super) fn label(ty: &Type) -> String {
    match ty.kind {
        Kind::Unit => "Empty".to_owned(),
        Kind::Bool => "Bool".to_owned(),
        Kind::Int(64) => "Int64".to_owned(),
        Kind::Int(_) => "Int32".to_owned(),
        Kind::Uint(64) => "UInt64".to_owned(),
        Kind::Uint(_) => "UInt32".to_owned(),
        Kind::Float(32) => "Float".to_owned(),
        Kind::Float(_) => "Double".to_owned(),
        Kind::Char | Kind::String => "String".to_owned(),
        Kind::Duration => "Duration".to_owned(),
        Kind::Time => "Timestamp".to_owned(),
        Kind::Option(item) => format!("Optional{}", label(item())),
        _ if is_bytes(ty) => "Bytes".to_owned(),
        Kind::List(item) | Kind::Array(item, _) => format!("{}List", label(item())),
        Kind::Map(key, value) => format!("{}{}Map", label(key()), label(value())),
        Kind::Tuple(items) => {
            let mut name: String = items.iter().map(|item| label(item())).collect();
            name.push_str("Tuple");
            name
        }
        Kind::Struct(ty) => ty.name.to_owned(),
        Kind::Enum(ty) => ty.name.to_owned(),
        _ => "Value".to_owned(),
    }
}

/// A name that protobuf's grammar takes: Rust's may have letters of any script.
fn identifier(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' };
    let name: String = name.trim_start_matches("r#").chars().map(plain).collect();
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic());
    if begins { name } else { format!("T{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_later_gets_a_number_that_is_free() {
        let mut names = Names::default();
        let taken = ["Page", "Page2", "Page", "Größe", "_x"].map(|name| names.take(name));
        assert_eq!(taken, ["Page", "Page2", "Page3", "Gr__e", "T_x"]);
        assert!(!names.take_all(["A", "Page3"].into_iter()));
        assert!(names.take_all(["A", "B"].into_iter()));
        assert_eq!(names.take("B"), "B2");
    }
}
