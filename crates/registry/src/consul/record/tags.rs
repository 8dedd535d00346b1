//! go-micro's tags: a letter for what it is, `-` and packed JSON, or `=` and plain JSON as its first
//! versions wrote it.

use std::collections::BTreeMap;

use crate::micro::{EndpointRecord, Metadata, from_json, pack, to_json, unpack};

/// One tag for each entry.
pub(super) fn of_metadata(metadata: &Metadata) -> impl Iterator<Item = String> {
    metadata.iter().map(|(key, value)| {
        format!("t-{}", pack(to_json(&BTreeMap::from([(key, value)])).as_bytes()))
    })
}

pub(super) fn of_endpoint(endpoint: &EndpointRecord) -> String {
    format!("e-{}", pack(to_json(endpoint).as_bytes()))
}

pub(super) fn of_version(version: &str) -> String {
    format!("v-{}", pack(version.as_bytes()))
}

/// All entries; `None` if no tag has any.
pub(super) fn metadata(tags: &mut Tags<'_>) -> Option<Metadata> {
    let mut all = None;
    for plain in tags.read('t') {
        match from_json::<Metadata>(&plain) {
            Ok(entries) => all.get_or_insert_with(Metadata::new).extend(entries),
            Err(why) => tags.is_wrong('t', &why),
        }
    }
    all
}

pub(super) fn endpoints(tags: &mut Tags<'_>) -> Vec<EndpointRecord> {
    let mut all = Vec::new();
    for plain in tags.read('e') {
        match from_json(&plain) {
            Ok(endpoint) => all.push(endpoint),
            Err(why) => tags.is_wrong('e', &why),
        }
    }
    all
}

/// The version; empty if no tag says one.
pub(super) fn version(tags: &mut Tags<'_>) -> String {
    for plain in tags.read('v') {
        match String::from_utf8(plain) {
            Ok(version) => return version,
            Err(why) => tags.is_wrong('v', &why.to_string()),
        }
    }
    String::new()
}

/// The tags of one instance while they are read.
pub(super) struct Tags<'a> {
    tags: &'a [String],
    /// How much may still be unpacked, of this answer and of this instance.
    left: usize,
    own: usize,
    /// The first thing that is wrong.
    wrong: Option<String>,
}

impl<'a> Tags<'a> {
    pub(super) fn new(tags: &'a [String], left: usize) -> Self {
        Self { tags, left, own: MAX_NODE_BYTES, wrong: None }
    }

    /// The tags of a kind, as they are. The first form that is met is the only one that counts:
    /// there were nodes that had both.
    pub(super) fn of_kind(&self, kind: char) -> Vec<&'a str> {
        let form =
            |tag: &str| tag.strip_prefix(kind)?.chars().next().filter(|form| "-=".contains(*form));
        let first = self.tags.iter().find_map(|tag| form(tag));
        let same = self.tags.iter().filter(|tag| first.is_some() && form(tag) == first);
        same.map(String::as_str).collect()
    }

    /// What is in the tags of a kind.
    fn read(&mut self, kind: char) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        for tag in self.of_kind(kind) {
            let (form, rest) = tag.split_at(2);
            let most = self.left.min(self.own);
            let plain = if !form.ends_with('=') {
                unpack(rest.as_bytes(), most)
            } else if rest.len() <= most {
                Ok(rest.as_bytes().to_vec())
            } else {
                Err(format!("{} bytes, where {most} are left", rest.len()))
            };
            match plain {
                Ok(plain) => {
                    self.left -= plain.len();
                    self.own -= plain.len();
                    all.push(plain);
                }
                Err(why) => self.is_wrong(kind, &why),
            }
        }
        all
    }

    fn is_wrong(&mut self, kind: char, why: &str) {
        if self.wrong.is_none() {
            self.wrong = Some(format!("skipped a tag of kind {kind}: {why}"));
        }
    }

    pub(super) fn left(&self) -> usize {
        self.left
    }

    pub(super) fn into_wrong(self) -> Option<String> {
        self.wrong
    }
}

/// How much is unpacked of the tags of one instance.
const MAX_NODE_BYTES: usize = crate::micro::MAX_RECORD_BYTES;
