//! Passwords as `htpasswd` files keep them.

use crate::{md5_crypt, sha_crypt};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};
use sha2::Sha256;
use subtle::ConstantTimeEq;

const SHA1_SIZE: usize = 20;

/// What a password is checked against. Not to be shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Hash {
    /// `$apr1$` and `$1$`.
    Md5 { prefix: &'static str, salt: String, hash: String },
    /// `{SHA}` without salt, `{SSHA}` with.
    Sha1 { salt: Vec<u8>, hash: [u8; SHA1_SIZE] },
    /// `$2a$`, `$2b$`, `$2x$`, `$2y$`.
    Bcrypt(String),
    /// `$5$` and `$6$`.
    Sha2(sha_crypt::Hash),
    /// As it is.
    Plain(String),
}

impl Hash {
    /// Reads what stands behind the user's name; none if its form is known but it breaks it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Some((prefix, rest)) = ["$apr1$", "$1$"].into_iter().find_map(|prefix| Some((prefix, text.strip_prefix(prefix)?)))
        {
            let (salt, hash) = rest.split_once('$')?;
            return Some(Self::Md5 { prefix, salt: salt.to_owned(), hash: hash.to_owned() });
        }
        if let Some(encoded) = text.strip_prefix("{SHA}") {
            let hash = STANDARD.decode(encoded).ok()?.try_into().ok()?;
            return Some(Self::Sha1 { salt: Vec::new(), hash });
        }
        if let Some(encoded) = text.strip_prefix("{SSHA}") {
            let decoded = STANDARD.decode(encoded).ok()?;
            let (hash, salt) = decoded.split_first_chunk()?;
            return Some(Self::Sha1 { salt: salt.to_vec(), hash: *hash });
        }
        if ["$2a$", "$2b$", "$2x$", "$2y$"].iter().any(|prefix| text.starts_with(prefix)) {
            return Some(Self::Bcrypt(text.to_owned()));
        }
        if text.starts_with("$5$") || text.starts_with("$6$") {
            return sha_crypt::Hash::parse(text).map(Self::Sha2);
        }
        Some(Self::Plain(text.to_owned()))
    }

    /// Whether checking takes so long that it must not be done between other things.
    pub(crate) fn is_slow(&self) -> bool {
        matches!(self, Self::Md5 { .. } | Self::Bcrypt(_) | Self::Sha2(_))
    }

    /// Whether this is the password. How long that takes says nothing about how much of it is right.
    pub(crate) fn matches(&self, password: &[u8]) -> bool {
        match self {
            Self::Md5 { prefix, salt, hash } => {
                equal(md5_crypt::hash(password, salt.as_bytes(), prefix.as_bytes()).as_bytes(), hash.as_bytes())
            }
            Self::Sha1 { salt, hash } => {
                let made = Sha1::new().chain_update(password).chain_update(salt).finalize();
                made.as_slice().ct_eq(hash).into()
            }
            // A hash that breaks its form lets nobody in.
            Self::Bcrypt(hash) => bcrypt::verify(password, hash).unwrap_or(false),
            Self::Sha2(hash) => hash.matches(password),
            // nginx marks plain passwords so.
            Self::Plain(text) => equal(password, text.as_bytes()) | equal(&[b"{PLAIN}", password].concat(), text.as_bytes()),
        }
    }
}

/// Compares texts of any length in a time that tells nothing but their own lengths.
pub(crate) fn equal(one: &[u8], other: &[u8]) -> bool {
    Sha256::digest(one).as_slice().ct_eq(Sha256::digest(other).as_slice()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Origin: github.com/tg123/go-htpasswd v1.2.4 (`md5_test.go`, `sha_test.go`, `ssha_test.go`, `cryptsha_test.go`), which the reference uses; bcrypt
    /// from Openwall's crypt_blowfish test vectors.
    #[test]
    fn hashes_of_every_kind_know_their_password() {
        let cases = [
            ("$apr1$qHDFfhPC$nITSVHgYbDAK1Y0acGRnY0", "myPassword"),
            ("$1$D89ubl/e$dJ8XW4DfrJHTrnwCdx3Ji1", "mickey5"),
            ("{SHA}D9rQ8iK6feNAniulHNKdr5V38ok=", "mickey5"),
            ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
            ("$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
            ("$5$123456$2hClNSDw3lZ0X/9PFBSI2eCGMOS06v6IbChiRsjy6tA", "mickey"),
            ("$6$123456$By3XGEfRf2RwFvWYR0kHRVJGq2/IKwLEGQxwyncoP88TGiBzHMBmvrTNxHgyqrmhZ/M7CGtkfIw0rBRfewW.y1", "vinnie6"),
            ("secret", "secret"),
            ("{PLAIN}secret", "secret"),
            ("{PLAIN}secret", "{PLAIN}secret"),
            ("{BROKEN}plain", "{BROKEN}plain"),
        ];
        for (text, password) in cases {
            let hash = Hash::parse(text).unwrap();
            assert!(hash.matches(password.as_bytes()), "{text}");
            assert!(!hash.matches(b"wrong") && !hash.matches(b""), "{text}");
        }
    }

    #[test]
    fn a_salted_sha1_is_made_of_password_and_salt() {
        let digest = Sha1::new().chain_update(b"pw").chain_update(b"salt").finalize();
        let text = format!("{{SSHA}}{}", STANDARD.encode([digest.as_slice(), b"salt"].concat()));
        assert!(Hash::parse(&text).unwrap().matches(b"pw"));
        assert!(!Hash::parse(&text).unwrap().matches(b"pwsalt"));
    }

    #[test]
    fn known_forms_that_are_broken_are_no_passwords() {
        for text in ["$apr1$nosalt", "$1$nosalt", "{SHA}???", "{SHA}dG9vIHNob3J0", "{SSHA}dG9vIHNob3J0", "$5$nosalt", "$6$nosalt"]
        {
            assert!(Hash::parse(text).is_none(), "{text}");
        }
        assert!(!Hash::parse("$2a$99$short").unwrap().matches(b"x"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_hash_or_none_and_never_a_panic(text in "\\PC{0,80}", password in prop::collection::vec(any::<u8>(), 0..40)) {
            for prefix in ["", "$apr1$", "{SHA}", "{SSHA}", "$5$"] {
                if let Some(hash) = Hash::parse(&format!("{prefix}{text}")).filter(|hash| !hash.is_slow()) {
                    hash.matches(&password);
                }
            }
        }
    }
}
