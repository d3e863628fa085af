//! Whole journals: several files, followed, damaged, moved.

use crate::testing::{Coding, Writer, drain, open, place, resume};
use crate::{Id, Limit, Match, Namespace, Progress, Source, Start};
use proptest::prelude::*;
use std::path::Path;

const MACHINE: &str = "0123456789abcdef0123456789abcdef";

fn directory(root: &Path) -> Source {
    Source::Directory(root.to_owned())
}

fn numbers(range: impl IntoIterator<Item = u64>) -> Vec<String> {
    range.into_iter().map(|number| number.to_string()).collect()
}

/// A file with messages that are their numbers.
fn file(file_id: u128, seqnums: impl IntoIterator<Item = u64>) -> Writer {
    let mut writer = Writer::new(file_id, 1, true);
    seqnums.into_iter().for_each(|seqnum| writer.message(seqnum, &seqnum.to_string()));
    writer
}

#[test]
fn every_layout_and_compression_is_read() {
    let long = format!("LONG={}", "Last message in was ".repeat(5000));
    for compact in [false, true] {
        let root = tempfile::tempdir().unwrap();
        let mut writer = Writer::new(1, 1, compact);
        for (seqnum, coding) in [Coding::Plain, Coding::Xz, Coding::Lz4, Coding::Zstd].into_iter().enumerate() {
            let own = format!("{long}{seqnum}");
            writer.entry(&place(Id(1), seqnum as u64 + 1), &[("MESSAGE=m", Coding::Plain), (&own, coding)]);
        }
        writer.save(&root.path().join("system.journal"));
        let mut journal = open(directory(root.path()), &Start::Beginning);
        drain(&mut journal);
        let entries = std::mem::take(&mut journal.sink().entries);
        let expected: Vec<Vec<String>> = (0..4).map(|seqnum| vec!["MESSAGE=m".to_owned(), format!("{long}{seqnum}")]).collect();
        assert!(entries == expected, "compact {compact}");
        assert_eq!(journal.counts().damaged_fields, 0);
    }
}

#[test]
fn a_field_that_entries_share_is_made_once() {
    let root = tempfile::tempdir().unwrap();
    file(1, 1..=1000).save(&root.path().join("system.journal"));
    let mut journal = open(directory(root.path()), &Start::Beginning);
    assert_eq!(drain(&mut journal).len(), 1000);
    assert_eq!(journal.sink().made, 1001);
}

#[test]
fn files_of_one_writer_are_merged_by_number_and_copies_pass_once() {
    let root = tempfile::tempdir().unwrap();
    file(1, (1..100).step_by(2)).save(&root.path().join("system.journal"));
    file(2, (2..=100).step_by(2)).save(&root.path().join("user-1000.journal"));
    file(3, 101..=200).save(&root.path().join("user-1001.journal"));
    // The same entries in another sequence.
    let mut copy = Writer::new(4, 9, false);
    (1..=200).for_each(|seqnum| copy.message(seqnum, &seqnum.to_string()));
    copy.save(&root.path().join("copy.journal"));
    let mut journal = open(directory(root.path()), &Start::Beginning);
    assert_eq!(drain(&mut journal), numbers(1..=200));
    assert_eq!(journal.counts().copies, 200);
}

#[test]
fn equal_entries_of_one_sequence_are_all_read() {
    let root = tempfile::tempdir().unwrap();
    let mut writer = Writer::new(1, 1, true);
    for seqnum in 1..=3 {
        let same = crate::Place { seqnum, ..place(Id(1), 1) };
        writer.entry(&same, &[("MESSAGE=same", Coding::Plain)]);
    }
    writer.save(&root.path().join("system.journal"));
    assert_eq!(drain(&mut open(directory(root.path()), &Start::Beginning)), ["same"; 3]);
}

#[test]
fn what_is_written_later_is_read_and_nothing_twice() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("system.journal");
    let mut writer = file(1, 1..=10);
    writer.save(&path);
    let mut journal = open(directory(root.path()), &Start::End);
    assert_eq!(drain(&mut journal), [""; 0]);
    for seqnum in 11..=100 {
        writer.message(seqnum, &seqnum.to_string());
        writer.save(&path);
        assert_eq!(drain(&mut journal), numbers([seqnum]));
    }
    // Rotation, with an entry just before it and one just behind.
    writer.message(101, "101");
    writer.archived();
    writer.save(&path);
    std::fs::rename(&path, root.path().join("system@1-1-1.journal")).unwrap();
    let mut next = file(2, 102..=103);
    next.save(&path);
    file(3, [104]).save(&root.path().join("user-1.journal"));
    assert_eq!(drain(&mut journal), numbers(101..=104));
    next.message(105, "105");
    next.save(&path);
    assert_eq!(drain(&mut journal), numbers([105]));
    // Vacuumed: nobody misses what was read.
    std::fs::remove_file(root.path().join("system@1-1-1.journal")).unwrap();
    assert_eq!(drain(&mut journal), [""; 0]);
    assert_eq!(journal.counts().lost_entries, 0);
}

#[test]
fn a_file_that_is_rotated_while_it_is_read_is_read_to_its_end() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("system.journal");
    for read_before in 0..=10 {
        let mut writer = file(1, 1..=10);
        writer.save(&path);
        let mut journal = open(directory(root.path()), &Start::Beginning);
        journal.read(Limit { entries: read_before });
        (11..=20).for_each(|seqnum| writer.message(seqnum, &seqnum.to_string()));
        writer.archived();
        writer.save(&path);
        let archived = root.path().join("system@1-1-1.journal");
        std::fs::rename(&path, &archived).unwrap();
        file(2, 21..=30).save(&path);
        assert_eq!(drain(&mut journal), numbers(1..=30), "{read_before} read before");
        std::fs::remove_file(archived).unwrap();
    }
}

#[test]
fn a_file_that_vanishes_is_read_to_its_end_if_it_is_open_and_counted_if_not() {
    let root = tempfile::tempdir().unwrap();
    let mut old = file(1, 1..=50);
    old.archived();
    old.save(&root.path().join("system@1-1-1.journal"));
    let path = root.path().join("system.journal");
    file(2, 51..=60).save(&path);
    let mut journal = open(directory(root.path()), &Start::Beginning);
    journal.sink().most = 10;
    assert_eq!(journal.read(Limit { entries: 100 }), Progress::More);
    journal.sink().messages.clear();
    // The archived one is being read; the active one is open anyway.
    std::fs::remove_file(root.path().join("system@1-1-1.journal")).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(drain(&mut journal), numbers(11..=60));
    assert_eq!(journal.counts().lost_entries, 0);

    old.save(&root.path().join("system@1-1-2.journal"));
    file(3, 61..=70).save(&path);
    let mut journal = open(directory(root.path()), &Start::Beginning);
    std::fs::remove_file(root.path().join("system@1-1-2.journal")).unwrap();
    assert_eq!(drain(&mut journal), numbers(61..=70));
    assert_eq!(journal.counts().lost_entries, 50);
}

#[test]
fn reading_goes_on_where_it_stopped_wherever_that_was() {
    let root = tempfile::tempdir().unwrap();
    let mut old = file(1, (1..=30).filter(|number| number % 3 != 0));
    old.archived();
    old.save(&root.path().join("system@1-1-1.journal"));
    file(2, 31..=40).save(&root.path().join("system.journal"));
    file(3, (1..=45).filter(|number| number % 3 == 0 && *number < 30 || *number > 40)).save(&root.path().join("user-1.journal"));
    let all = drain(&mut open(directory(root.path()), &Start::Beginning));
    for stop in 0..all.len() {
        let mut journal = open(directory(root.path()), &Start::Beginning);
        for _ in 0..stop {
            journal.read(Limit { entries: 1 });
        }
        let position = journal.position();
        assert_eq!(drain(&mut resume(directory(root.path()), &position)), all[stop..], "after {stop}");
    }
}

#[test]
fn what_was_deleted_while_nobody_read_is_counted() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("system.journal");
    file(1, 1..=10).save(&path);
    let mut journal = open(directory(root.path()), &Start::Beginning);
    drain(&mut journal);
    let position = journal.position();
    std::fs::remove_file(&path).unwrap();
    file(2, 15..=20).save(&path);
    let mut journal = resume(directory(root.path()), &position);
    assert_eq!(drain(&mut journal), numbers(15..=20));
    assert_eq!(journal.counts().lost_entries, 4);
}

#[test]
fn what_is_moved_from_memory_to_disk_is_read_once() {
    let root = tempfile::tempdir().unwrap();
    let volatile = root.path().join(format!("run/log/journal/{MACHINE}/system.journal"));
    let persistent = root.path().join(format!("var/log/journal/{MACHINE}/system.journal"));
    std::fs::create_dir_all(root.path().join("var/log")).unwrap();
    let source = || Source::System { root: root.path().to_owned(), namespace: Namespace::Default, all_machines: false };
    file(1, 1..=100).save(&volatile);
    let mut journal = open(source(), &Start::Beginning);
    assert_eq!(drain(&mut journal), numbers(1..=100));
    let position = journal.position();
    // Another process goes on while there is only memory.
    let mut second = resume(source(), &position);
    assert_eq!(drain(&mut second), [""; 0]);
    let copy = |to: u64| {
        let mut copy = Writer::new(2, 9, false);
        for seqnum in 1..=to {
            let entry = crate::Place { seqnum: seqnum + 500, seqnum_id: Id(9), ..place(Id(1), seqnum) };
            copy.entry(&entry, &[(&format!("MESSAGE={seqnum}"), Coding::Plain)]);
        }
        copy
    };
    copy(100).save(&persistent);
    std::fs::remove_dir_all(root.path().join("run/log/journal")).unwrap();
    assert_eq!(drain(&mut journal), [""; 0]);
    copy(105).save(&persistent);
    assert_eq!(drain(&mut journal), numbers(101..=105));
    assert_eq!(drain(&mut second), numbers(101..=105));
    // And by another process that knows only how far the first one came in memory.
    assert_eq!(drain(&mut resume(source(), &position)), numbers(101..=105));
}

#[test]
fn the_newest_boot_begins_with_its_first_entry() {
    let root = tempfile::tempdir().unwrap();
    let mut writer = Writer::new(1, 1, true);
    for seqnum in 1..=6 {
        let boot_id = Id(u128::from(seqnum / 4) + 1);
        writer.entry(&crate::Place { boot_id, ..place(Id(1), seqnum) }, &[(&format!("MESSAGE={seqnum}"), Coding::Plain)]);
    }
    writer.save(&root.path().join("system.journal"));
    assert_eq!(drain(&mut open(directory(root.path()), &Start::NewestBoot)), numbers(4..=6));
}

#[test]
fn only_what_is_wanted_is_handed_over_and_made() {
    let root = tempfile::tempdir().unwrap();
    let mut writer = Writer::new(1, 1, true);
    for seqnum in 1..=100 {
        let unit = format!("_SYSTEMD_UNIT={}.service", if seqnum % 10 == 0 { "rabbitmq-server" } else { "ssh" });
        let message = format!("MESSAGE={seqnum}");
        writer.entry(&place(Id(1), seqnum), &[(&message, Coding::Plain), (&unit, Coding::Zstd)]);
    }
    writer.save(&root.path().join("system.journal"));
    for units in ["rabbitmq-server", "rabbit*"] {
        let wanted = crate::query::units([units]);
        let mut journal =
            crate::Journal::open(directory(root.path()), &Start::Beginning, &wanted, crate::testing::Collect::default());
        assert_eq!(drain(&mut journal), numbers((10..=100).step_by(10)));
        assert_eq!(journal.sink().made, 11);
    }
    let nothing = Match::field("_SYSTEMD_UNIT", "other.service");
    let mut journal =
        crate::Journal::open(directory(root.path()), &Start::Beginning, &nothing, crate::testing::Collect::default());
    assert_eq!(drain(&mut journal), [""; 0]);
    assert_eq!(journal.position().cursor.unwrap().seqnum, Some((Id(1), 100)), "what is not wanted is read all the same");
}

#[test]
fn damage_costs_what_is_damaged() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("system@1-1-1.journal");
    let read = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let mut journal = open(directory(root.path()), &Start::Beginning);
        let messages = drain(&mut journal);
        assert_eq!(journal.notices().len(), 1);
        (messages, journal.counts().damaged_entries)
    };
    let mut writer = file(1, 1..=100);
    writer.archived();
    // An entry that is none.
    let mut bytes = writer.bytes.clone();
    bytes[writer.entry_offsets[49]] = 99;
    assert_eq!(read(&bytes), (numbers((1..=100).filter(|number| *number != 50)), 1));
    // A broken array: the entries that it lists are found without it, and those of the ones behind it.
    for at in [0, 8, 16] {
        let mut bytes = writer.bytes.clone();
        bytes[writer.array_offsets[2] + at] ^= 0x55;
        let (messages, _) = read(&bytes);
        assert_eq!(messages, numbers(1..=100), "byte {at} of an array");
    }
    // An array that follows itself.
    let mut bytes = writer.bytes.clone();
    let own = writer.array_offsets[2];
    bytes[own + 16..own + 24].copy_from_slice(&(own as u64).to_le_bytes());
    assert_eq!(read(&bytes).0, numbers(1..=100));
    // The same, and the header says that the last object is far behind the end of the file: what is searched ends with it.
    bytes[136..144].copy_from_slice(&(1u64 << 50).to_le_bytes());
    assert_eq!(read(&bytes).0, numbers(1..=100));
    // A file that was cut short.
    assert_eq!(read(&writer.bytes[..writer.entry_offsets[60]]).0, numbers(1..=60));
    // A stretch of zeros; the message of the entry behind it lies within.
    let mut bytes = writer.bytes.clone();
    bytes[writer.entry_offsets[20]..writer.entry_offsets[29]].fill(0);
    let (messages, _) = read(&bytes);
    assert!(numbers((1..=20).chain(31..=100)).iter().all(|number| messages.contains(number)), "{messages:?}");
}

#[test]
fn a_field_that_is_damaged_is_left_out_of_its_entries() {
    let root = tempfile::tempdir().unwrap();
    let mut writer = Writer::new(1, 1, true);
    writer.entry(&place(Id(1), 1), &[("MESSAGE=1", Coding::Plain), ("PRIORITY=6", Coding::Plain), ("A=1", Coding::Plain)]);
    let priority = writer.bytes.windows(10).position(|bytes| bytes == b"PRIORITY=6").unwrap();
    writer.bytes[priority] = b'=';
    writer.save(&root.path().join("system.journal"));
    let mut journal = open(directory(root.path()), &Start::Beginning);
    drain(&mut journal);
    assert_eq!(journal.sink().entries, [["MESSAGE=1", "A=1"]]);
    assert_eq!(journal.counts().damaged_fields, 1);
}

#[test]
fn what_is_no_journal_file_is_told_once_and_the_others_are_read() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("note.journal"), "x".repeat(300)).unwrap();
    let mut later = file(2, 1..=2);
    later.bytes[12] |= 64;
    later.save(&root.path().join("later.journal"));
    std::fs::write(root.path().join("empty.journal"), "").unwrap();
    file(1, 1..=3).save(&root.path().join("system.journal"));
    let mut journal = open(directory(root.path()), &Start::Beginning);
    assert_eq!(drain(&mut journal), numbers(1..=3));
    let notices = journal.notices();
    assert_eq!(notices.len(), 2, "{notices:?}");
    assert!(notices.iter().any(|notice| notice.message.contains("unknown incompatible flags 0x40")), "{notices:?}");
    std::fs::write(root.path().join("other.txt"), "").unwrap();
    drain(&mut journal);
    assert_eq!(journal.notices(), []);
    // Its writer comes to write it.
    file(3, 4..=5).save(&root.path().join("empty.journal"));
    assert_eq!(drain(&mut journal), numbers(4..=5));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn whatever_is_damaged_reading_ends_and_invents_nothing(
        compact: bool,
        damages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
        active: bool,
    ) {
        let root = tempfile::tempdir().unwrap();
        let mut writer = Writer::new(1, 1, compact);
        (1..=60).for_each(|seqnum| writer.message(seqnum, &format!("message {seqnum}")));
        let mut bytes = writer.bytes;
        for (at, with) in damages {
            let at = at.index(bytes.len());
            bytes[at] ^= with;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let name = if active { "system.journal" } else { "system@1-1-1.journal" };
        std::fs::write(root.path().join(name), bytes).unwrap();
        for start in [Start::Beginning, Start::End, Start::NewestBoot] {
            let mut journal = open(directory(root.path()), &start);
            // What may not be written yet is looked at again; nobody writes it.
            for _ in 0..4 {
                journal.refresh();
                if journal.read(Limit { entries: 1000 }) == Progress::Drained {
                    break;
                }
            }
            prop_assert!(journal.sink().entries.len() <= 60);
            let position = journal.position();
            drain(&mut resume(directory(root.path()), &position));
        }
    }
}
