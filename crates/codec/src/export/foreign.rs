//! Files that others wrote, of which a program has the descriptors.

use std::collections::HashSet;

use crate::protobuf::wire::{Fields, Raw};

/// A file that others wrote.
#[derive(Debug, Clone)]
pub(super) struct Foreign {
    pub(super) name: &'static str,
    pub(super) encoded: &'static [u8],
    pub(super) imports: Vec<&'static str>,
    /// The full names of its services.
    pub(super) services: Vec<String>,
    /// The full names of all that it defines.
    pub(super) symbols: HashSet<String>,
}

/// The files of an encoded `google.protobuf.FileDescriptorSet`.
pub(super) fn files(set: &'static [u8]) -> Vec<Foreign> {
    parts(set).filter(|(tag, _)| *tag == FILE).map(|(_, file)| read(file)).collect()
}

fn read(encoded: &'static [u8]) -> Foreign {
    let mut file = Foreign {
        name: text(encoded, NAME),
        encoded,
        imports: Vec::new(),
        services: Vec::new(),
        symbols: HashSet::new(),
    };
    let package = text(encoded, PACKAGE);
    for (tag, part) in parts(encoded) {
        match tag {
            IMPORT => file.imports.extend(std::str::from_utf8(part).ok()),
            MESSAGE => file.message(package, part),
            ENUM => file.enumeration(package, part),
            SERVICE => {
                let name = join(package, text(part, NAME));
                file.all(&name, part, SERVICE_METHOD);
                file.services.push(name.clone());
                file.symbols.insert(name);
            }
            EXTENSION => drop(file.symbols.insert(join(package, text(part, NAME)))),
            _ => {}
        }
    }
    file
}

impl Foreign {
    fn message(&mut self, scope: &str, message: &'static [u8]) {
        let name = join(scope, text(message, NAME));
        for tag in [MESSAGE_FIELD, MESSAGE_EXTENSION, MESSAGE_ONEOF] {
            self.all(&name, message, tag);
        }
        for (tag, part) in parts(message) {
            match tag {
                MESSAGE_MESSAGE => self.message(&name, part),
                MESSAGE_ENUM => self.enumeration(&name, part),
                _ => {}
            }
        }
        self.symbols.insert(name);
    }

    /// Values are siblings of their enum.
    fn enumeration(&mut self, scope: &str, item: &'static [u8]) {
        self.symbols.insert(join(scope, text(item, NAME)));
        self.all(scope, item, ENUM_VALUE);
    }

    /// The names of all parts with a tag.
    fn all(&mut self, scope: &str, of: &'static [u8], wanted: u32) {
        let found = parts(of).filter(|(tag, _)| *tag == wanted);
        self.symbols.extend(found.map(|(_, part)| join(scope, text(part, NAME))));
    }
}

/// The fields with bytes of a message that this program was built with.
fn parts(message: &'static [u8]) -> impl Iterator<Item = (u32, &'static [u8])> {
    let mut fields = Fields::new(message);
    std::iter::from_fn(move || fields.next().ok().flatten()).filter_map(|(tag, raw)| match raw {
        Raw::Bytes(bytes) => Some((tag, bytes)),
        _ => None,
    })
}

fn text(message: &'static [u8], wanted: u32) -> &'static str {
    let found = parts(message).find(|(tag, _)| *tag == wanted);
    found.and_then(|(_, bytes)| std::str::from_utf8(bytes).ok()).unwrap_or_default()
}

/// A name with what stands in front of it.
pub(super) fn join(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}

// Tags of `descriptor.proto`: of the set, of whatever has a name, and of each of its messages.
const FILE: u32 = 1;
const NAME: u32 = 1;
const PACKAGE: u32 = 2;
const IMPORT: u32 = 3;
const MESSAGE: u32 = 4;
const ENUM: u32 = 5;
const SERVICE: u32 = 6;
const EXTENSION: u32 = 7;
const MESSAGE_FIELD: u32 = 2;
const MESSAGE_MESSAGE: u32 = 3;
const MESSAGE_ENUM: u32 = 4;
const MESSAGE_EXTENSION: u32 = 6;
const MESSAGE_ONEOF: u32 = 8;
const ENUM_VALUE: u32 = 2;
const SERVICE_METHOD: u32 = 2;
