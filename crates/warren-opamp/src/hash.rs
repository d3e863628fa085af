//! Hashes by which both sides know whether they mean the same.

use sha2::{Digest, Sha256};

/// Gathers parts into one SHA-256; each part is preceded by its length, so that parts cannot run into each other.
#[derive(Clone, Debug, Default)]
pub struct Hash(Sha256);

impl Hash {
    /// With one part more.
    #[must_use]
    pub fn with(mut self, part: &[u8]) -> Self {
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part);
        self
    }

    /// The 32 bytes.
    pub fn finish(self) -> Vec<u8> {
        self.0.finalize().to_vec()
    }
}

/// The hash of a configuration of one file: its name, its content type, and a body that names secrets by reference instead of holding them.
pub fn config_hash(name: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    Hash::default().with(name.as_bytes()).with(content_type.as_bytes()).with(body).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_one_part_ends_makes_a_difference() {
        assert_ne!(Hash::default().with(b"ab").with(b"c").finish(), Hash::default().with(b"a").with(b"bc").finish());
        assert_eq!(config_hash("", "application/json", b"{}"), config_hash("", "application/json", b"{}"));
        assert_eq!(config_hash("", "", b"").len(), 32);
    }
}
