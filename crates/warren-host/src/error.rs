//! What can go wrong with a kernel file, in the words that Go programs use for it.

use rustix::io::Errno;

/// A kernel file, link or directory that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call} {path}: {}", reason(*.errno))]
pub struct ReadError {
    /// The system call.
    pub call: &'static str,
    /// The file.
    pub path: String,
    /// Why.
    pub errno: Errno,
}

/// A kernel file that does not read as it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {line:?}")]
pub struct Malformed {
    /// What is wrong.
    pub what: &'static str,
    /// The line, its beginning only where it is long.
    pub line: String,
}

impl Malformed {
    /// Something is wrong with this line.
    pub(crate) fn new(what: &'static str, line: &[u8]) -> Self {
        const SHOWN_BYTES_MAX: usize = 200;
        let shown = line.get(..SHOWN_BYTES_MAX).unwrap_or(line);
        Self { what, line: String::from_utf8_lossy(shown).into_owned() }
    }
}

/// Looks whether something is at a path.
///
/// # Errors
/// When there is not, or it cannot be told.
pub fn look_at(path: &std::path::Path) -> Result<(), ReadError> {
    let looked = rustix::fs::stat(path).map(drop);
    looked.map_err(|errno| ReadError { call: "stat", path: path.display().to_string(), errno })
}

/// Why a call failed: `no such file or directory`.
pub fn reason(errno: Errno) -> String {
    let text = std::io::Error::from(errno).to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_lowercase);
    first.chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_read_as_those_of_go_programs() {
        let error = ReadError { call: "open", path: "/proc/net/tcp".into(), errno: Errno::NOENT };
        assert_eq!(error.to_string(), "open /proc/net/tcp: no such file or directory");
        assert_eq!(reason(Errno::ACCESS), "permission denied");
        assert!(Malformed::new("no number", &[b'x'; 5000]).to_string().len() < 300);
    }
}
