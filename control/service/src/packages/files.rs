//! Where the content of packages lies: a directory, files by their SHA-256.

use axum::body::Body;
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use std::io::Result;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use warren_package::Keys;

/// Most bytes of a package.
pub(crate) const BYTES_MAX: u64 = 512 << 20;

/// Packages that are sent at the same time.
const SENT_MAX: usize = 64;

/// How long the next piece of a package that is received may take.
const SILENCE: Duration = Duration::from_secs(60);

/// The directory of packages.
#[derive(Clone)]
pub(crate) struct Files {
    directory: Option<PathBuf>,
    /// Where collectors reach this control plane, if they do not by the address that they use.
    pub(crate) public_url: Option<String>,
    /// How they reach it at the address that they use.
    pub(crate) scheme: &'static str,
    /// Who may have signed what is kept here; whoever may, if nobody is named.
    keys: Option<Arc<Keys>>,
    turns: Arc<Semaphore>,
}

/// What came of receiving a content.
pub(crate) enum Received {
    /// It is kept, and so large.
    Kept(u64),
    /// It is not what it should be; why.
    Refused(String),
}

/// A file that is removed unless it got another name, also where whoever sends it goes away.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Files {
    pub(crate) fn new(directory: Option<PathBuf>, public_url: Option<String>, keys: Option<Keys>) -> Self {
        let public_url = public_url.map(|url| url.trim_end_matches('/').to_owned());
        let turns = Arc::new(Semaphore::new(SENT_MAX));
        Self { directory, public_url, scheme: "http", keys: keys.map(Arc::new), turns }
    }

    /// The same, served with `http` or `https`.
    pub(crate) fn reached_by(self, scheme: &'static str) -> Self {
        Self { scheme, ..self }
    }

    /// Whether content can be kept here.
    pub(crate) fn is_there(&self) -> bool {
        self.directory.is_some()
    }

    /// A turn to send something; none if too many have one.
    pub(crate) fn turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.turns).try_acquire_owned().ok()
    }

    /// The file of a content.
    pub(crate) fn path(&self, sha256: &str) -> Option<PathBuf> {
        let is_hash = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        Some(self.directory.as_ref()?.join(sha256)).filter(|_| is_hash)
    }

    /// Keeps a content that comes, if it is what its signature says.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) async fn receive(&self, sha256: &str, signature: &str, body: Body) -> Result<Received> {
        let Some(path) = self.path(sha256) else { return Ok(Received::Refused("content is not kept here".to_owned())) };
        let directory = path.parent().unwrap_or(Path::new(".")).to_owned();
        fs::create_dir_all(&directory).await?;
        let mut random = [0; 8];
        let _ = getrandom::fill(&mut random);
        let unfinished = directory.join(format!(".{sha256}.{}", crate::app::hex(&random)));
        let unfinished = Unfinished(unfinished);
        let received = self.written(&unfinished.0, sha256, signature, body).await?;
        if matches!(received, Received::Kept(_)) {
            fs::rename(&unfinished.0, &path).await?;
        }
        Ok(received)
    }

    async fn written(&self, path: &Path, sha256: &str, signature: &str, mut body: Body) -> Result<Received> {
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(path).await?;
        let (mut hash, mut size) = (Sha256::new(), 0u64);
        loop {
            let piece = match timeout(SILENCE, body.frame()).await {
                Ok(None) => break,
                Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
                Ok(Some(Err(error))) => return Ok(Received::Refused(format!("it was cut off: {error}"))),
                Err(_) => return Ok(Received::Refused("it was cut off: nothing comes any more".to_owned())),
            };
            size += piece.len() as u64;
            if size > BYTES_MAX {
                return Ok(Received::Refused(format!("a package has at most {BYTES_MAX} bytes")));
            }
            hash.update(&piece);
            file.write_all(&piece).await?;
        }
        file.sync_all().await?;
        let is = crate::app::hex(&hash.finalize());
        if is != sha256 || size == 0 {
            return Ok(Received::Refused(format!("its SHA-256 is {is}, and {sha256} is signed")));
        }
        if let Some(keys) = self.keys.clone() {
            let (path, signature) = (path.to_owned(), signature.to_owned());
            let verified = tokio::task::spawn_blocking(move || {
                keys.verify(&signature, std::fs::File::open(path)?).map_err(|refusal| std::io::Error::other(refusal.to_string()))
            });
            match verified.await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Ok(Received::Refused(error.to_string())),
                Err(error) => return Err(std::io::Error::other(error)),
            }
        }
        Ok(Received::Kept(size))
    }

    /// Removes a content.
    ///
    /// # Errors
    /// When it is there and cannot be removed.
    pub(crate) async fn remove(&self, sha256: &str) -> Result<()> {
        match self.path(sha256) {
            None => Ok(()),
            Some(path) => match fs::remove_file(path).await {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
        }
    }
}
