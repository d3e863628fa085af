//! A kernel file that is read again and again: kept open, its bytes in a buffer that is used again.

use crate::ReadError;
use rustix::buffer::spare_capacity;
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Most bytes of a kernel file that are read; a file of the kernel's that is larger is refused.
pub const KERNEL_FILE_BYTES_MAX: usize = 16 << 20;

/// Room that is made at first: most files fit.
const FIRST_BYTES: usize = 4096;

/// What is held of a file that is read line by line.
const WINDOW_BYTES: usize = 16 << 10;

/// A kernel file that is read again and again.
#[derive(Debug)]
pub struct KernelFile {
    path: PathBuf,
    open: Option<OwnedFd>,
    text: Vec<u8>,
}

impl KernelFile {
    /// The file at this path, opened when it is first read.
    pub fn new(path: PathBuf) -> Self {
        Self { path, open: None, text: Vec::new() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it from its beginning, which makes the kernel write it anew.
    ///
    /// # Errors
    /// When it cannot be opened or read, or is larger than [`KERNEL_FILE_BYTES_MAX`].
    pub fn read(&mut self) -> Result<&[u8], ReadError> {
        let kept = self.open.take();
        let was_open = kept.is_some();
        let file = match kept {
            Some(file) => file,
            None => self.opened()?,
        };
        let (file, read) = match read_whole(&file, &mut self.text) {
            // What was opened before may be gone by now, such as a module's file.
            Err(_) if was_open => {
                let again = self.opened()?;
                let read = read_whole(&again, &mut self.text);
                (again, read)
            }
            read => (file, read),
        };
        read.map_err(|errno| self.error("read", errno))?;
        self.open = Some(file);
        Ok(&self.text)
    }

    /// Reads it line by line from its beginning, holding no more than a window of it. A line longer than the window is left out. Says how many
    /// bytes there were.
    ///
    /// # Errors
    /// When it cannot be opened or read.
    pub fn each_line(&mut self, mut visit: impl FnMut(&[u8])) -> Result<u64, ReadError> {
        let file = self.opened()?;
        self.text.clear();
        self.text.reserve_exact(WINDOW_BYTES);
        let (mut offset, mut too_long) = (0, false);
        loop {
            if self.text.len() == self.text.capacity() {
                (too_long, self.text) = (true, Vec::with_capacity(WINDOW_BYTES));
            }
            let read = rustix::io::retry_on_intr(|| rustix::io::pread(&file, spare_capacity(&mut self.text), offset));
            let read = read.map_err(|errno| self.error("read", errno))?;
            offset += read as u64;
            let whole = if read == 0 { self.text.len() } else { memchr::memrchr(b'\n', &self.text).map_or(0, |end| end + 1) };
            for line in crate::text::lines(self.text.get(..whole).unwrap_or_default()) {
                if !std::mem::take(&mut too_long) {
                    visit(line);
                }
            }
            self.text.drain(..whole);
            if read == 0 {
                return Ok(offset);
            }
        }
    }

    /// What was read last.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    fn opened(&self) -> Result<OwnedFd, ReadError> {
        rustix::fs::openat(CWD, &self.path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|errno| self.error("open", errno))
    }

    fn error(&self, call: &'static str, errno: Errno) -> ReadError {
        ReadError { call, path: self.path.display().to_string(), errno }
    }
}

/// Reads a file from its beginning into a buffer.
pub(crate) fn read_whole(file: impl AsFd, text: &mut Vec<u8>) -> Result<(), Errno> {
    read_up_to(file, text, KERNEL_FILE_BYTES_MAX).and_then(|whole| if whole { Ok(()) } else { Err(Errno::FBIG) })
}

/// Reads a file from its beginning up to so many bytes, and says whether that was all of it.
pub(crate) fn read_up_to(file: impl AsFd, text: &mut Vec<u8>, most: usize) -> Result<bool, Errno> {
    text.clear();
    loop {
        if text.len() == text.capacity() {
            text.reserve(text.len().max(FIRST_BYTES));
        }
        let offset = text.len() as u64;
        let read = rustix::io::retry_on_intr(|| rustix::io::pread(&file, spare_capacity(text), offset));
        if read? == 0 {
            return Ok(true);
        }
        if text.len() > most {
            text.truncate(most);
            return Ok(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_anew_each_time_and_kept_open() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("stat");
        let mut file = KernelFile::new(path.clone());
        assert_eq!(file.read().unwrap_err().to_string(), format!("open {}: no such file or directory", path.display()));
        std::fs::write(&path, "first, which is longer").unwrap();
        assert_eq!(file.read().unwrap(), b"first, which is longer");
        std::fs::write(&path, "second").unwrap();
        assert_eq!(file.read().unwrap(), b"second");
        std::fs::write(&path, vec![b'x'; 3 * FIRST_BYTES]).unwrap();
        assert_eq!(file.read().unwrap().len(), 3 * FIRST_BYTES);
    }

    #[test]
    fn a_file_without_end_is_refused() {
        assert_eq!(KernelFile::new("/dev/zero".into()).read().unwrap_err().errno, Errno::FBIG);
        assert_eq!(KernelFile::new("/proc".into()).read().unwrap_err().errno, Errno::ISDIR);
    }

    #[test]
    fn a_long_file_is_read_line_by_line_and_a_line_without_end_is_left_out() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tcp");
        let mut file = KernelFile::new(path.clone());
        let mut lines: Vec<String> = (0..20_000).map(|number| format!("line {number}")).collect();
        let read = |file: &mut KernelFile| {
            let mut found = Vec::new();
            let bytes = file.each_line(|line| found.push(String::from_utf8(line.to_vec()).unwrap())).unwrap();
            (found, bytes)
        };
        std::fs::write(&path, lines.join("\n")).unwrap();
        assert_eq!(read(&mut file), (lines.clone(), lines.join("\n").len() as u64));
        let endless = "x".repeat(3 * WINDOW_BYTES);
        std::fs::write(&path, format!("{}\n{endless}\nlast\n", lines.join("\n"))).unwrap();
        lines.push("last".to_owned());
        assert_eq!(read(&mut file).0, lines);
    }

    #[test]
    fn files_of_the_kernel_are_read_whole() {
        let mut file = KernelFile::new("/proc/meminfo".into());
        for _ in 0..2 {
            assert!(file.read().unwrap().starts_with(b"MemTotal:"));
            assert!(file.text().ends_with(b"kB\n"));
        }
    }
}
