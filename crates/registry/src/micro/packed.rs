//! How go-micro packs JSON where a registry takes short text only: zlib, then hex.
#![cfg(any(feature = "consul", feature = "mdns"))]

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

/// Compresses, and writes as hex in lower case.
pub(crate) fn pack(plain: &[u8]) -> String {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing to memory does not fail.
    let compressed = encoder.write_all(plain).and_then(|()| encoder.finish()).unwrap_or_default();
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    compressed.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
}

/// Undoes [`pack`].
///
/// # Errors
/// When it is no hex, does not decompress, or is more than `most` bytes then; no more are unpacked.
pub(crate) fn unpack(packed: &[u8], most: usize) -> Result<Vec<u8>, String> {
    let compressed = bytes(packed).ok_or("no hex")?;
    let mut plain = Vec::new();
    // One byte more than may be there tells a record that is too long from one that is not.
    let enough = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let read = ZlibDecoder::new(&compressed[..]).take(enough).read_to_end(&mut plain);
    read.map_err(|error| format!("zlib: {error}"))?;
    if plain.len() > most {
        return Err(format!("more than {most} bytes when unpacked"));
    }
    Ok(plain)
}

fn bytes(hex: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let pairs = hex.chunks(2).map(|pair| match *pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        for plain in [&b""[..], b"1.2.3", &[0xff; 1000]] {
            assert_eq!(unpack(pack(plain).as_bytes(), 1000).unwrap(), plain);
        }
    }

    #[test]
    fn what_go_packed_is_unpacked() {
        // By Go's compress/zlib, at its default level.
        let packed = b"789cca492c492d2e01040000ffff08cc028e";
        assert_eq!(unpack(packed, 6).unwrap(), b"latest");
    }

    #[test]
    fn what_is_broken_is_refused_with_the_reason() {
        for (packed, why) in
            [("789", "no hex"), ("zz", "no hex"), ("789c", "zlib"), ("00", "zlib"), ("é", "no hex")]
        {
            let error = unpack(packed.as_bytes(), 1000).unwrap_err();
            assert!(error.contains(why), "{packed}: {error}");
        }
    }

    #[test]
    fn a_bomb_is_refused_at_the_limit() {
        let bomb = pack(&vec![0; 1 << 20]);
        assert_eq!(unpack(bomb.as_bytes(), 1 << 20).unwrap().len(), 1 << 20);
        for most in [(1 << 20) - 1, 7, 0] {
            let error = unpack(bomb.as_bytes(), most).unwrap_err();
            assert_eq!(error, format!("more than {most} bytes when unpacked"));
        }
    }
}
