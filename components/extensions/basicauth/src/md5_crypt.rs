//! The MD5 hashes of Apache (`$apr1$`) and FreeBSD (`$1$`).

use md5::{Digest, Md5};

const ROUNDS: usize = 1000;

/// The alphabet of all crypt hashes.
pub(crate) const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Hashes a password: the text behind the salt.
pub(crate) fn hash(password: &[u8], salt: &[u8], prefix: &[u8]) -> String {
    let inner = Md5::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut first = Md5::new().chain_update(password).chain_update(prefix).chain_update(salt);
    first.update(inner.iter().copied().cycle().take(password.len()).collect::<Vec<u8>>());
    let mut bits = password.len();
    while bits > 0 {
        first.update(if bits & 1 == 1 { &[0][..] } else { password.get(..1).unwrap_or_default() });
        bits >>= 1;
    }
    let mut digest = first.finalize();
    for round in 0..ROUNDS {
        let odd = round % 2 == 1;
        let mut next = Md5::new();
        next.update(if odd { password } else { &digest });
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        next.update(if odd { &digest[..] } else { password });
        digest = next.finalize();
    }
    let mut text = String::with_capacity(22);
    let byte = |index: usize| digest.get(index).copied().unwrap_or_default();
    for (high, middle, low) in [(0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5)] {
        push(&mut text, [byte(high), byte(middle), byte(low)], 4);
    }
    push(&mut text, [0, 0, byte(11)], 2);
    text
}

/// Appends three bytes, the highest first, as so many letters, the lowest six bits first.
pub(crate) fn push(text: &mut String, [high, middle, low]: [u8; 3], letters: usize) {
    let mut bits = u32::from(high) << 16 | u32::from(middle) << 8 | u32::from(low);
    for _ in 0..letters {
        text.extend(ALPHABET.get((bits & 63) as usize).map(|letter| char::from(*letter)));
        bits >>= 6;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `openssl passwd -apr1` and `openssl passwd -1` 3.0.
    #[test]
    fn hashes_are_those_of_openssl() {
        let cases = [
            ("$apr1$", "myPassword", "qHDFfhPC", "nITSVHgYbDAK1Y0acGRnY0"),
            ("$1$", "secret", "abcdefgh", "cHJi5PXp/ki/ktXzqlk6I1"),
            ("$apr1$", "a much longer password than a digest is", "12345678", "XbbJQb.i4sQc.58bzqdia."),
            ("$apr1$", "", "12345678", "sHuPAw7VA9xjRbJz7zKV7/"),
        ];
        for (prefix, password, salt, expected) in cases {
            assert_eq!(hash(password.as_bytes(), salt.as_bytes(), prefix.as_bytes()), expected, "{prefix} {password}");
        }
    }
}
