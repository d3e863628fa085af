//! The key of this installation, which opens the keys of tenants, which open secrets. AES-256-GCM, a nonce at random in front of each.

use crate::error::StoreError;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Bytes of a key.
pub(crate) const KEY_BYTES: usize = 32;

/// The key of this installation.
pub struct MasterKey(LessSafeKey);

impl MasterKey {
    /// Reads the key from a file, which is made, for this user alone, if it is missing.
    ///
    /// # Errors
    /// When the file can be neither read nor made, or holds no key.
    pub fn from_file(path: &Path) -> Result<Self, StoreError> {
        let failed = |reason: String| StoreError::KeyFile { path: path.display().to_string(), reason };
        let mut key = [0; KEY_BYTES];
        match File::open(path) {
            Ok(mut file) => {
                file.read_exact(&mut key).map_err(|_| failed(format!("it does not hold {KEY_BYTES} bytes")))?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                key = random().ok_or_else(|| failed("the system gives no randomness".to_owned()))?;
                let made = File::options().write(true).create_new(true).mode(0o600).open(path);
                let written = made.and_then(|mut file| file.write_all(&key).and_then(|()| file.sync_all()));
                written.map_err(|error| failed(error.to_string()))?;
            }
            Err(error) => return Err(failed(error.to_string())),
        }
        Self::new(&key).ok_or_else(|| failed("it holds no key".to_owned()))
    }

    pub(crate) fn new(key: &[u8]) -> Option<Self> {
        UnboundKey::new(&AES_256_GCM, key).ok().map(|key| Self(LessSafeKey::new(key)))
    }

    /// Encrypts; `purpose` has to be the same again for decrypting. None without randomness.
    pub(crate) fn seal(&self, purpose: &str, plain: &[u8]) -> Option<Vec<u8>> {
        let nonce: [u8; NONCE_LEN] = random()?;
        let mut body = plain.to_vec();
        self.0.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(purpose), &mut body).ok()?;
        Some([nonce.as_slice(), body.as_slice()].concat())
    }

    /// Decrypts what was encrypted with this key for this purpose.
    pub(crate) fn open(&self, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut body = body.to_vec();
        let plain = self.0.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(purpose), &mut body).ok()?;
        Some(plain.to_vec())
    }
}

/// Random bytes.
pub(crate) fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(bytes)
}
