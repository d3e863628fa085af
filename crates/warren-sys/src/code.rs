//! The program's own pages: code and constants, which count as its memory while they are mapped in.
//!
//! The kernel maps sixteen pages in for each one that is touched, so that reading a configuration and starting leave megabytes of code mapped in
//! that is not run again.

/// Segments of the program that are looked at.
#[cfg(target_os = "linux")]
const SEGMENTS_MAX: usize = 16;

/// Unmaps code and constants; what is run or read again comes back from the file, which is mostly still cached.
#[allow(unsafe_code)]
pub fn release_code() {
    #[cfg(target_os = "linux")]
    for (start, end) in unwritten(&maps(), &program()) {
        // SAFETY: the range is a mapping of the program's file that is private, not writable and never was: the segments of code and of constants
        // without relocations, as told by `/proc/self/maps`. `MADV_DONTNEED` makes the kernel read its pages from the file again when they are
        // touched, and they are the same then, for a file that is being executed cannot be written.
        unsafe {
            libc::madvise(std::ptr::with_exposed_provenance_mut(start), end - start, libc::MADV_DONTNEED);
        }
    }
}

#[cfg(target_os = "linux")]
fn maps() -> String {
    std::fs::read_to_string("/proc/self/maps").unwrap_or_default()
}

#[cfg(target_os = "linux")]
fn program() -> String {
    let path = std::fs::read_link("/proc/self/exe").unwrap_or_default();
    path.to_string_lossy().into_owned()
}

/// Address ranges of the program's code, and of the constants in front of it. Constants behind it were written when the program was loaded.
#[cfg(target_os = "linux")]
fn unwritten(maps: &str, program: &str) -> Vec<(usize, usize)> {
    let mut ranges = Vec::new();
    for line in maps.lines() {
        let mut fields = line.split_ascii_whitespace();
        let (Some(range), Some(permissions), Some(offset)) = (fields.next(), fields.next(), fields.next()) else { continue };
        // The path is the rest of the line; it may hold blanks.
        let is_program = !program.is_empty() && line.ends_with(program) && line.contains('/');
        let is_constant = permissions == "r-xp" || (permissions == "r--p" && offset.bytes().all(|digit| digit == b'0'));
        let Some((start, end)) = range.split_once('-').filter(|_| is_program && is_constant) else { continue };
        if let (Ok(start), Ok(end)) = (usize::from_str_radix(start, 16), usize::from_str_radix(end, 16)) {
            ranges.push((start, end));
        }
        if ranges.len() == SEGMENTS_MAX {
            break;
        }
    }
    ranges
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_never_written_is_chosen() {
        let maps = "\
55d0-55d3 r--p 00000000 fe:00 7 /opt/a b
55d3-55d8 r-xp 00003000 fe:00 7 /opt/a b
55d8-55d9 r--p 00008000 fe:00 7 /opt/a b
55d9-55da rw-p 00009000 fe:00 7 /opt/a b
7f00-7f01 r-xp 00000000 fe:00 8 /lib/libc.so.6
7f01-7f02 rw-p 00000000 00:00 0 [heap]
";
        assert_eq!(unwritten(maps, "/opt/a b"), [(0x55d0, 0x55d3), (0x55d3, 0x55d8)]);
        assert_eq!(unwritten(maps, ""), []);
    }

    #[test]
    fn the_program_goes_on_and_its_code_is_what_it_was() {
        let before: Vec<u64> = (0..100).map(|n: u64| n.wrapping_mul(0x9e37_79b9).rotate_left(7)).collect();
        release_code();
        let after: Vec<u64> = (0..100).map(|n: u64| n.wrapping_mul(0x9e37_79b9).rotate_left(7)).collect();
        assert_eq!(before, after);
        // A table that is read while other threads change it may have a line twice.
        let mut ranges = unwritten(&maps(), &program());
        ranges.dedup();
        assert_eq!(ranges.len(), 2);
    }
}
