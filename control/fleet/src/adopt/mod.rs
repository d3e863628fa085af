//! From the configuration that a collector runs to the model: the inverse of [`render`](crate::render).
//!
//! ```text
//! configuration ─▶ read: what does each part mean ─▶ Read: server, settings, integrations, and what means nothing here
//!                                                      │ integrations get their numbers
//!                     render with that alone ◀─────────┤
//!                             │                        ▼
//!                             └──────▶ fit: the same configuration in the generator's words; what differs is a patch ─▶ Adopted
//! ```
//!
//! Nothing is dropped in silence. What the model can say becomes settings and integrations; what it cannot is carried over as a patch of that
//! server's configuration, and each piece of it is named ([`Gap`]); what is understood, and will be done otherwise, is told ([`Note`]).

mod chains;
mod difference;
mod fit;
mod read;
mod sinks;
mod sources;
#[cfg(test)]
mod tests;
mod text;
mod vault;

pub use difference::{common, difference};
pub use fit::Adopted;
pub use read::{Read, read};
pub use vault::{Vault, Vaults};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Something that the model cannot say. It is carried over as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Gap {
    /// Where in the configuration, as a JSON pointer.
    pub pointer: String,
    /// What it is, and what would be needed.
    pub message: String,
}

/// Something that will be done otherwise than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Note {
    /// Where in the configuration, as a JSON pointer.
    pub pointer: String,
    /// What will be otherwise.
    pub message: String,
}
