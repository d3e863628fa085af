//! The program's own pages and those of its libraries: code and constants, which count as its memory while they are mapped in.
//!
//! The kernel maps sixteen pages in for each one that is touched, so that reading a configuration and starting leave megabytes of code mapped in
//! that is not run again.

/// Mappings that are looked at.
#[cfg(target_os = "linux")]
const MAPPINGS_MAX: usize = 64;

/// Unmaps code and constants; what is run or read again comes back from the file, which is mostly still cached.
#[allow(unsafe_code)]
pub fn release_code() {
    #[cfg(target_os = "linux")]
    for (start, end) in unwritten(&mappings()) {
        // SAFETY: the range is a private mapping of a file that is not writable and of which no page was ever written, as told by
        // `/proc/self/smaps`; nothing makes such a mapping writable later. `MADV_DONTNEED` makes the kernel read its pages from the file again when
        // they are touched, as it does for those that were not touched yet.
        unsafe {
            libc::madvise(std::ptr::with_exposed_provenance_mut(start), end - start, libc::MADV_DONTNEED);
        }
    }
}

#[cfg(target_os = "linux")]
fn mappings() -> String {
    std::fs::read_to_string("/proc/self/smaps").unwrap_or_default()
}

/// Address ranges of private mappings of files that cannot be written, and of which no page is the process' own. Constants that were relocated when
/// the program was loaded have such pages.
#[cfg(target_os = "linux")]
fn unwritten(mappings: &str) -> Vec<(usize, usize)> {
    let mut ranges = Vec::new();
    let mut range = None;
    for line in mappings.lines() {
        let mut fields = line.split_ascii_whitespace();
        match (fields.next(), fields.next()) {
            (Some("Anonymous:"), Some(own)) => ranges.extend(range.take().filter(|_| own == "0")),
            (Some(field), _) if field.ends_with(':') => {}
            (Some(addresses), Some(permissions)) => {
                // Offset, device and number of the file come before its path.
                let is_file = fields.nth(3).is_some_and(|path| path.starts_with('/'));
                range = addresses.split_once('-').filter(|_| is_file && matches!(permissions, "r-xp" | "r--p")).and_then(between);
            }
            _ => {}
        }
        if ranges.len() == MAPPINGS_MAX {
            break;
        }
    }
    ranges
}

#[cfg(target_os = "linux")]
fn between((start, end): (&str, &str)) -> Option<(usize, usize)> {
    Some((usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_never_written_is_chosen() {
        let mappings = "\
55d0-55d3 r--p 00000000 fe:00 7                          /opt/a b
Rss:                  12 kB
Anonymous:             0 kB
VmFlags: rd mr mw me sd
55d3-55d8 r-xp 00003000 fe:00 7                          /opt/a b
Anonymous:             0 kB
55d8-55d9 r--p 00008000 fe:00 7                          /opt/a b
Anonymous:             4 kB
55d9-55da rw-p 00009000 fe:00 7                          /opt/a b
Anonymous:             0 kB
7f00-7f01 r-xp 00000000 fe:00 8                          /lib/libc.so.6
Anonymous:             0 kB
7f01-7f02 r--s 00000000 fe:00 9                          /var/log/journal/a
Anonymous:             0 kB
7f02-7f03 r--p 00000000 00:00 0 
Anonymous:             0 kB
7f04-7f05 r-xp 00000000 00:00 0                          [vdso]
Anonymous:             0 kB
";
        assert_eq!(unwritten(mappings), [(0x55d0, 0x55d3), (0x55d3, 0x55d8), (0x7f00, 0x7f01)]);
        assert_eq!(unwritten(""), []);
    }

    #[test]
    fn the_program_goes_on_and_its_code_is_what_it_was() {
        let before: Vec<u64> = (0..100).map(|n: u64| n.wrapping_mul(0x9e37_79b9).rotate_left(7)).collect();
        release_code();
        let after: Vec<u64> = (0..100).map(|n: u64| n.wrapping_mul(0x9e37_79b9).rotate_left(7)).collect();
        assert_eq!(before, after);
        let here = release_code as fn() as usize;
        assert!(unwritten(&mappings()).iter().any(|(start, end)| (*start..*end).contains(&here)));
    }
}
