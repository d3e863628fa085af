//! Any bytes as the files of a log on disk: read past whatever is wrong with them, with memory bounded by the files, and to an end.
//!
//! Input: the first byte chooses. Even: the rest is a segment as it is. Odd: a log is written of records whose lengths the input gives, then
//! damaged where it says; records that are not touched are read, and nothing else is.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use warren_storage::{Directory, Log, Place, Policy};

const POLICY: Policy = Policy { fsync: false, bytes_max: 1 << 24, mode: 0o700 };

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let root = tempfile::tempdir().unwrap();
    if first % 2 == 0 {
        std::fs::write(root.path().join("0000000000000001-0000000000000007.seg"), rest).unwrap();
        let mut log = open(root.path());
        let read: usize = std::iter::from_fn(|| log.read()).map(|record| record.payload.len()).sum();
        assert!(read <= rest.len());
        return;
    }
    let (lengths, harms) = rest.split_at(rest.len() / 2);
    let payloads: Vec<Vec<u8>> =
        lengths.iter().take(100).enumerate().map(|(index, length)| vec![index as u8; usize::from(*length)]).collect();
    let mut log = open(root.path());
    for payload in &payloads {
        log.stage(1, 1, 0, |out| out.extend_from_slice(payload)).unwrap();
    }
    log.commit().unwrap();
    drop(log);
    for harm in harms.chunks_exact(3) {
        for path in segments(root.path()) {
            let file = std::fs::File::options().read(true).write(true).open(path).unwrap();
            let at = u64::from(u16::from_be_bytes([harm[0], harm[1]])) % file.metadata().unwrap().len();
            file.write_all_at(&[harm[2]], at).unwrap();
        }
    }
    let mut log = open(root.path());
    for record in std::iter::from_fn(|| log.read()) {
        assert!(payloads.contains(&record.payload), "never written");
    }
});

fn open(path: &Path) -> Log {
    Log::open(Directory::open(Place { path: path.to_owned(), policy: POLICY }).unwrap()).unwrap()
}

fn segments(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|end| end == "seg")).collect()
}
