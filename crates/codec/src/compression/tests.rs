use proptest::prelude::*;

use super::*;

const HELLO: &[u8] = b"hello, hello, hello\n";

/// `gzip -nc`, GNU gzip 1.12.
const HELLO_GZIP: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\xd7\x51\
    \xc8\x40\xa2\xb8\x00\xe7\x42\x6e\x52\x14\x00\x00\x00";

/// `gzip -c named.txt`, GNU gzip 1.12: the header has a time and a name.
const NAMED_GZIP: &[u8] = b"\x1f\x8b\x08\x08\x00\xf1\x53\x65\x00\x03named.txt\x00\xcb\x48\xcd\xc9\
    \xc9\xd7\x51\xc8\x40\xa2\xb8\x00\xe7\x42\x6e\x52\x14\x00\x00\x00";

/// Go 1.26's compress/gzip: a block that is flushed, and an empty last one.
const GO_GZIP: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\xca\x48\xcd\xc9\xc9\xd7\x51\
    \x40\xa6\xb8\x00\x01\x00\x00\xff\xff\xe7\x42\x6e\x52\x14\x00\x00\x00";

/// github.com/klauspost/compress 1.18.0 for Go: no size, a window, a raw block.
#[cfg(feature = "zstd")]
const GO_ZSTD: &[u8] = b"\x28\xb5\x2f\xfd\x04\x00\xa1\x00\x00hello, hello, hello\n\x21\x69\x9d\x87";

/// `zstd -c`, zstd 1.5.4.
#[cfg(feature = "zstd")]
const HELLO_ZSTD: &[u8] = b"\x28\xb5\x2f\xfd\x24\x14\x75\x00\x00\x40\x68\x65\x6c\x6c\x6f\x2c\x20\
    \x0a\x01\x00\xe2\x8a\x11\x21\x69\x9d\x87";

fn known() -> Vec<(Compression, &'static [u8])> {
    vec![
        (Compression::Gzip, HELLO_GZIP),
        (Compression::Gzip, NAMED_GZIP),
        (Compression::Gzip, GO_GZIP),
        #[cfg(feature = "zstd")]
        (Compression::Zstd, HELLO_ZSTD),
        #[cfg(feature = "zstd")]
        (Compression::Zstd, GO_ZSTD),
    ]
}

fn compressing() -> impl Iterator<Item = Compression> {
    Compression::ALL.iter().copied().filter(|known| *known != Compression::Identity)
}

#[test]
fn what_other_programs_compress_is_read() {
    for (compression, message) in known() {
        assert_eq!(compression.decompress(message, HELLO.len()).unwrap(), HELLO);
    }
}

#[test]
fn what_was_compressed_before_is_read_after_a_longer_message_by_the_same_tables() {
    for compression in compressing() {
        let noise: Vec<u8> =
            (0..100_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        for message in [HELLO, &noise, b"", b"a", &[0; 1 << 20], HELLO] {
            let compressed = compression.compress(message);
            let back = compression.decompress(&compressed, message.len()).unwrap();
            assert!(back == message, "{compression} of {} bytes", message.len());
        }
    }
}

#[test]
fn members_and_frames_may_follow_one_another() {
    for (compression, message) in known() {
        let twice = [message, message].concat();
        assert_eq!(compression.decompress(&twice, 100).unwrap(), [HELLO, HELLO].concat());
        let limit = 2 * HELLO.len() - 1;
        let error = compression.decompress(&twice, limit).unwrap_err();
        assert!(matches!(error, DecompressError::TooLarge { .. }), "{error}");
    }
}

#[test]
fn one_byte_over_the_limit_is_too_much() {
    for (compression, message) in known() {
        let error = compression.decompress(message, HELLO.len() - 1).unwrap_err();
        let text = "message is over the limit of 19 bytes once decompressed";
        assert_eq!(error.to_string(), text);
    }
    let error = Compression::Identity.decompress(b"abc", 2).unwrap_err();
    assert!(matches!(error, DecompressError::TooLarge { limit: 2 }), "{error}");
    assert_eq!(Compression::Identity.decompress(b"abc", 3).unwrap(), "abc");
}

#[test]
fn a_message_cut_anywhere_is_corrupt() {
    for (compression, message) in known() {
        for cut in 1..message.len() {
            let error = compression.decompress(&message[..cut], 100).unwrap_err();
            assert!(matches!(error, DecompressError::Corrupt { .. }), "{compression} cut at {cut}");
        }
    }
}

#[test]
fn nothing_at_all_is_an_empty_message() {
    for compression in Compression::ALL {
        assert_eq!(compression.decompress(b"", 0).unwrap(), "");
    }
}

#[test]
fn bytes_behind_the_end_are_corrupt() {
    for (compression, message) in known() {
        let longer = [message, b"\x01\x02"].concat();
        let error = compression.decompress(&longer, 100).unwrap_err();
        assert_eq!(error.to_string(), format!("corrupt {compression} message"));
    }
}

#[test]
fn a_wrong_checksum_is_corrupt() {
    let mut message = HELLO_GZIP.to_vec();
    message[24] ^= 1;
    assert!(Compression::Gzip.decompress(&message, 100).is_err());
}

#[test]
fn a_bomb_ends_at_the_limit() {
    let zeros = vec![0; 4 << 20];
    for compression in compressing() {
        let bomb = compression.compress(&zeros);
        let error = compression.decompress(&bomb, 1 << 16).unwrap_err();
        assert!(matches!(error, DecompressError::TooLarge { limit: 0x1_0000 }), "{error}");
    }
}

#[cfg(feature = "zstd")]
#[test]
fn a_message_larger_than_any_zstd_window_comes_back() {
    let message: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let compressed = Compression::Zstd.compress(&message);
    assert!(Compression::Zstd.decompress(&compressed, message.len()).unwrap() == message);
}

#[cfg(feature = "zstd")]
#[test]
fn a_zstd_frame_that_wants_a_large_window_is_corrupt() {
    // A window descriptor of 128 MiB, and an empty last block.
    let frame = b"\x28\xb5\x2f\xfd\x00\x88\x01\x00\x00";
    let error = Compression::Zstd.decompress(frame, 1 << 30).unwrap_err();
    assert!(matches!(error, DecompressError::Corrupt { .. }), "{error}");
    // The same with 8 MiB is an empty message.
    let frame = b"\x28\xb5\x2f\xfd\x00\x68\x01\x00\x00";
    assert_eq!(Compression::Zstd.decompress(frame, 0).unwrap(), "");
}

#[test]
fn names_map_both_ways() {
    for compression in Compression::ALL {
        assert_eq!(Compression::from_name(compression.as_str()), Some(*compression));
    }
    assert_eq!(Compression::from_name("GZip"), Some(Compression::Gzip));
    assert_eq!(Compression::from_name("br"), None);
    let names: Vec<_> = Compression::ALL.iter().map(|known| known.as_str()).collect();
    assert_eq!(Compression::NAMES, names.join(", "));
}

#[test]
fn the_peers_first_choice_of_those_known_is_taken() {
    for (accepted, chosen) in [
        ("", Compression::Identity),
        ("identity", Compression::Identity),
        ("br, snappy", Compression::Identity),
        ("*", Compression::Identity),
        ("identity,deflate,gzip", Compression::Gzip),
        ("br , GZIP", Compression::Gzip),
        ("gzip;q=0", Compression::Identity),
        ("gzip; q=0.5, br", Compression::Gzip),
        ("gzip;level=9;Q=0", Compression::Identity),
        ("gzip;q=x", Compression::Identity),
        ("gzip;q=NaN", Compression::Identity),
        (";;,,=;q", Compression::Identity),
        #[cfg(feature = "zstd")]
        ("gzip, zstd", Compression::Gzip),
        #[cfg(feature = "zstd")]
        ("zstd,gzip", Compression::Zstd),
        #[cfg(feature = "zstd")]
        ("gzip;q=0.4, zstd;q=0.9", Compression::Zstd),
    ] {
        assert_eq!(Compression::choose(accepted), chosen, "{accepted:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_come_back(message in any::<Vec<u8>>()) {
        for compression in Compression::ALL {
            let compressed = compression.compress(&message);
            prop_assert_eq!(&compression.decompress(&compressed, message.len()).unwrap(), &message);
        }
    }

    #[test]
    fn nothing_a_peer_sends_panics_or_passes_the_limit(
        message in any::<Vec<u8>>(),
        flip in any::<(u16, u8)>(),
        limit in 0_usize..100,
    ) {
        for (compression, known) in known() {
            let mut damaged = known.to_vec();
            damaged[usize::from(flip.0) % known.len()] ^= flip.1;
            for bytes in [&message, &damaged] {
                if let Ok(back) = compression.decompress(bytes, limit) {
                    prop_assert!(back.len() <= limit);
                }
            }
        }
    }
}
