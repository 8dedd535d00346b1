//! Connections captured from Go programs, for tests.

use serde_json::Value;

/// One captured connection.
pub(crate) struct Capture {
    pub(crate) name: String,
    /// Writes in order: direction (`c2s`, `s2c`, `c2s EOF`, `s2c EOF`) and bytes.
    pub(crate) chunks: Vec<(String, Vec<u8>)>,
    /// What the Go side reported.
    pub(crate) results: Vec<String>,
    /// The same streams from Go 1.27, client to server and back, where they differ.
    pub(crate) later: Option<(Vec<u8>, Vec<u8>)>,
}

impl Capture {
    /// All bytes in one direction.
    pub(crate) fn stream(&self, dir: &str) -> Vec<u8> {
        let chunks = self.chunks.iter().filter(|(way, _)| way == dir);
        chunks.flat_map(|(_, bytes)| bytes.clone()).collect()
    }

    /// Whether the stream in this direction was closed.
    pub(crate) fn ends(&self, dir: &str) -> bool {
        self.chunks.iter().any(|(way, _)| way.strip_suffix(" EOF") == Some(dir))
    }
}

/// Every capture of a category.
pub(crate) fn captures(category: &str) -> Vec<Capture> {
    let all: Value = serde_json::from_str(include_str!("../tests/vectors/rpc.json")).unwrap();
    let of_category = all.as_array().unwrap().iter().filter(|e| e["category"] == category);
    of_category.map(capture).collect()
}

/// The capture of that name.
pub(crate) fn named(category: &str, name: &str) -> Capture {
    captures(category).into_iter().find(|capture| capture.name == name).unwrap()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn capture(entry: &Value) -> Capture {
    let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    let list = |key: &str| entry["value"][key].as_array().cloned().unwrap_or_default();
    let chunk = |chunk: &Value| {
        let hex = chunk["hex"].as_str().unwrap_or_default();
        (chunk["dir"].as_str().unwrap_or_default().to_owned(), unhex(hex))
    };
    let later =
        entry["hex_go1_27"].as_str().map(|hex| (unhex(hex), unhex(&text("hex_reply_go1_27"))));
    Capture {
        name: text("name"),
        chunks: list("chunks").iter().map(chunk).collect(),
        results: list("results")
            .iter()
            .map(|r| r.as_str().unwrap_or_default().to_owned())
            .collect(),
        later,
    }
}
