//! The names of methods a peer has called.

use bytes::Bytes;
use polywire_core::{ByteStr, Code, MethodName, Status};

/// The first few names of a connection, so that each is checked and split once.
///
/// They are copies: a name that shared the buffer it came in would keep that buffer for as long as
/// the connection lasts.
#[derive(Debug, Default)]
pub(super) struct Names(Vec<MethodName>);

/// A peer that calls more methods than this pays for the others each time.
const MAX_NAMES: usize = 8;

impl Names {
    /// The name that these bytes are.
    ///
    /// # Errors
    /// When they are no UTF-8, or have no dot; the latter in Go's words.
    #[inline]
    pub(super) fn find(&mut self, name: &[u8]) -> Result<MethodName, Status> {
        match self.0.iter().find(|known| known.as_byte_str().as_bytes() == name) {
            Some(known) => Ok(known.clone()),
            None => self.learn(name),
        }
    }

    fn learn(&mut self, name: &[u8]) -> Result<MethodName, Status> {
        let unimplemented = |why: String| Status::new(Code::Unimplemented, why);
        let text = ByteStr::from_utf8(Bytes::copy_from_slice(name))
            .map_err(|error| unimplemented(error.to_string()))?;
        let method =
            MethodName::from_dotted(text).map_err(|error| unimplemented(error.to_string()))?;
        if self.0.len() < MAX_NAMES {
            self.0.push(method.clone());
        }
        Ok(method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_again_and_never_more_than_a_few_are_kept() {
        let mut names = Names::default();
        for round in 0..3 {
            for method in 0..20 {
                let name = format!("A.M{method}");
                let found = names.find(name.as_bytes()).unwrap();
                assert_eq!(found.as_str(), name, "round {round}");
            }
        }
        assert_eq!(names.0.len(), MAX_NAMES);
        let first = names.find(b"A.M0").unwrap();
        let again = names.find(b"A.M0").unwrap();
        assert_eq!(first.as_str().as_ptr(), again.as_str().as_ptr());
    }

    #[test]
    fn what_is_no_name_is_refused_and_not_kept() {
        let mut names = Names::default();
        let refused = names.find(b"NoDot").unwrap_err();
        assert_eq!(refused.message(), "rpc: service/method request ill-formed: NoDot");
        assert!(names.find(b"A.\xff").is_err());
        assert!(names.0.is_empty());
    }
}
