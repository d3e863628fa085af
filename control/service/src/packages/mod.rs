//! Packages of collectors: kept, offered to collectors that take them, and served.
//!
//! ```text
//! operator ─▶ api: signature, then content ─▶ store (what there is) + Files (content, by its SHA-256) ─▶ serve: /v1/packages/SHA256
//! collector's message ─▶ choice: released version, or that of the rollout, for its machine ─▶ offer ──────────▲ fetched with its credential
//! ```
//!
//! The control plane holds no private key, and a collector believes nothing of what it offers but what is signed.

mod choice;
mod files;
mod serve;
#[cfg(test)]
mod tests;

pub(crate) use choice::{Choice, choice, choice_of, version_choice};
pub(crate) use files::{Files, Received};
pub(crate) use serve::serve;

/// The path that content is served on, before its SHA-256.
pub(crate) const PATH: &str = "/v1/packages";
