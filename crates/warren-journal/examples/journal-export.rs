//! Writes a journal in systemd's export format, as `journalctl -o export` does, or counts its entries.
//!
//! `journal-export [--count] DIRECTORY|FILE...`

#![allow(clippy::print_stderr)]

use std::io::Write;
use warren_journal::{Journal, Limit, Match, Place, Progress, Sink, Source, Start};

struct Export<W> {
    out: Option<W>,
    entries: u64,
}

type Field = std::rc::Rc<[u8]>;

impl<W: Write> Sink for Export<W> {
    type Field = Field;

    fn field(&mut self, name: &str, value: &[u8]) -> Field {
        let mut line = name.as_bytes().to_vec();
        if std::str::from_utf8(value).is_ok_and(|text| !text.chars().any(|c| c.is_control() && c != '\t')) {
            line.push(b'=');
        } else {
            line.push(b'\n');
            line.extend((value.len() as u64).to_le_bytes());
        }
        line.extend(value);
        line.push(b'\n');
        line.into()
    }

    fn entry(&mut self, place: &Place, fields: &mut Vec<Field>) -> bool {
        self.entries += 1;
        if let Some(out) = &mut self.out {
            let Place { realtime, monotonic, boot_id, .. } = place;
            let head = format!(
                "__CURSOR={place}\n__REALTIME_TIMESTAMP={realtime}\n__MONOTONIC_TIMESTAMP={monotonic}\n_BOOT_ID={boot_id}\n"
            );
            let _ = out.write_all(head.as_bytes());
            for field in fields.iter().filter(|field| !field.starts_with(b"_BOOT_ID=")) {
                let _ = out.write_all(field);
            }
            let _ = out.write_all(b"\n");
        }
        true
    }
}

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let count = arguments.first().is_some_and(|argument| argument == "--count");
    if count {
        arguments.remove(0);
    }
    let source = match arguments.first() {
        Some(path) if std::path::Path::new(path).is_dir() => Source::Directory(path.into()),
        _ => Source::Files(arguments),
    };
    let out = std::io::BufWriter::new(std::io::stdout());
    let sink = Export { out: (!count).then_some(out), entries: 0 };
    let mut journal = Journal::open(source, &Start::Beginning, &Match::everything(), sink);
    while journal.read(Limit { entries: 10_000 }) == Progress::More {}
    for notice in journal.notices() {
        eprintln!("{}: {}", notice.path.display(), notice.message);
    }
    let (files, counts) = (journal.files(), journal.counts());
    eprintln!("{} entries of {files} files; {counts:?}", journal.sink().entries);
}
