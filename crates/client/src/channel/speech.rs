//! Which of the wires that instances speak is chosen, and how arguments are to be encoded for them.

use std::sync::atomic::{AtomicU8, Ordering};

use polywire_core::{Encoding, Instance};

use super::url::Endpoint;
use crate::{ChannelOptions, ClientError, HttpCodec, WireKind};

/// What a channel that discovers speaks.
#[derive(Debug)]
pub(super) struct Speech {
    preferred: Option<WireKind>,
    codec: Option<HttpCodec>,
    /// What the nodes take: [`UNKNOWN`], or an encoding's place in [`ENCODINGS`], and [`MIXED`].
    taken: AtomicU8,
}

impl Speech {
    pub(super) const fn new(options: &ChannelOptions) -> Self {
        let (preferred, codec) = (options.preferred_wire, options.http.codec);
        Self { preferred, codec, taken: AtomicU8::new(UNKNOWN) }
    }

    /// Where an instance is, and what to speak with it.
    pub(super) fn endpoint(
        speech: Option<&Self>,
        instance: &Instance,
    ) -> Result<Endpoint, ClientError> {
        Endpoint::of(instance, speech.and_then(|speech| speech.preferred))
    }

    /// Takes note of the nodes there are.
    pub(super) fn heed<'e>(&self, endpoints: impl Iterator<Item = &'e Endpoint>) {
        let mut counts = [0_usize; ENCODINGS.len()];
        for endpoint in endpoints {
            let encoding = endpoint.wire.encoding_with(self.codec);
            let places = ENCODINGS.iter().zip(&mut counts);
            places.filter(|(known, _)| **known == encoding).for_each(|(_, count)| *count += 1);
        }
        let most = (0_u8..).zip(&counts).max_by_key(|(_, count)| **count);
        let kinds = counts.iter().filter(|count| **count > 0).count();
        let taken = match (most, kinds) {
            (None, _) | (_, 0) => UNKNOWN,
            (Some((place, _)), 1) => place,
            (Some((place, _)), _) => place | MIXED,
        };
        self.taken.store(taken, Ordering::Relaxed);
    }

    /// How most of the nodes want arguments to be encoded; gob as long as none is known.
    pub(super) fn encoding(&self) -> Encoding {
        let place = self.taken.load(Ordering::Relaxed) & !MIXED;
        ENCODINGS.get(usize::from(place)).copied().unwrap_or(Encoding::Gob)
    }

    /// Whether a call may meet a node that wants another encoding.
    pub(super) fn is_mixed(&self) -> bool {
        self.taken.load(Ordering::Relaxed) & MIXED != 0
    }
}

impl Default for Speech {
    fn default() -> Self {
        Self::new(&ChannelOptions::default())
    }
}

const ENCODINGS: [Encoding; 5] =
    [Encoding::Gob, Encoding::Json, Encoding::GoJson, Encoding::Protobuf, Encoding::ProtoJson];

const MIXED: u8 = 0x80;
const UNKNOWN: u8 = 0xff;

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(urls: &[&str]) -> (Encoding, bool) {
        let speech = Speech::new(&ChannelOptions::default());
        let endpoints: Vec<_> = urls.iter().map(|url| Endpoint::parse(url).unwrap()).collect();
        speech.heed(endpoints.iter());
        (speech.encoding(), speech.is_mixed())
    }

    #[test]
    fn arguments_are_encoded_as_most_nodes_want_it_and_kept_if_some_do_not() {
        for (urls, encoding, is_mixed) in [
            (&[][..], Encoding::Gob, true),
            (&["h:1", "h:2"], Encoding::Gob, false),
            (&["micro://h:1", "h:2", "micro://h:3"], Encoding::ProtoJson, true),
            (&["micro://h:1", "grpc://h:2?codec=json"], Encoding::ProtoJson, false),
            (&["grpc://h:1", "grpc://h:2"], Encoding::Protobuf, false),
        ] {
            assert_eq!(heard(urls), (encoding, is_mixed), "{urls:?}");
        }
    }
}
