//! Doc comments as descriptors carry them: by the path of numbers that leads to what they describe.

use super::descriptor::put;
use super::model::{Enum, File};
use crate::protobuf::wire::put_varint;

// Fields of `FileDescriptorProto`, and below it of messages, enums and services.
const MESSAGE: u64 = 4;
const ENUM: u64 = 5;
const SERVICE: u64 = 6;
const ENUM_OF_MESSAGE: u64 = 4;
/// Of a message its fields, of an enum its values, of a service its methods.
const PART: u64 = 2;

/// The `google.protobuf.SourceCodeInfo` of a file; empty if nothing is described.
pub(super) fn encode(file: &File) -> Vec<u8> {
    let mut comments = Comments::default();
    for (at, service) in (0..).zip(&file.services) {
        comments.add(&[SERVICE, at], service.docs);
        comments.parts(&[SERVICE, at], service.methods.iter().map(|method| method.docs));
    }
    for (at, message) in (0..).zip(&file.messages) {
        comments.add(&[MESSAGE, at], message.docs);
        comments.parts(&[MESSAGE, at], message.fields.iter().map(|field| field.docs));
        if let Some(inner) = &message.inner {
            comments.enumeration(&[MESSAGE, at, ENUM_OF_MESSAGE, 0], inner);
        }
    }
    for (at, item) in (0..).zip(&file.enums) {
        comments.enumeration(&[ENUM, at], item);
    }
    comments.0
}

#[derive(Default)]
struct Comments(Vec<u8>);

impl Comments {
    fn enumeration(&mut self, path: &[u64], item: &Enum) {
        self.add(path, item.docs);
        self.parts(path, item.values.iter().map(|value| value.docs));
    }

    fn parts(&mut self, path: &[u64], docs: impl Iterator<Item = &'static str>) {
        for (at, docs) in (0..).zip(docs) {
            self.add(&[path, &[PART, at]].concat(), docs);
        }
    }

    fn add(&mut self, path: &[u64], docs: &str) {
        if docs.is_empty() {
            return;
        }
        let mut location = Vec::new();
        put(&mut location, 1, &packed(path));
        // Where it stood in a file that nobody wrote; readers want three numbers.
        put(&mut location, 2, &packed(&[0, 0, 0]));
        // As compilers have it: what follows the slashes, each line to its end.
        let line = |line: &str| match line {
            "" => "\n".to_owned(),
            line => format!(" {line}\n"),
        };
        put(&mut location, 3, docs.lines().map(line).collect::<String>().as_bytes());
        put(&mut self.0, 1, &location);
    }
}

fn packed(numbers: &[u64]) -> Vec<u8> {
    let mut out = Vec::new();
    numbers.iter().for_each(|number| put_varint(&mut out, *number));
    out
}
