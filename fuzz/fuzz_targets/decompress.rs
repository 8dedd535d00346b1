//! Any bytes as a compressed message: no panic, never more than the limit, and what we compress
//! is what comes out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use polywire_codec::compression::Compression;

const LIMIT: usize = 64 * 1024;

fuzz_target!(|input: &[u8]| {
    for compression in [Compression::Identity, Compression::Gzip] {
        if let Ok(message) = compression.decompress(input, LIMIT) {
            assert!(message.len() <= LIMIT);
        }
        let compressed = compression.compress(input);
        if input.len() <= LIMIT {
            let message = compression.decompress(&compressed, LIMIT).expect("our own");
            assert_eq!(message, input);
        }
        assert!(
            compression.decompress(&compressed, input.len().saturating_sub(1)).is_err()
                || input.is_empty()
        );
    }
});
