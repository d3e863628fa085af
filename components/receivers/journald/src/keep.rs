//! How far the journal is read, kept on disk.

use crate::slots::{Found, Slots};
use std::time::{Duration, Instant};
use warren_component::{BuildContext, BuildError};
use warren_config::ComponentId;
use warren_journal::Position;
use warren_storage::{Directory, Place, Policy, file_name};

/// The position survives the end of the process at once, and the loss of power after this time at the latest.
const SYNC_INTERVAL: Duration = Duration::from_secs(5);

/// The file in the component's directory.
const FILE: &str = "position";

/// Where the position is kept: a directory of a storage extension or below the state directory, or nowhere, and it ends with the process.
pub(crate) type Home = Option<Place>;

/// The home that the settings choose.
///
/// # Errors
/// When there is no such storage extension.
pub(crate) fn home(cx: &BuildContext, storage: Option<&ComponentId>) -> Result<Home, BuildError> {
    if let Some(storage) = storage {
        return cx.storage_place(storage, "receiver", None).map(Some);
    }
    let name = file_name(&format!("receiver_{}_{}", cx.id.kind(), cx.id.name()));
    let policy = Policy { fsync: true, bytes_max: 1 << 20, mode: 0o700 };
    Ok(cx.extensions.state_directory().map(|directory| Place { path: directory.join(name), policy }))
}

/// Keeps the position.
pub(crate) struct Keeper {
    file: Option<(Slots, Directory)>,
    kept: Position,
    unsynced: Option<Instant>,
}

/// What was kept before.
pub(crate) enum Kept {
    /// Nothing.
    Nothing,
    /// How far an earlier process came.
    Position(Position),
    /// Something that cannot be read, and why.
    Damaged(String),
}

impl Keeper {
    /// Opens the home, and gives what is kept there. Blocks.
    ///
    /// # Errors
    /// When nothing can be kept where it should be.
    pub(crate) fn open(home: Home) -> Result<(Self, Kept), String> {
        let Some(place) = home else { return Ok((Self::with(None), Kept::Nothing)) };
        let directory = Directory::open(place).map_err(|error| error.to_string())?;
        let path = directory.path().join(FILE);
        let (slots, found) = Slots::open(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let damaged = |why: &str| Kept::Damaged(format!("{}: {why}", path.display()));
        let kept = match found {
            Found::Nothing => Kept::Nothing,
            Found::Damaged => damaged("damaged"),
            Found::Value(value) => match std::str::from_utf8(&value).map(Position::parse) {
                Ok(Ok(position)) => Kept::Position(position),
                Ok(Err(why)) => damaged(&why),
                Err(_) => damaged("not text"),
            },
        };
        Ok((Self::with(Some((slots, directory))), kept))
    }

    fn with(file: Option<(Slots, Directory)>) -> Self {
        Self { file, kept: Position::default(), unsynced: None }
    }

    /// Keeps a position. Blocks.
    ///
    /// # Errors
    /// When it cannot be written; the one before is still there.
    pub(crate) fn keep(&mut self, position: Position) -> std::io::Result<()> {
        let Some((slots, directory)) = &mut self.file else { return Ok(()) };
        if position != self.kept {
            slots.put(position.to_string().as_bytes())?;
            self.kept = position;
            self.unsynced.get_or_insert_with(Instant::now);
        }
        if directory.policy().fsync && self.unsynced.is_some_and(|since| since.elapsed() >= SYNC_INTERVAL) {
            self.sync()?;
        }
        Ok(())
    }

    /// Makes sure of what is kept. Blocks.
    ///
    /// # Errors
    /// When the medium does not take it.
    pub(crate) fn sync(&mut self) -> std::io::Result<()> {
        if let Some((slots, _)) = &self.file
            && self.unsynced.take().is_some()
        {
            slots.sync()?;
        }
        Ok(())
    }
}
