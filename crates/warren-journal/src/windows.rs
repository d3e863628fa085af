//! Reading files through a few windows of fixed size: what a memory map would do, without its surprises.
//!
//! A map of a file that is cut short kills the process, and its pages count as the process's memory. Here a read beyond the end is an
//! error, and memory is [`WINDOWS_MAX`] windows of [`WINDOW_BYTES`], however many files there are.

use crate::error::Fault;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Bytes of one window. Windows begin at multiples of it.
const WINDOW_BYTES: usize = 32 << 10;

/// Windows held at the same time, over all files.
const WINDOWS_MAX: usize = 24;

/// A file that is read through windows.
#[derive(Debug)]
pub(crate) struct Handle {
    /// Never used again for another file.
    pub(crate) id: u32,
    pub(crate) file: File,
}

/// The windows.
#[derive(Default)]
pub(crate) struct Windows {
    held: Vec<Window>,
    /// The window of the last look.
    last: usize,
    clock: u64,
    /// What lies across windows.
    across: Vec<u8>,
}

struct Window {
    file: u32,
    number: u64,
    used: u64,
    bytes: Vec<u8>,
}

impl Windows {
    /// The bytes of a file from `offset` on.
    ///
    /// # Errors
    /// When the file has not so many, or cannot be read.
    pub(crate) fn get(&mut self, handle: &Handle, offset: u64, len: usize) -> Result<&[u8], Fault> {
        let number = offset / WINDOW_BYTES as u64;
        let start = (offset % WINDOW_BYTES as u64) as usize;
        if start + len > WINDOW_BYTES {
            return self.get_across(handle, offset, len);
        }
        let index = self.window(handle, number)?;
        let window = self.held.get(index).map(|window| window.bytes.as_slice()).unwrap_or_default();
        window.get(start..start + len).ok_or(Fault::damaged("the file ends too soon", offset))
    }

    /// The window of this number, read if it is not held.
    fn window(&mut self, handle: &Handle, number: u64) -> Result<usize, Fault> {
        let is_it = |window: &Window| window.number == number && window.file == handle.id;
        self.clock += 1;
        let found = match self.held.get(self.last).is_some_and(is_it) {
            true => Some(self.last),
            false => self.held.iter().position(is_it),
        };
        if let Some(index) = found {
            self.last = index;
            if let Some(window) = self.held.get_mut(index) {
                window.used = self.clock;
            }
            return Ok(index);
        }
        let mut bytes = match self.held.len() < WINDOWS_MAX {
            true => Vec::with_capacity(WINDOW_BYTES),
            false => {
                let oldest = self.held.iter().enumerate().min_by_key(|(_, window)| window.used).map_or(0, |(index, _)| index);
                self.held.swap_remove(oldest).bytes
            }
        };
        bytes.resize(WINDOW_BYTES, 0);
        let read = read_at(&handle.file, &mut bytes, number * WINDOW_BYTES as u64)?;
        bytes.truncate(read);
        self.held.push(Window { file: handle.id, number, used: self.clock, bytes });
        self.last = self.held.len() - 1;
        Ok(self.last)
    }

    fn get_across(&mut self, handle: &Handle, offset: u64, len: usize) -> Result<&[u8], Fault> {
        // What a damaged object claims may be more than there is, and is not made room for.
        let size = handle.file.metadata()?.len();
        if offset.checked_add(len as u64).is_none_or(|end| end > size) {
            return Err(Fault::damaged("the file ends too soon", offset));
        }
        self.across.resize(len, 0);
        if self.across.capacity() > 16 * WINDOW_BYTES && len < WINDOW_BYTES {
            self.across.shrink_to(WINDOW_BYTES);
        }
        let read = read_at(&handle.file, &mut self.across, offset)?;
        if read < len {
            return Err(Fault::damaged("the file ends too soon", offset));
        }
        Ok(&self.across)
    }

    /// Forgets what was read of a file: its writer has gone on.
    pub(crate) fn forget(&mut self, file: u32) {
        // The memory stays for the next window.
        for window in self.held.iter_mut().filter(|window| window.file == file) {
            (window.number, window.used) = (u64::MAX, 0);
        }
    }
}

/// Reads as much as there is.
fn read_at(file: &File, mut into: &mut [u8], mut offset: u64) -> Result<usize, std::io::Error> {
    let mut total = 0;
    while !into.is_empty() {
        match file.read_at(into, offset) {
            Ok(0) => break,
            Ok(read) => {
                (total, offset) = (total + read, offset + read as u64);
                into = into.get_mut(read..).unwrap_or_default();
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn handle(bytes: &[u8]) -> Handle {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Handle { id: 1, file }
    }

    #[test]
    fn bytes_are_the_files_within_and_across_windows() {
        let bytes: Vec<u8> = (0..3 * WINDOW_BYTES + 100).map(|index| (index % 251) as u8).collect();
        let handle = handle(&bytes);
        let mut windows = Windows::default();
        for (offset, len) in
            [(0, 1), (WINDOW_BYTES - 1, 1), (WINDOW_BYTES - 4, 8), (10, 2 * WINDOW_BYTES), (3 * WINDOW_BYTES, 100)]
        {
            assert_eq!(windows.get(&handle, offset as u64, len).unwrap(), &bytes[offset..offset + len]);
        }
        assert!(windows.get(&handle, 3 * WINDOW_BYTES as u64, 101).is_err());
        assert!(windows.get(&handle, 0, 1 << 40).is_err());
        assert!(windows.get(&handle, u64::MAX - 3, 8).is_err());
    }

    #[test]
    fn windows_are_bounded_and_what_was_forgotten_is_read_again() {
        let handle = handle(&vec![1; 2 * WINDOWS_MAX * WINDOW_BYTES]);
        let mut windows = Windows::default();
        for number in 0..2 * WINDOWS_MAX {
            windows.get(&handle, (number * WINDOW_BYTES) as u64, 1).unwrap();
        }
        assert_eq!(windows.held.len(), WINDOWS_MAX);
        handle.file.write_all_at(&[2], 0).unwrap();
        windows.get(&handle, 0, 1).unwrap();
        handle.file.write_all_at(&[3], 0).unwrap();
        assert_eq!(windows.get(&handle, 0, 1).unwrap(), [2]);
        windows.forget(1);
        assert_eq!(windows.get(&handle, 0, 1).unwrap(), [3]);
        assert_eq!(windows.held.len(), WINDOWS_MAX);
    }
}
