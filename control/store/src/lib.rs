//! Where the control plane keeps what it knows: SQLite by default, PostgreSQL by a connection string; the same statements on both.
//!
//! ```text
//! reads ──▶ Store ──▶ pool
//! writes ─▶ Change ─▶ one transaction, which ends with what is written into the audit log, or not at all
//! ```
//!
//! Secrets are encrypted with a key of their tenant, which is encrypted with the key of this installation ([`MasterKey`]). Tokens are kept by
//! their hash. Nothing here knows HTTP or OpAMP.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod audit;
mod backup;
mod change;
mod clients;
mod database;
mod emergencies;
mod error;
mod fleet;
mod keys;
mod nodes;
mod packages;
mod page;
mod replies;
mod retention;
mod rollouts;
mod schema;
mod secrets;
#[cfg(test)]
mod tests;
mod tokens;
mod watched;

pub use audit::{Entry, Recorded};
pub use backup::{copy, sqlite_file};
pub use change::{Actor, Change};
pub use clients::{CLIENTS_MAX, Client, ClientPackage, Desired, Failure, Heard};
pub use database::Store;
pub use emergencies::{Emergency, EmergencyState};
pub use error::StoreError;
pub use fleet::{Scope, Versioned};
pub use keys::MasterKey;
pub use nodes::News;
pub use packages::{Package, PackageFailures};
pub use page::Page;
pub use replies::Kept;
pub use retention::HISTORY_MAX;
pub use rollouts::{Rollout, RolloutState, Target, TargetCounts, TargetState};
pub use secrets::SecretInfo;
pub use tokens::{Enrolment, Role, Token, TokenInfo, digest, new_token};
pub use watched::Watched;
