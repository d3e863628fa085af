//! The program's own pages and those of its libraries: code and constants, which count as its memory while they are mapped in.
//!
//! The kernel maps sixteen pages in for each one that is touched, so that reading a configuration and starting leave megabytes of code mapped in
//! that is not run again.
//!
//! What may be unmapped is found out once, while there is one thread and nothing but the program and what it is linked with is loaded: libraries that
//! come later, as those of name resolution, may be half loaded when they are looked at, and others may lie where they were.

#[cfg(target_os = "linux")]
use std::{ops::Range, sync::OnceLock};

/// Where code and constants of the program and of the libraries that it is linked with lie.
#[cfg(target_os = "linux")]
static CODE: OnceLock<Vec<Range<usize>>> = OnceLock::new();

/// Mappings that are taken.
#[cfg(target_os = "linux")]
const MAPPINGS_MAX: usize = 64;

/// Finds out what [`release_code`] may unmap. To be called first thing in `main`: with more than one thread nothing is found, for another one may be
/// loading a library, whose mappings change while they are read.
pub(crate) fn find() {
    #[cfg(target_os = "linux")]
    {
        let is_alone = std::fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() == 1);
        CODE.get_or_init(|| if is_alone { unwritten(&mappings()) } else { Vec::new() });
    }
}

/// Unmaps code and constants; what is run or read again comes back from the file, which is mostly still cached.
pub fn release_code() {
    #[cfg(target_os = "linux")]
    CODE.get().into_iter().flatten().for_each(release);
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn release(range: &Range<usize>) {
    // SAFETY: the range was mapped privately from the file of the program, or of a library that was loaded with it, when `main` began and there was
    // one thread. Such files are never unloaded, so that nothing else can lie there. It could not be written, and no page of it had been
    // (`unwritten`); the loader, which alone makes such mappings writable for a moment, was done. `MADV_DONTNEED` makes the kernel read its pages
    // from the file again when they are touched, as it does for those that were not touched yet.
    unsafe {
        libc::madvise(std::ptr::with_exposed_provenance_mut(range.start), range.len(), libc::MADV_DONTNEED);
    }
}

#[cfg(target_os = "linux")]
fn mappings() -> String {
    std::fs::read_to_string("/proc/self/smaps").unwrap_or_default()
}

/// Address ranges of private mappings of files with code that cannot be written, and of which no page is the process' own. Constants that were
/// relocated when the program was loaded have such pages.
#[cfg(target_os = "linux")]
fn unwritten(mappings: &str) -> Vec<Range<usize>> {
    let (mut found, mut with_code, mut last) = (Vec::new(), Vec::new(), None);
    for line in mappings.lines() {
        let mut fields = line.split_ascii_whitespace();
        match (fields.next(), fields.next()) {
            (Some("Anonymous:"), Some(own)) => found.extend(last.take().filter(|_| own == "0")),
            (Some(field), _) if field.ends_with(':') => {}
            (Some(addresses), Some(permissions @ ("r-xp" | "r--p"))) => {
                // Behind the offset: the device, and the file's number there.
                let file = (fields.nth(1), fields.next());
                if permissions == "r-xp" && file.1 != Some("0") {
                    with_code.push(file);
                }
                last = between(addresses).map(|range| (range, file));
            }
            _ => last = None,
        }
    }
    found.retain(|(_, file)| with_code.contains(file));
    found.into_iter().map(|(range, _)| range).take(MAPPINGS_MAX).collect()
}

#[cfg(target_os = "linux")]
fn between(addresses: &str) -> Option<Range<usize>> {
    let (start, end) = addresses.split_once('-')?;
    Some(usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?)
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
7f01-7f02 r--s 00000000 fe:00 8                          /lib/libc.so.6
Anonymous:             0 kB
7f02-7f03 r--p 00000000 00:00 0 
Anonymous:             0 kB
7f03-7f04 r--p 00000000 fe:00 9                          /usr/lib/locale/locale-archive
Anonymous:             0 kB
7f04-7f05 r-xp 00000000 00:00 0                          [vdso]
Anonymous:             0 kB
";
        assert_eq!(unwritten(mappings), [0x55d0..0x55d3, 0x55d3..0x55d8, 0x7f00..0x7f01]);
        assert_eq!(unwritten(""), []);
    }

    #[test]
    fn the_program_goes_on_and_its_code_is_what_it_was() {
        let before: Vec<u64> = (0..100).map(|n: u64| n.wrapping_mul(0x9e37_79b9).rotate_left(7)).collect();
        let here = release_code as fn() as usize;
        let ours: Vec<_> = unwritten(&mappings()).into_iter().filter(|range| range.contains(&here)).collect();
        assert!(!ours.is_empty());
        ours.iter().for_each(release);
        let after: Vec<u64> = (0..100).map(|n: u64| n.wrapping_mul(0x9e37_79b9).rotate_left(7)).collect();
        assert_eq!(before, after);
    }

    #[test]
    fn beside_other_threads_nothing_is_found() {
        std::thread::scope(|scope| {
            let (started, wait) = std::sync::mpsc::channel::<()>();
            scope.spawn(move || wait.recv());
            find();
            drop(started);
        });
        assert_eq!(CODE.get().map(Vec::len), Some(0));
    }
}
