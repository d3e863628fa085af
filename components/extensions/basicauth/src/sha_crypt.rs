//! The SHA-2 hashes of Unix passwords, `$5$` (SHA-256) and `$6$` (SHA-512): <https://www.akkadia.org/drepper/SHA-crypt.txt>.

use crate::hash::equal;
use crate::md5_crypt::push;
use sha2::{Digest, Sha256, Sha512};

const ROUNDS: u32 = 5000;
const ROUNDS_MIN: u32 = 1000;
const ROUNDS_MAX: u32 = 999_999_999;
const SALT_MAX: usize = 16;

/// A password's hash. Not to be shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Hash {
    kind: Kind,
    rounds: u32,
    salt: String,
    hash: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sha256,
    Sha512,
}

impl Hash {
    /// Reads `$5$[rounds=N$]salt$hash`; none if it has no such form.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = match (text.strip_prefix("$5$"), text.strip_prefix("$6$")) {
            (Some(rest), _) => (Kind::Sha256, rest),
            (_, Some(rest)) => (Kind::Sha512, rest),
            _ => return None,
        };
        let (rounds, rest) = match rest.strip_prefix("rounds=") {
            Some(rest) => {
                let (number, rest) = rest.split_once('$')?;
                (number.parse::<u32>().ok()?.clamp(ROUNDS_MIN, ROUNDS_MAX), rest)
            }
            None => (ROUNDS, rest),
        };
        let (salt, hash) = rest.split_once('$')?;
        let end = salt.char_indices().map(|(at, letter)| at + letter.len_utf8()).take_while(|end| *end <= SALT_MAX).last();
        Some(Self { kind, rounds, salt: salt.get(..end.unwrap_or(0))?.to_owned(), hash: hash.to_owned() })
    }

    /// Whether this is the password.
    pub(crate) fn matches(&self, password: &[u8]) -> bool {
        let made = match self.kind {
            Kind::Sha256 => {
                text(&digest::<Sha256>(password, self.salt.as_bytes(), self.rounds), &ORDER_256, ([None, Some(31), Some(30)], 3))
            }
            Kind::Sha512 => {
                text(&digest::<Sha512>(password, self.salt.as_bytes(), self.rounds), &ORDER_512, ([None, None, Some(63)], 2))
            }
        };
        equal(made.as_bytes(), self.hash.as_bytes())
    }
}

/// The bytes of a SHA-256 digest in the order in which they are written, the highest of three first.
const ORDER_256: [[usize; 3]; 10] = [
    [0, 10, 20],
    [21, 1, 11],
    [12, 22, 2],
    [3, 13, 23],
    [24, 4, 14],
    [15, 25, 5],
    [6, 16, 26],
    [27, 7, 17],
    [18, 28, 8],
    [9, 19, 29],
];

/// The same for SHA-512.
const ORDER_512: [[usize; 3]; 21] = [
    [0, 21, 42],
    [22, 43, 1],
    [44, 2, 23],
    [3, 24, 45],
    [25, 46, 4],
    [47, 5, 26],
    [6, 27, 48],
    [28, 49, 7],
    [50, 8, 29],
    [9, 30, 51],
    [31, 52, 10],
    [53, 11, 32],
    [12, 33, 54],
    [34, 55, 13],
    [56, 14, 35],
    [15, 36, 57],
    [37, 58, 16],
    [59, 17, 38],
    [18, 39, 60],
    [40, 61, 19],
    [62, 20, 41],
];

fn digest<D: Digest + Clone>(password: &[u8], salt: &[u8], rounds: u32) -> Vec<u8> {
    let inner = D::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut first = D::new().chain_update(password).chain_update(salt).chain_update(repeated(&inner, password.len()));
    let mut bits = password.len();
    while bits > 0 {
        first.update(if bits & 1 == 1 { &inner[..] } else { password });
        bits >>= 1;
    }
    let mut digest = first.finalize();

    let mut of_password = D::new();
    (0..password.len()).for_each(|_| of_password.update(password));
    let password = repeated(&of_password.finalize(), password.len());
    let mut of_salt = D::new();
    let times = 16 + usize::from(digest.first().copied().unwrap_or_default());
    (0..times).for_each(|_| of_salt.update(salt));
    let salt = repeated(&of_salt.finalize(), salt.len());

    for round in 0..rounds {
        let odd = round % 2 == 1;
        let mut next = D::new();
        next.update(if odd { &password[..] } else { &digest });
        if round % 3 != 0 {
            next.update(&salt);
        }
        if round % 7 != 0 {
            next.update(&password);
        }
        next.update(if odd { &digest[..] } else { &password });
        digest = next.finalize();
    }
    digest.to_vec()
}

/// A digest over and over, up to a length.
fn repeated(digest: &[u8], length: usize) -> Vec<u8> {
    digest.iter().copied().cycle().take(length).collect()
}

fn text(digest: &[u8], order: &[[usize; 3]], (last, letters): ([Option<usize>; 3], usize)) -> String {
    let byte = |index: usize| digest.get(index).copied().unwrap_or_default();
    let mut text = String::with_capacity(86);
    for three in order {
        push(&mut text, three.map(byte), 4);
    }
    push(&mut text, last.map(|index| index.map_or(0, byte)), letters);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Origin: `openssl passwd` 3.0, and github.com/tg123/go-htpasswd v1.2.4 `cryptsha_test.go`.
    #[test]
    fn hashes_are_those_of_others() {
        let long = "x".repeat(100);
        let cases = [
            ("$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"),
            ("$5$rounds=10000$saltstringsaltstring$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA", "Hello world!"),
            ("$5$gildor$/96zrUL6Si5ApMDxKlIvMHefBZz04JXJeg.Lp1fjhg1", "princessbuttercup"),
            (
                "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
                "Hello world!",
            ),
            (
                "$6$rounds=5000$98765432101234567890$FPU3HtJ9RcPVUvxifkIJ/AlrBxWLqJQvyxK2f8x4qDX/A1RpcIvgjToU5erVkR6XUl7qwPsm7idpbMH5f/pBn0",
                "dreadpirateroberts",
            ),
            ("$6$abc$hJifFvspkMHRMTXYpDbrug4nrXgZmPzTx/f9.5eCxJlDdjBTMZHgOVcLnSdECLAAJM9qZtSos/rWPoZcqcKDx0", &long),
        ];
        for (text, password) in cases {
            let hash = Hash::parse(text).unwrap();
            assert!(hash.matches(password.as_bytes()) && !hash.matches(b"wrong"), "{text}");
        }
    }

    #[test]
    fn what_is_no_such_hash_is_told() {
        for text in ["$5$nosalt", "$6$rounds=5000", "$6$rounds=x$salt$hash", "$7$salt$hash"] {
            assert!(Hash::parse(text).is_none(), "{text}");
        }
    }
}
