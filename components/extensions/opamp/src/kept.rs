//! What survives a restart: who this collector is, what opens the server's door, and the last configuration it was given.

use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;
use warren_opamp::{ConfigStatus, InstanceUid, PackageState};
use warren_storage::{Directory, DirectoryError, Place, Policy};

/// How long a predecessor is waited for that still holds the directory, and between two looks.
const PREDECESSOR: (u32, Duration) = (50, Duration::from_millis(100));

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Who this collector is.
    pub(crate) uid: Option<String>,
    /// The credential that was exchanged for the enrolment token: the value of an `Authorization` header.
    pub(crate) credential: Option<String>,
    /// The server's address as the server wants it, for as long as the settings name the first of the two.
    pub(crate) moved: Option<(String, String)>,
    /// Seconds between two signs of life as the server wants them.
    pub(crate) heartbeat: Option<u64>,
    /// The hash of the last connection settings, and what became of them.
    pub(crate) settings: Option<Outcome>,
    /// The last configuration that was given, and what became of it.
    pub(crate) remote: Option<Outcome>,
    /// The last one that ran well, if that is another.
    pub(crate) good: Option<Good>,
    /// The last version of the collector that was offered, and what became of it.
    pub(crate) package: Option<Sought>,
}

/// What became of something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// What both sides know it by.
    pub(crate) hash: Vec<u8>,
    /// As [`ConfigStatus`].
    pub(crate) status: i32,
    /// Why it failed.
    pub(crate) error: String,
}

/// A configuration that ran well.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Good {
    /// What both sides know it by.
    pub(crate) hash: Vec<u8>,
    /// Its text, with secrets.
    pub(crate) text: String,
    /// What the collector knows it by.
    pub(crate) meaning: String,
}

/// A version of the collector that was offered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sought {
    /// What both sides know all packages of the offer by.
    pub(crate) all: Vec<u8>,
    /// What both sides know this one by.
    pub(crate) hash: Vec<u8>,
    /// Its number.
    pub(crate) version: String,
    /// Where it is, or would be.
    pub(crate) slot: String,
    /// As [`PackageState`].
    pub(crate) state: i32,
    /// Why it failed.
    pub(crate) error: String,
}

impl Sought {
    /// It is not run.
    pub(crate) fn fail(&mut self, why: &str) {
        self.state = PackageState::InstallFailed as i32;
        self.error = why.chars().take(crate::change::ERROR_CHARS_MAX).collect();
    }
}

impl Outcome {
    pub(crate) fn new(hash: &[u8], status: ConfigStatus, error: impl Into<String>) -> Self {
        Self { hash: hash.to_vec(), status: status as i32, error: error.into() }
    }
}

impl Kept {
    pub(crate) fn uid(&self) -> Option<InstanceUid> {
        self.uid.as_ref()?.parse().ok()
    }
}

/// Where it is kept; nowhere without a state directory.
pub(crate) struct Keeper(Option<Directory>);

impl Keeper {
    /// Takes the directory, for which a predecessor may have to let go of it, and reads what is there.
    ///
    /// # Errors
    /// When the directory cannot be had. What is there and cannot be read is as good as nothing, and told.
    pub(crate) async fn open(state: Option<&Path>, name: &str) -> Result<(Self, Kept, Option<String>), String> {
        let Some(state) = state else { return Ok((Self(None), Kept::default(), None)) };
        let place = Place {
            path: state.join(format!("extension_{}", warren_storage::file_name(name))),
            policy: Policy { fsync: true, bytes_max: 0, mode: 0o700 },
        };
        for _ in 0..PREDECESSOR.0 {
            let place = place.clone();
            let opened = blocking(move || {
                let directory = Directory::open(place)?;
                Ok::<_, DirectoryError>((directory.get("state"), directory))
            })
            .await?;
            match opened {
                Ok((Ok(None), directory)) => return Ok((Self(Some(directory)), Kept::default(), None)),
                Ok((Ok(Some(bytes)), directory)) => {
                    let (kept, damage) = match serde_json::from_slice(&bytes) {
                        Ok(kept) => (kept, None),
                        Err(error) => (Kept::default(), Some(error.to_string())),
                    };
                    return Ok((Self(Some(directory)), kept, damage));
                }
                Ok((Err(error), directory)) => return Ok((Self(Some(directory)), Kept::default(), Some(error.to_string()))),
                Err(DirectoryError::InUse(_)) => tokio::time::sleep(PREDECESSOR.1).await,
                Err(error) => return Err(error.to_string()),
            }
        }
        Err(format!("{} is in use", place.path.display()))
    }

    /// Keeps it; the former or this is there afterwards.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) async fn keep(&self, kept: &Kept) -> Result<(), String> {
        let Some(directory) = self.0.clone() else { return Ok(()) };
        let bytes = serde_json::to_vec(kept).map_err(|error| error.to_string())?;
        blocking(move || directory.put("state", &bytes)).await?.map_err(|error| error.to_string())
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|_| "interrupted".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_kept_is_there_after_a_restart_and_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let state = tempfile::tempdir().unwrap();
        let (keeper, kept, _) = Keeper::open(Some(state.path()), "opamp").await.unwrap();
        assert_eq!(kept, Kept::default());
        let kept = Kept {
            credential: Some("Bearer c".into()),
            remote: Some(Outcome::new(b"h", ConfigStatus::Failed, "why")),
            ..Kept::default()
        };
        keeper.keep(&kept).await.unwrap();
        drop(keeper);
        let (_keeper, again, damage) = Keeper::open(Some(state.path()), "opamp").await.unwrap();
        assert_eq!((again, damage), (kept, None));
        let mode = std::fs::metadata(state.path().join("extension_opamp")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[tokio::test]
    async fn what_is_damaged_is_as_good_as_nothing_and_told() {
        let state = tempfile::tempdir().unwrap();
        let (keeper, _, _) = Keeper::open(Some(state.path()), "opamp").await.unwrap();
        keeper.0.as_ref().unwrap().put("state", b"{").unwrap();
        drop(keeper);
        let (_, kept, damage) = Keeper::open(Some(state.path()), "opamp").await.unwrap();
        assert!(kept == Kept::default() && damage.is_some());
    }
}
