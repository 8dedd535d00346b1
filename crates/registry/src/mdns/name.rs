//! Names of services and instances as names of DNS, and back.

use hickory_proto::rr::Name;
use polywire_core::RegistryError;

/// The name whose labels, joined by dots, are these parts, joined by dots.
///
/// Dots within a part become borders of labels, as in go-micro: `micro.http.broker` is three. A dot
/// that would leave a label empty is a byte of its label instead; labels may hold any byte. So every
/// text has one name, and [`text`] gives it back.
///
/// # Errors
/// A label is longer than 63 bytes, or the name is longer than 255.
pub(super) fn name(parts: &[&str]) -> Result<Name, RegistryError> {
    let labels: Vec<&[u8]> = parts.iter().flat_map(|part| labels(part)).collect();
    if let Some(long) = labels.iter().find(|label| label.len() > MAX_LABEL_BYTES) {
        return Err(RegistryError::new(format!(
            "`{}` cannot be in multicast DNS: {} bytes without a dot, and the limit is {MAX_LABEL_BYTES}",
            String::from_utf8_lossy(long),
            long.len(),
        )));
    }
    Name::from_labels(labels).map_err(|error| {
        let whole = parts.join(".");
        RegistryError::new(format!("`{whole}` cannot be in multicast DNS")).with_source(error)
    })
}

/// The labels joined by dots; `None` if that is no UTF-8.
pub(super) fn text(name: &Name) -> Option<String> {
    let labels: Vec<&[u8]> = name.iter().collect();
    String::from_utf8(labels.join(&b'.')).ok()
}

fn labels(part: &str) -> Vec<&[u8]> {
    let bytes = part.as_bytes();
    let is_dot =
        |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_none_or(|byte| *byte == b'.');
    let mut labels = Vec::new();
    let mut start = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == b'.' && !is_dot(at.checked_sub(1)) && !is_dot(Some(at + 1)) {
            labels.extend(bytes.get(start..at));
            start = at + 1;
        }
    }
    labels.extend(bytes.get(start..).filter(|last| !last.is_empty()));
    labels
}

/// RFC 1035, 2.3.4.
const MAX_LABEL_BYTES: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    fn split(part: &str) -> Vec<String> {
        labels(part).into_iter().map(|label| String::from_utf8_lossy(label).into_owned()).collect()
    }

    #[test]
    fn dots_between_words_are_borders_of_labels() {
        assert_eq!(split("greeter"), ["greeter"]);
        assert_eq!(split("micro.http.broker"), ["micro", "http", "broker"]);
    }

    #[test]
    fn dots_that_would_leave_a_label_empty_stay() {
        assert_eq!(split("../acme/v1 Grüßer"), ["../acme/v1 Grüßer"]);
        assert_eq!(split("10.0.0.1:80/.."), ["10", "0", "0", "1:80/.."]);
        assert_eq!(split("a..b.c."), ["a..b", "c."]);
        assert_eq!(split("."), ["."]);
    }

    #[test]
    fn every_text_comes_back() {
        for service in ["greeter", "a.b", "../acme/v1 Grüßer", "a..b", ".a", "b.", "...", "a\\.b"]
        {
            let name = name(&["10.0.0.1:80/..", service, "micro"]).unwrap();
            assert_eq!(text(&name).unwrap(), format!("10.0.0.1:80/...{service}.micro"));
        }
    }

    #[test]
    fn what_is_too_long_is_refused_with_the_limit() {
        assert!(name(&[&"x".repeat(63), "micro"]).is_ok());
        let error = name(&[&"x".repeat(64), "micro"]).unwrap_err().to_string();
        assert!(error.contains("64 bytes without a dot, and the limit is 63"), "{error}");
        let error = name(&[&"x.".repeat(150), "micro"]).unwrap_err().to_string();
        assert!(error.contains("cannot be in multicast DNS"), "{error}");
    }
}
