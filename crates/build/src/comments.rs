//! Comments, by where they stand in a file.

use std::collections::HashMap;

use prost_types::FileDescriptorProto;

/// The numbers of the fields of descriptors that a path is made of.
pub(crate) const MESSAGES: i32 = 4;
pub(crate) const ENUMS: i32 = 5;
pub(crate) const NESTED_MESSAGES: i32 = 3;
pub(crate) const NESTED_ENUMS: i32 = 4;
pub(crate) const MEMBERS: i32 = 2;

/// The comments of one file.
pub(crate) struct Comments<'a>(HashMap<&'a [i32], String>);

impl<'a> Comments<'a> {
    pub(crate) fn of(file: &'a FileDescriptorProto) -> Self {
        let places = file.source_code_info.iter().flat_map(|info| &info.location);
        let commented = places.filter_map(|place| {
            let parts = [place.leading_comments.as_deref(), place.trailing_comments.as_deref()];
            let text: Vec<String> = parts.into_iter().flatten().map(plain).collect();
            (!text.is_empty()).then(|| (place.path.as_slice(), text.join("\n\n")))
        });
        Self(commented.collect())
    }

    /// The text at a path; empty if there is none.
    pub(crate) fn at(&self, path: &[i32]) -> &str {
        self.0.get(path).map_or("", String::as_str)
    }
}

/// The lines without the blank that follows the slashes.
fn plain(comment: &str) -> String {
    let lines = comment.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end());
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}
