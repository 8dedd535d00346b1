//! Text and numbers in Go's spelling.

use std::fmt::Display;
use std::io::Write as _;

use super::super::JsonError;

/// Appends a number.
pub(super) fn put_display(out: &mut Vec<u8>, value: impl Display) {
    write!(out, "{value}").expect("writing to a vector does not fail");
}

/// Appends a quoted string; `<`, `>`, `&` and the two line separators of JavaScript are escaped,
/// so that the text may stand in a web page.
pub(super) fn put_string(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut plain = 0;
    for (at, c) in text.char_indices() {
        let short = match c {
            '"' | '\\' => Some(c),
            '\u{8}' => Some('b'),
            '\u{c}' => Some('f'),
            '\n' => Some('n'),
            '\r' => Some('r'),
            '\t' => Some('t'),
            '\0'..=' ' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' if c != ' ' => None,
            _ => continue,
        };
        out.extend_from_slice(text.get(plain..at).unwrap_or_default().as_bytes());
        plain = at + c.len_utf8();
        match short {
            Some(short) => put_display(out, format_args!("\\{short}")),
            None => put_display(out, format_args!("\\u{:04x}", u32::from(c))),
        }
    }
    out.extend_from_slice(text.get(plain..).unwrap_or_default().as_bytes());
    out.push(b'"');
}

/// Appends a quoted name, in which nothing needs to be escaped.
pub(super) fn put_name(out: &mut Vec<u8>, name: impl Iterator<Item = char>) {
    out.push(b'"');
    for c in name {
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    out.push(b'"');
}

/// Appends a float with the fewest digits that read back the same.
pub(super) fn put_f64(out: &mut Vec<u8>, value: f64) -> Result<(), JsonError> {
    let magnitude = value.abs();
    let scientific = magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude);
    put_float(out, value, value.is_finite(), scientific)
}

/// As [`put_f64`]; the digits are those a 32-bit float needs.
pub(super) fn put_f32(out: &mut Vec<u8>, value: f32) -> Result<(), JsonError> {
    let magnitude = value.abs();
    let scientific = magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude);
    put_float(out, value, value.is_finite(), scientific)
}

fn put_float(
    out: &mut Vec<u8>,
    value: impl Display + std::fmt::LowerExp,
    is_finite: bool,
    scientific: bool,
) -> Result<(), JsonError> {
    if !is_finite {
        let text = value.to_string();
        let text = if text == "inf" { "+Inf" } else { text.as_str() };
        return Err(JsonError::UnsupportedValue(text.replace("-inf", "-Inf")));
    }
    if scientific {
        let digits = format!("{value:e}");
        let signed = if digits.contains("e-") { digits } else { digits.replace('e', "e+") };
        put_display(out, signed);
    } else {
        put_display(out, value);
    }
    Ok(())
}
