//! How the messages of a reply are compressed.

use ::http::HeaderValue;
use polywire_codec::compression::Compression;
use polywire_core::{MessageCompression, Reply};

/// How the messages of one reply are compressed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Compressing {
    /// Where the handler leaves it to the server.
    usual: Compression,
    /// Where the handler wants it.
    wanted: Compression,
}

impl Compressing {
    /// Usually as the request was, if the peer says that it understands.
    pub(super) fn new(request: Compression, accepted: Option<&str>, reply: &Reply) -> Self {
        let usual = mirrored(request, accepted);
        let chosen = reply.as_ref().is_ok_and(|answer| answer.compression.is_some());
        let wanted = match (usual, accepted) {
            (Compression::Identity, Some(accepted)) if chosen => Compression::choose(accepted),
            (usual, _) => usual,
        };
        Self { usual, wanted }
    }

    /// The header's value that says how those messages are compressed that are.
    pub(super) fn declared(self) -> Option<HeaderValue> {
        (self.wanted != Compression::Identity)
            .then(|| HeaderValue::from_static(self.wanted.as_str()))
    }

    /// How the next message is compressed.
    pub(super) fn of_next(self, choice: Option<&MessageCompression>) -> Compression {
        match choice.and_then(MessageCompression::wanted) {
            Some(true) => self.wanted,
            Some(false) => Compression::Identity,
            None => self.usual,
        }
    }
}

fn mirrored(request: Compression, accepted: Option<&str>) -> Compression {
    match (request, accepted) {
        (Compression::Identity, _) | (_, None) => Compression::Identity,
        (request, Some(accepted)) => {
            let accepts = accepted.split(',').any(|name| {
                let name = name.split(';').next().unwrap_or_default().trim();
                name.eq_ignore_ascii_case(request.as_str())
            });
            if accepts { request } else { Compression::choose(accepted) }
        }
    }
}

#[cfg(test)]
mod tests {
    use polywire_core::{Body, Response};

    use super::*;

    fn compressing(request: Compression, accepted: &str) -> (Compressing, MessageCompression) {
        let choice = MessageCompression::default();
        let mut answer = Response::new(Body::Empty);
        answer.compression = Some(choice.clone());
        (Compressing::new(request, Some(accepted), &Ok(answer)), choice)
    }

    #[test]
    fn a_reply_is_compressed_as_its_request_was_unless_the_handler_chooses() {
        let (compressing, choice) = compressing(Compression::Gzip, "identity, gzip");
        assert_eq!(compressing.of_next(None), Compression::Gzip);
        assert_eq!(compressing.of_next(Some(&choice)), Compression::Gzip);
        choice.leave();
        assert_eq!(compressing.of_next(Some(&choice)), Compression::Identity);
    }

    #[test]
    fn a_handler_can_have_a_reply_compressed_if_the_peer_understands() {
        let (gzip, choice) = compressing(Compression::Identity, "gzip");
        assert_eq!(gzip.of_next(Some(&choice)), Compression::Identity);
        choice.compress();
        assert_eq!(gzip.of_next(Some(&choice)), Compression::Gzip);
        assert_eq!(gzip.declared().unwrap(), "gzip");
        let (none, choice) = compressing(Compression::Identity, "snappy");
        choice.compress();
        assert_eq!(none.of_next(Some(&choice)), Compression::Identity);
        assert_eq!(none.declared(), None);
    }
}
