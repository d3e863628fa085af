//! What a signature says of the program that it is for.

use crate::{Refusal, compare};
use std::fmt;

/// The word that allows an older version in the place of a newer one.
const ALLOW_DOWNGRADE: &str = "allow-downgrade";

/// Longest name, version, system and architecture.
const WORD_BYTES_MAX: usize = 64;

/// What a signature says of the program that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Which package.
    pub name: String,
    /// Its version.
    pub version: String,
    /// For which system, such as `linux`.
    pub os: String,
    /// For which machines, in the words of OpenTelemetry's `host.arch`: `amd64`, `arm64`.
    pub arch: String,
    /// The SHA-256 of the program, in hexadecimal.
    pub sha256: String,
    /// When it was made, in seconds since 1970.
    pub built: u64,
    /// When it is not to be installed any more, in seconds since 1970.
    pub expires: u64,
    /// Whether it may take the place of a newer version.
    pub allow_downgrade: bool,
}

/// A package as somebody offers it; nothing of it is signed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offered {
    /// Which package.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The SHA-256 of the program, in hexadecimal.
    pub sha256: String,
}

impl Label {
    /// Reads a trusted comment.
    ///
    /// # Errors
    /// When it is something else.
    pub fn parse(comment: &str) -> Result<Self, Refusal> {
        let malformed = || {
            let form = "NAME VERSION OS ARCH SHA256 BUILT EXPIRES [allow-downgrade]";
            Refusal::Malformed(format!("the trusted comment is not {form}"))
        };
        let words: Vec<&str> = comment.split(' ').collect();
        let (words, allow_downgrade) = match words.as_slice() {
            [words @ .., last] if words.len() == 7 && *last == ALLOW_DOWNGRADE => (words, true),
            words => (words, false),
        };
        let [name, version, os, arch, sha256, built, expires] = words else { return Err(malformed()) };
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
        let is_word =
            |word: &&&str| (1..=WORD_BYTES_MAX).contains(&word.len()) && !word.starts_with('.') && word.bytes().all(fits);
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let time = |text: &str| {
            let plain =
                text.len() <= 18 && (text == "0" || !text.starts_with('0')) && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|_| plain).ok_or_else(malformed)
        };
        if ![name, version, os, arch].iter().all(is_word) || sha256.len() != 64 || !sha256.bytes().all(is_digit) {
            return Err(malformed());
        }
        let [name, version, os, arch, sha256] = [name, version, os, arch, sha256].map(|word| (*word).to_owned());
        Ok(Self { name, version, os, arch, sha256, built: time(built)?, expires: time(expires)?, allow_downgrade })
    }

    /// Whether it is what was offered, and made for this machine.
    ///
    /// # Errors
    /// The first thing that differs.
    pub fn fits(&self, offered: &Offered, os: &str, arch: &str) -> Result<(), Refusal> {
        for (what, offered, signed) in [
            ("package", offered.name.as_str(), &self.name),
            ("version", &offered.version, &self.version),
            ("content", &offered.sha256, &self.sha256),
            ("fit for system", os, &self.os),
            ("fit for machine", arch, &self.arch),
        ] {
            if offered != signed {
                return Err(Refusal::Other { what, offered: offered.to_owned(), signed: signed.clone() });
            }
        }
        Ok(())
    }

    /// Whether it may take the place of a version, at a time in seconds since 1970.
    ///
    /// # Errors
    /// When its time is over, or it is older and may not.
    pub fn may_replace(&self, there: &str, now: u64) -> Result<(), Refusal> {
        if now >= self.expires {
            return Err(Refusal::Expired { version: self.version.clone(), expires: self.expires });
        }
        if !self.allow_downgrade && compare(&self.version, there).is_lt() {
            return Err(Refusal::Downgrade { version: self.version.clone(), there: there.to_owned() });
        }
        Ok(())
    }

    /// The name of the directory that it is kept in.
    pub fn slot(&self) -> String {
        format!("{}-{}", self.version, self.sha256.get(..16).unwrap_or_default())
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, version, os, arch, sha256, built, expires, allow_downgrade } = self;
        write!(f, "{name} {version} {os} {arch} {sha256} {built} {expires}")?;
        if *allow_downgrade { write!(f, " {ALLOW_DOWNGRADE}") } else { Ok(()) }
    }
}
