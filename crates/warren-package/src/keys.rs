//! Who is trusted, and what they have signed.

use crate::{Label, Refusal};
use minisign_verify::{Error, PublicKey, Signature};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::io::Read;

/// Most bytes of a signature.
pub const SIGNATURE_BYTES_MAX: usize = 4096;

/// Most keys that are trusted.
const KEYS_MAX: usize = 32;

/// What is read at a time.
const PIECE_BYTES: usize = 64 << 10;

/// Keys that are trusted: what one of them has signed is taken.
pub struct Keys(Vec<PublicKey>);

impl Keys {
    /// Reads keys as minisign writes them: one a line, beside lines of comments.
    ///
    /// # Errors
    /// When there is none, or a line is something else.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let is_comment = |line: &&str| line.is_empty() || line.starts_with('#') || line.starts_with("untrusted comment:");
        let mut keys = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !is_comment(line)) {
            let key = PublicKey::from_base64(line);
            keys.push(key.map_err(|_| Refusal::Keys("a line is no public key of minisign".to_owned()))?);
            if keys.len() > KEYS_MAX {
                return Err(Refusal::Keys(format!("there are more than {KEYS_MAX}")));
            }
        }
        if keys.is_empty() { Err(Refusal::Keys("there is none".to_owned())) } else { Ok(Self(keys)) }
    }

    /// What one of those trusted has signed of a program, which is read to its end.
    ///
    /// # Errors
    /// When nobody has, or it was something else.
    pub fn verify(&self, signature: &str, mut program: impl Read) -> Result<Label, Refusal> {
        let signature = decoded(signature)?;
        // Only pre-hashed signatures can be verified piece by piece; others are refused here.
        let verifier = self.0.iter().find_map(|key| key.verify_stream(&signature).ok());
        let mut verifier = verifier.ok_or(Refusal::Stranger)?;
        let (mut hash, mut piece) = (Sha256::new(), vec![0; PIECE_BYTES]);
        loop {
            let read = match program.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => piece.get(..read).unwrap_or_default(),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            hash.update(read);
            verifier.update(read);
        }
        verifier.finalize().map_err(|error| match error {
            Error::InvalidSignature => Refusal::Forged,
            error => Refusal::Malformed(error.to_string()),
        })?;
        let label = Label::parse(signature.trusted_comment())?;
        let is = hex(&hash.finalize());
        if is == label.sha256 { Ok(label) } else { Err(Refusal::Content { is, signed: label.sha256 }) }
    }
}

/// The SHA-256 of a program, in hexadecimal.
pub fn sha256(program: &[u8]) -> String {
    hex(&Sha256::digest(program))
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What a signature says, before anybody knows whether it is good: only to see early that it is not what is wanted.
///
/// # Errors
/// When it is no signature of a package.
pub fn signed_label(signature: &str) -> Result<Label, Refusal> {
    Label::parse(decoded(signature)?.trusted_comment())
}

fn decoded(signature: &str) -> Result<Signature, Refusal> {
    if signature.len() > SIGNATURE_BYTES_MAX {
        return Err(Refusal::Malformed(format!("it has more than {SIGNATURE_BYTES_MAX} bytes")));
    }
    Signature::decode(signature).map_err(|error| Refusal::Malformed(error.to_string()))
}
