//! Versions of a program side by side in one directory, and links that say which of them is run.
//!
//! ```text
//! DIR/versions/NAME/warren-collector   a version; what belongs to it lies beside it
//! DIR/current  ─▶ versions/NAME        is run
//! DIR/next     ─▶ versions/NAME        is to be tried           set by the program that runs: ask
//! DIR/trying   ─▶ versions/NAME        is being tried           begin ─▶ commit │ fail │ postpone
//! DIR/previous ─▶ versions/NAME        was run before, is run again if the current one does not hold
//! DIR/probation                        how often the current one has crashed since it is the current one
//! DIR/bad/NAME                         why a version is not tried again
//! ```
//!
//! Two programs share it: the watchdog, which runs what the links say, and the program that it runs, which asks for another version. Every
//! change is one rename, and `current` changes only when another version has shown that it is well: whatever is cut off, and wherever, what is
//! found afterwards can be started. A trial that nobody saw the end of counts as failed. Errors do not name the directory.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

use rustix::fs::{Access, access};
use std::fs::{self, File};
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The file of the program in its slot.
pub const PROGRAM: &str = "warren-collector";

/// The variable by which a program learns of the directory that it is run from.
pub const DIRECTORY_VARIABLE: &str = "WARREN_WATCHDOG";

/// The variable by which a program learns which version it is.
pub const SLOT_VARIABLE: &str = "WARREN_SLOT";

/// The version that the host came with.
pub const INITIAL: &str = "initial";

/// Crashes of a version that is new in its place after which the one before is run again.
const CRASHES_MAX: u32 = 3;

/// Versions of which it is remembered that they are bad.
const BAD_MAX: usize = 32;

/// Most bytes of a reason.
const REASON_BYTES_MAX: usize = 16 << 10;

/// Why a trial failed of which nobody saw the end.
const INTERRUPTED: &str = "the watchdog or the machine ended while this version was tried";

/// The directory.
#[derive(Clone, Debug)]
pub struct Slots(PathBuf);

/// What is to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The version's name.
    pub name: String,
    /// Whether it has to show first that it is well.
    pub trial: bool,
}

/// What became of a crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Crashed {
    /// It is run again.
    Again,
    /// The version before is run again.
    Reverted,
}

impl Slots {
    /// The directory at this path.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where a version is, or would be.
    pub fn slot(&self, name: &str) -> PathBuf {
        self.0.join("versions").join(name)
    }

    /// The program of a version.
    pub fn program(&self, name: &str) -> PathBuf {
        self.slot(name).join(PROGRAM)
    }

    /// Whether the program of a version is there, and this process may execute it.
    pub fn has(&self, name: &str) -> bool {
        let program = self.program(name);
        is_name(name)
            && fs::metadata(&program).is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0)
            && access(&program, Access::EXEC_OK).is_ok()
    }

    /// Makes the directory, and has the program that the host came with run if there is none yet.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn prepare(&self, initial: Option<&Path>) -> Result<()> {
        for part in ["versions", "bad"] {
            fs::create_dir_all(self.0.join(part))?;
        }
        if let Some(initial) = initial {
            let initial = fs::canonicalize(initial)?;
            fs::create_dir_all(self.slot(INITIAL))?;
            self.put_link(&self.slot(INITIAL), PROGRAM, &initial)?;
        }
        if self.link("current").is_none() && self.has(INITIAL) {
            self.point("current", INITIAL)?;
        }
        Ok(())
    }

    /// The version that is run, by its link.
    pub fn current(&self) -> Option<String> {
        self.link("current")
    }

    /// The version that was run before.
    pub fn previous(&self) -> Option<String> {
        self.link("previous")
    }

    /// The version that is to be tried.
    pub fn next(&self) -> Option<String> {
        self.link("next")
    }

    /// Asks for a version to be tried at the next start.
    ///
    /// # Errors
    /// When it cannot be run, or the link cannot be set.
    pub fn ask(&self, name: &str) -> Result<()> {
        if !self.has(name) {
            return Err(Error::new(ErrorKind::NotFound, format!("there is no version {name} that can be run")));
        }
        self.point("next", name)
    }

    /// What is to be run now. A trial that was cut off has failed.
    ///
    /// # Errors
    /// When there is nothing to run, or the directory cannot be written.
    pub fn begin(&self) -> Result<Run> {
        if let Some(tried) = self.link("trying") {
            // It may have been the last step of putting it in place that was cut off.
            if self.current().as_ref() == Some(&tried) { self.settled(&tried)? } else { self.fail(&tried, INTERRUPTED)? }
        }
        if let Some(next) = self.next() {
            if self.has(&next) && self.bad(&next).is_none() && self.current().as_ref() != Some(&next) {
                self.point("trying", &next)?;
                return Ok(Run { name: next, trial: true });
            }
            self.unlink("next")?;
        }
        Ok(Run { name: self.standing()?, trial: false })
    }

    /// The version that is run if none is to be tried: the current one, or another if that cannot be run any more.
    ///
    /// # Errors
    /// When there is none.
    pub fn standing(&self) -> Result<String> {
        let places = [self.current(), self.previous(), Some(INITIAL.to_owned())];
        let missing = || Error::new(ErrorKind::NotFound, "there is no version that can be run");
        places.into_iter().flatten().find(|name| self.has(name)).ok_or_else(missing)
    }

    /// The version that was tried is well, and is run from now on.
    ///
    /// # Errors
    /// When the links cannot be set; the version before stays.
    pub fn commit(&self, name: &str) -> Result<()> {
        if let Some(current) = self.current().filter(|current| current != name) {
            self.point("previous", &current)?;
        }
        self.write(&self.0.join("probation"), "0")?;
        self.point("current", name)?;
        self.settled(name)
    }

    /// The version that was tried is not well, and is not tried again.
    ///
    /// # Errors
    /// When that cannot be written down; over the trial is all the same, where the links can be removed.
    pub fn fail(&self, name: &str, why: &str) -> Result<()> {
        let condemned = self.condemn(name, why);
        self.settled(name)?;
        condemned
    }

    /// The trial did not come to an end, which is not the fault of what was tried.
    ///
    /// # Errors
    /// When the link cannot be removed.
    pub fn postpone(&self) -> Result<()> {
        self.unlink("trying")
    }

    /// The current version ended by itself. One that is new in its place is not run again for ever.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn crashed(&self, why: &str) -> Result<Crashed> {
        let probation = self.0.join("probation");
        let Some(count) = read(&probation).and_then(|text| text.trim().parse::<u32>().ok()) else { return Ok(Crashed::Again) };
        let count = count.saturating_add(1);
        let (current, previous) = (self.current(), self.previous().filter(|name| self.has(name)));
        match (current, previous) {
            (Some(current), Some(previous)) if count >= CRASHES_MAX && current != previous => {
                self.condemn(&current, &format!("it ended {count} times by itself: {why}"))?;
                self.point("current", &previous)?;
                self.proven()?;
                Ok(Crashed::Reverted)
            }
            _ => {
                self.write(&probation, &count.to_string())?;
                Ok(Crashed::Again)
            }
        }
    }

    /// The current version has run for long enough.
    ///
    /// # Errors
    /// When that cannot be written down.
    pub fn proven(&self) -> Result<()> {
        remove(&self.0.join("probation"))
    }

    /// Why a version is not tried again.
    pub fn bad(&self, name: &str) -> Option<String> {
        read(&self.0.join("bad").join(name))
    }

    /// A version may be tried again.
    ///
    /// # Errors
    /// When that cannot be written down.
    pub fn forgive(&self, name: &str) -> Result<()> {
        remove(&self.0.join("bad").join(name))
    }

    /// Removes the versions that nothing refers to, but for one.
    ///
    /// # Errors
    /// When one cannot be removed.
    pub fn tidy(&self, keep: &str) -> Result<()> {
        let mut kept: Vec<String> = ["current", "previous", "next", "trying"].iter().filter_map(|link| self.link(link)).collect();
        kept.extend([keep.to_owned(), INITIAL.to_owned()]);
        for entry in fs::read_dir(self.0.join("versions"))?.flatten() {
            if !kept.iter().any(|name| entry.file_name() == name.as_str()) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    fn condemn(&self, name: &str, why: &str) -> Result<()> {
        let directory = self.0.join("bad");
        let mut known: Vec<_> = fs::read_dir(&directory)?
            .flatten()
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        known.sort();
        for (_, path) in known.iter().take((known.len() + 1).saturating_sub(BAD_MAX)) {
            remove(path)?;
        }
        let mut end = why.len().min(REASON_BYTES_MAX);
        while !why.is_char_boundary(end) {
            end -= 1;
        }
        // What was seen first is the cause.
        if self.bad(name).is_some() { Ok(()) } else { self.write(&directory.join(name), why.get(..end).unwrap_or_default()) }
    }

    /// The trial of a version is over. Another one that was asked for meanwhile still is.
    fn settled(&self, name: &str) -> Result<()> {
        if self.next().is_none_or(|next| next == name) {
            self.unlink("next")?;
        }
        self.unlink("trying")
    }

    /// The name of the version that a link points to.
    fn link(&self, link: &str) -> Option<String> {
        let target = fs::read_link(self.0.join(link)).ok()?;
        let name = target.strip_prefix("versions").ok()?.to_str()?.to_owned();
        is_name(&name).then_some(name)
    }

    fn point(&self, link: &str, name: &str) -> Result<()> {
        self.put_link(&self.0, link, &Path::new("versions").join(name))
    }

    fn put_link(&self, directory: &Path, link: &str, target: &Path) -> Result<()> {
        let unfinished = directory.join(format!(".{link}.new"));
        remove(&unfinished)?;
        symlink(target, &unfinished)?;
        fs::rename(&unfinished, directory.join(link))?;
        sync(directory)
    }

    fn unlink(&self, link: &str) -> Result<()> {
        remove(&self.0.join(link))
    }

    /// Writes a file so that it is there whole or not at all.
    fn write(&self, path: &Path, text: &str) -> Result<()> {
        let unfinished = self.0.join(".unfinished");
        let mut file = File::create(&unfinished)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all())?;
        fs::rename(&unfinished, path)?;
        sync(path.parent().unwrap_or(&self.0))
    }
}

/// Whether a text can be the name of a version: it is that of a directory.
pub fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
    (1..=200).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(fits)
}

/// Has the names in a directory on the medium.
///
/// # Errors
/// When it cannot be opened.
pub fn sync(directory: &Path) -> Result<()> {
    File::open(directory)?.sync_all()
}

fn read(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(REASON_BYTES_MAX as u64).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Removes what may not be there.
fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => path.parent().map_or(Ok(()), sync),
    }
}

#[cfg(test)]
mod tests;
