//! Packages: a program, and a signature that says which program it is and who vouches for it.
//!
//! ```text
//! program ──▶ SHA-256 ─┐
//! signature (minisign: Ed25519 over BLAKE2b-512) ──▶ trusted comment ──▶ Label ──▶ fits what was offered? may replace what there is?
//!        └─ by one of the keys that are trusted here (Keys) ─────────────┘
//! ```
//!
//! The trusted comment is signed together with the program: `NAME VERSION OS ARCH SHA256 BUILT EXPIRES [allow-downgrade]`, with times in
//! seconds since 1970. Nothing of it counts before the signature was verified over the whole program. This crate opens nothing and knows no
//! clock; private keys are not its matter.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod keys;
mod label;
#[cfg(test)]
mod tests;
mod version;

pub use keys::{Keys, SIGNATURE_BYTES_MAX, hex, sha256, signed_label};
pub use label::{Label, Offered};
pub use version::compare;

/// The package that collectors are.
pub const COLLECTOR: &str = "warren-collector";

/// Why a package is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The file of keys holds none, or something else.
    #[error("keys: {0}")]
    Keys(String),
    /// The signature is none.
    #[error("the signature is malformed: {0}")]
    Malformed(String),
    /// Nobody who is trusted here has signed it.
    #[error("it is not signed by a key that is trusted here")]
    Stranger,
    /// What is signed is something else.
    #[error("the signature is not that of this file")]
    Forged,
    /// The file is another one than the signed comment names.
    #[error("the file's SHA-256 is {is}, and not the signed {signed}")]
    Content {
        /// What it is.
        is: String,
        /// What it was to be.
        signed: String,
    },
    /// What is signed is not what was offered.
    #[error("what was offered as {what} {offered:?} is signed as {signed:?}")]
    Other {
        /// Of what.
        what: &'static str,
        /// As it was offered.
        offered: String,
        /// As it is signed.
        signed: String,
    },
    /// Its time is over.
    #[error("version {version} was to be installed until {expires} (seconds since 1970), which is over")]
    Expired {
        /// Its version.
        version: String,
        /// When its time was over.
        expires: u64,
    },
    /// It is older than what is there.
    #[error("version {version} is older than {there}, which is there, and not signed as one that may go back")]
    Downgrade {
        /// Its version.
        version: String,
        /// The version that is there.
        there: String,
    },
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
}
