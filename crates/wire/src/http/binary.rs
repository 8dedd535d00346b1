//! Values of headers whose name ends in `-bin`: base64.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Encodes bytes for a name that ends in `-bin`: base64 without padding.
#[must_use]
pub fn encode_binary(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// Decodes one value of a name that ends in `-bin`, with padding or without; `None` if it is no
/// base64.
#[must_use]
pub fn decode_binary(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

/// Writes without padding, reads both; bits left over at the end are ignored, as Go ignores them.
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_may_be_there_or_not() {
        // RFC 4648, section 10.
        for (bytes, padded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            let bare = padded.trim_end_matches('=');
            assert_eq!(encode_binary(bytes.as_bytes()), bare);
            assert_eq!(decode_binary(bare).as_deref(), Some(bytes.as_bytes()));
            assert_eq!(decode_binary(padded).as_deref(), Some(bytes.as_bytes()));
        }
    }

    #[test]
    fn what_is_no_base64_is_refused() {
        for text in ["!", "Z", "Zg=a", "=", "Zm9v Zm9v", "Zm-_", "Zm9v\n"] {
            assert_eq!(decode_binary(text), None, "{text:?}");
        }
    }
}
