//! Hashes, as lower-case hexadecimal digits but for FNV.

use crate::function::{Args, Converter, Kind, Param, param};
use crate::getter::hexadecimal;
use crate::record::Failure;
use crate::value::Val;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

const TARGET: &[Param] = &[param("target", Kind::Str)];

/// Converters of this group.
pub(super) const CONVERTERS: &[Converter] = &[
    converter!("FNV", TARGET, Int, |args| Ok(Val::Int(fnv1a(args.text(0).as_bytes()) as i64))),
    converter!("MD5", TARGET, Str, digest::<Md5>),
    converter!("SHA1", TARGET, Str, digest::<Sha1>),
    converter!("SHA256", TARGET, Str, digest::<Sha256>),
    converter!("SHA512", TARGET, Str, digest::<Sha512>),
    converter!("Murmur3Hash", TARGET, Str, |args| Ok(hex(&murmur3_32(args.text(0).as_bytes()).to_le_bytes()))),
    converter!("Murmur3Hash128", TARGET, Str, |args| {
        let [first, second] = murmur3_128(args.text(0).as_bytes());
        Ok(hex(&[first.to_le_bytes(), second.to_le_bytes()].concat()))
    }),
];

fn hex(bytes: &[u8]) -> Val {
    let mut out = String::new();
    hexadecimal(&mut out, bytes);
    out.into()
}

fn digest<D: Digest>(args: Args<'_>) -> Result<Val, Failure> {
    Ok(hex(&D::digest(args.text(0).as_bytes())))
}

/// FNV-1a of 64 bits.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

/// MurmurHash3 x86_32 with seed 0.
fn murmur3_32(bytes: &[u8]) -> u32 {
    let mixed = |block: u32| block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let (blocks, tail) = bytes.as_chunks::<4>();
    let mut hash = blocks.iter().fold(0u32, |hash, block| {
        (hash ^ mixed(u32::from_le_bytes(*block))).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64)
    });
    let mut last = [0; 4];
    last[..tail.len()].copy_from_slice(tail);
    hash ^= mixed(u32::from_le_bytes(last)) ^ bytes.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

/// MurmurHash3 x64_128 with seed 0.
fn murmur3_128(bytes: &[u8]) -> [u64; 2] {
    const C1: u64 = 0x87c3_7b91_1142_53d5;
    const C2: u64 = 0x4cf5_ad43_2745_937f;
    let first = |block: u64| block.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2);
    let second = |block: u64| block.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1);
    let halves = |block: u128| (block as u64, (block >> 64) as u64);
    let (mut a, mut b) = (0u64, 0u64);
    let (blocks, tail) = bytes.as_chunks::<16>();
    for block in blocks {
        let (low, high) = halves(u128::from_le_bytes(*block));
        a = (a ^ first(low)).rotate_left(27).wrapping_add(b).wrapping_mul(5).wrapping_add(0x52dc_e729);
        b = (b ^ second(high)).rotate_left(31).wrapping_add(a).wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    let mut last = [0; 16];
    last[..tail.len()].copy_from_slice(tail);
    let (low, high) = halves(u128::from_le_bytes(last));
    a ^= first(low) ^ bytes.len() as u64;
    b ^= second(high) ^ bytes.len() as u64;
    let finish = |mut hash: u64| {
        hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        hash ^ hash >> 33
    };
    a = a.wrapping_add(b);
    b = b.wrapping_add(a);
    (a, b) = (finish(a), finish(b));
    a = a.wrapping_add(b);
    [a, b.wrapping_add(a)]
}

#[cfg(test)]
mod tests {
    use super::super::testing::show;
    use super::*;

    /// Results of upstream's functions.
    #[test]
    fn hashes_are_those_of_upstream() {
        for (name, text, expected) in [
            ("FNV", "hello world", "8618312879776256743"),
            ("FNV", "a", "-5808556873153909620"),
            ("FNV", "", "-3750763034362895579"),
            ("MD5", "hello world", "\"5eb63bbbe01eeed093cb22bb8f5acdc3\""),
            ("SHA1", "", "\"da39a3ee5e6b4b0d3255bfef95601890afd80709\""),
            ("SHA256", "hello world", "\"b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9\""),
            ("Murmur3Hash", "a", "\"b269253c\""),
            ("Murmur3Hash", "", "\"00000000\""),
            ("Murmur3Hash", "Hello World", "\"ce837619\""),
            ("Murmur3Hash128", "a", "\"897859f6655555855a890e51483ab5e6\""),
            ("Murmur3Hash128", "", "\"00000000000000000000000000000000\""),
            ("Murmur3Hash128", "Hello World", "\"dbc2a0c1ab26631a27b4c09fcf1fe683\""),
            ("Murmur3Hash128", "The quick brown fox jumps over the lazy dog", "\"6c1b07bc7bbc4be347939ac4a93c437a\""),
        ] {
            assert_eq!(show(name, &[text.into()]), expected, "{name} {text}");
        }
        assert!(show("SHA512", &["".into()]).starts_with("\"cf83e1357eefb8bd"));
        assert_eq!(show("MD5", &[Val::Nil]), "error: expected string but got nil");
    }
}
