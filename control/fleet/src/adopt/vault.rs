//! Secrets that configurations hold in clear: each gets a name, the same value the same one.

use super::text::plain;
use crate::secret::SecretRef;
use std::collections::{BTreeMap, BTreeSet};

/// Secrets of one owner, by their values.
#[derive(Clone, Default)]
pub struct Vault {
    known: BTreeMap<String, SecretRef>,
    names: BTreeSet<String>,
    new: Vec<(SecretRef, String)>,
}

/// The operator's secrets, and those of the server's tenant.
#[derive(Clone, Default)]
pub struct Vaults {
    /// The operator's, whose names begin with `fleet/`.
    pub fleet: Vault,
    /// The tenant's.
    pub own: Vault,
}

impl Vault {
    /// One that holds secrets already.
    pub fn new(known: impl IntoIterator<Item = (SecretRef, String)>) -> Self {
        let mut vault = Self::default();
        for (secret, value) in known {
            vault.names.insert(secret.name.clone());
            vault.known.insert(value, secret);
        }
        vault
    }

    /// What was put in since: to be stored.
    pub fn taken(&mut self) -> Vec<(SecretRef, String)> {
        std::mem::take(&mut self.new)
    }

    /// A reference to a secret that stands in a configuration; none if it only says where the secret is, such as `${env:NAME}`.
    pub(super) fn keep(&mut self, name: &str, text: &str) -> Option<SecretRef> {
        if let Some(reference) = reference(text) {
            return Some(reference);
        }
        let value = plain(text).filter(|value| !value.is_empty())?;
        if let Some(known) = self.known.get(&value) {
            return Some(known.clone());
        }
        let letters: String = name
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() || "-_./".contains(letter) { letter } else { '-' })
            .collect();
        let letters: String = letters.chars().take(150).collect();
        let numbered = (2_u64..).map(|number| format!("{letters}-{number}"));
        let name = std::iter::once(letters.clone()).chain(numbered).find(|name| !self.names.contains(name))?;
        let secret = SecretRef { name: name.clone(), version: 1 };
        self.names.insert(name);
        self.known.insert(value.clone(), secret.clone());
        self.new.push((secret.clone(), value));
        Some(secret)
    }
}

/// The secret that a text refers to, if it is nothing but a reference.
pub(super) fn reference(text: &str) -> Option<SecretRef> {
    text.strip_prefix("${secret:")?.strip_suffix('}')?.parse().ok()
}
