//! What is printed, and where.

use std::io::{self, Write as _};

use serde_json::Value as Json;

/// Prints a line of data. A reader that has gone away, such as `head`, is no error.
pub(crate) fn line(text: &str) {
    writeln!(io::stdout(), "{text}").unwrap_or_default();
}

/// Tells the person in front of the screen something, on standard error.
pub(crate) fn message(text: &str) {
    writeln!(io::stderr(), "polywire: {}", plain(text)).unwrap_or_default();
}

/// Prints JSON, indented.
pub(crate) fn json(value: &Json) {
    line(&serde_json::to_string_pretty(value).unwrap_or_default());
}

/// Prints rows in columns that line up.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) {
    let headings: Vec<String> = headings.iter().map(|heading| (*heading).to_owned()).collect();
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| plain(cell)).collect()).collect();
    let width = |column: usize| {
        let cells = rows.iter().chain([&headings]).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    for row in [&headings].into_iter().chain(&rows) {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        line(cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// Text from a peer without anything that could steer a terminal.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.into() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_cannot_steer_the_terminal() {
        assert_eq!(plain("a\x1b[31mb\r\n"), "a\\u{1b}[31mb\\r\\n");
    }
}
