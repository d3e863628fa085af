use super::*;
use proptest::prelude::*;

const COMPRESSED: [Coding; 7] =
    [Coding::Gzip, Coding::Zstd, Coding::Zlib, Coding::Deflate, Coding::Snappy, Coding::SnappyFramed, Coding::Lz4];

const LIMIT: usize = 1 << 20;

#[test]
fn the_header_names_are_those_of_the_configuration_without_none() {
    for coding in COMPRESSED {
        assert_eq!(Coding::from_header(coding.name()), Some(coding));
    }
    assert_eq!(Coding::from_header(""), Some(Coding::Identity));
    assert_eq!(Coding::from_header("none"), None);
    assert_eq!(Coding::from_header("br"), None);
    assert_eq!(Coding::from_header("GZIP"), None);
}

#[test]
fn a_body_may_become_as_large_as_the_limit_and_not_a_byte_larger() {
    let body = vec![7u8; 100_000];
    for coding in COMPRESSED {
        let compressed = compress(coding, 0, &body).unwrap();
        assert!(compressed.len() < 10_000, "{coding:?} makes {}", compressed.len());
        assert_eq!(decompress(coding, &compressed, body.len()).as_deref(), Ok(&body[..]), "{coding:?}");
        assert_eq!(decompress(coding, &compressed, body.len() - 1), Err(DecodeError::TooLarge), "{coding:?}");
    }
    assert_eq!(decompress(Coding::Identity, &body, body.len() - 1), Err(DecodeError::TooLarge));
}

#[test]
fn a_body_that_is_cut_short_is_refused() {
    let body: Vec<u8> = (0..50_000u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    for coding in COMPRESSED {
        let compressed = compress(coding, 0, &body).unwrap();
        // An LZ4 frame without its end mark has all its data; that something is missing is for the transport to notice.
        let last = if coding == Coding::Lz4 { compressed.len() - 5 } else { compressed.len() - 1 };
        for length in [1, compressed.len() / 2, last] {
            let result = decompress(coding, &compressed[..length], LIMIT);
            assert!(matches!(result, Err(DecodeError::Corrupt { .. })), "{coding:?} cut to {length} of {}", compressed.len());
        }
    }
}

#[test]
fn gzip_may_have_several_members() {
    let mut body = compress(Coding::Gzip, 0, b"one ").unwrap();
    body.extend(compress(Coding::Gzip, 9, b"two").unwrap());
    assert_eq!(decompress(Coding::Gzip, &body, LIMIT).unwrap(), b"one two");
}

#[test]
fn framed_snappy_is_also_read_under_the_name_of_the_block_format() {
    let body = compress(Coding::SnappyFramed, 0, b"framed").unwrap();
    assert_eq!(decompress(Coding::Snappy, &body, LIMIT).unwrap(), b"framed");
}

#[test]
fn a_snappy_block_that_lies_about_its_length_allocates_nothing() {
    let mut body = vec![0xff, 0xff, 0xff, 0xff, 0x0f];
    body.extend([0u8; 16]);
    assert_eq!(decompress(Coding::Snappy, &body, LIMIT), Err(DecodeError::TooLarge));
}

#[test]
fn every_level_upstream_accepts_makes_a_readable_body() {
    for (coding, levels) in [(Coding::Gzip, -2..=9), (Coding::Zlib, -2..=9), (Coding::Zstd, -10..=30)] {
        for level in levels {
            assert!(coding.accepts_level(level));
            let compressed = compress(coding, level, b"level level level").unwrap();
            assert_eq!(decompress(coding, &compressed, LIMIT).unwrap(), b"level level level");
        }
    }
    assert!(!Coding::Gzip.accepts_level(10));
    assert!(!Coding::Snappy.accepts_level(1));
}

proptest! {
    #[test]
    fn any_body_survives_any_coding(body in prop::collection::vec(any::<u8>(), 0..5000), which in 0..COMPRESSED.len()) {
        let coding = COMPRESSED[which];
        let compressed = compress(coding, 0, &body).unwrap();
        prop_assert_eq!(decompress(coding, &compressed, LIMIT).unwrap(), body);
    }

    #[test]
    fn any_bytes_are_refused_or_stay_within_the_limit(body in prop::collection::vec(any::<u8>(), 0..2000), which in 0..COMPRESSED.len()) {
        if let Ok(whole) = decompress(COMPRESSED[which], &body, 4096) {
            prop_assert!(whole.len() <= 4096);
        }
    }

    #[test]
    fn a_damaged_body_is_refused_or_stays_within_the_limit(
        body in prop::collection::vec(any::<u8>(), 1..2000),
        at in any::<prop::sample::Index>(),
        bit in 0..8u8,
        which in 0..COMPRESSED.len(),
    ) {
        let mut compressed = compress(COMPRESSED[which], 0, &body).unwrap();
        let at = at.index(compressed.len());
        compressed[at] ^= 1 << bit;
        if let Ok(whole) = decompress(COMPRESSED[which], &compressed, 4096) {
            prop_assert!(whole.len() <= 4096);
        }
    }

    #[test]
    fn a_stream_inflates_to_the_same_in_pieces_of_any_size(
        body in prop::collection::vec(any::<u8>(), 0..5000),
        piece in 1..700usize,
        room in 1..700usize,
    ) {
        let compressed = compress(Coding::Gzip, 0, &body).unwrap();
        let (mut inflater, mut whole, mut output) = (Inflater::gzip(), Vec::<u8>::new(), vec![0; room]);
        for mut input in compressed.chunks(piece) {
            loop {
                let (taken, made) = inflater.inflate(input, &mut output).unwrap();
                whole.extend(&output[..made]);
                input = &input[taken..];
                if taken == 0 && made == 0 {
                    break;
                }
            }
        }
        prop_assert!(inflater.is_complete());
        prop_assert_eq!(whole, body);
    }
}
