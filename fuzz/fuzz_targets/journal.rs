//! Any bytes as a journal file, alone and beside another: read in bounded time, without a panic.
//!
//! Input: a byte that says whether the header of a good file stands in front, then the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;
use warren_journal::{Journal, Limit, Match, Place, Progress, Sink, Source, Start, query};

struct Ignore;

impl Sink for Ignore {
    type Field = usize;

    fn field(&mut self, name: &str, value: &[u8]) -> usize {
        name.len() + value.len()
    }

    fn entry(&mut self, _: &Place, _: &mut Vec<usize>) -> bool {
        true
    }
}

fn directory() -> &'static std::path::Path {
    static DIRECTORY: OnceLock<std::path::PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let directory = std::env::temp_dir().join(format!("warren-fuzz-journal-{}", std::process::id()));
        let _ = std::fs::create_dir_all(&directory);
        directory
    })
}

/// A header that is accepted, with a list of entries right behind it.
fn header(compact: bool) -> Vec<u8> {
    let mut header = vec![0; 272];
    header[..8].copy_from_slice(b"LPKSHHRH");
    header[12] = 15 | if compact { 16 } else { 0 };
    header[16] = 2;
    header[24] = 1;
    header[72] = 1;
    for (at, number) in [(88, 272u64), (136, 1 << 20), (152, 64), (160, 1 << 40), (168, 1), (176, 272)] {
        header[at..at + 8].copy_from_slice(&number.to_le_bytes());
    }
    header
}

fuzz_target!(|data: &[u8]| {
    let Some((&choice, rest)) = data.split_first() else { return };
    let mut bytes = if choice & 1 == 1 { header(choice & 2 == 2) } else { Vec::new() };
    bytes.extend_from_slice(rest);
    let name = if choice & 4 == 4 { "system.journal" } else { "system@1-1-1.journal" };
    let path = directory().join(name);
    if std::fs::write(&path, bytes).is_err() {
        return;
    }
    let source = || Source::Directory(directory().to_owned());
    let mut start = if choice & 8 == 8 { Start::End } else { Start::Beginning };
    let wanted = if choice & 16 == 16 { query::units(["a*"]) } else { Match::everything() };
    for _ in 0..2 {
        let mut journal = Journal::open(source(), &start, &wanted, Ignore);
        for _ in 0..4 {
            journal.refresh();
            if journal.read(Limit { entries: 10_000 }) == Progress::Drained {
                break;
            }
        }
        start = Start::After(journal.position());
    }
    let _ = std::fs::remove_file(path);
});
