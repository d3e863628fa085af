//! The log on a real file system, with damage of every kind.

use super::record::HEADER_BYTES;
use super::segment::record_bytes;
use super::*;
use crate::{Place, Policy};
use proptest::prelude::*;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const POLICY: Policy = Policy { fsync: false, bytes_max: 1 << 20, mode: 0o700 };

fn open(path: &Path) -> Log {
    open_with(path, POLICY)
}

fn open_with(path: &Path, policy: Policy) -> Log {
    Log::open(Directory::open(Place { path: path.to_owned(), policy }).unwrap()).unwrap()
}

/// Appends and keeps at hand.
fn append(log: &mut Log, payloads: &[&[u8]]) -> Vec<Receipt> {
    for payload in payloads {
        log.stage(1, 1, 5, |out| out.extend_from_slice(payload)).unwrap();
    }
    log.commit().unwrap()
}

/// Appends to be read in turn; gives the sequence numbers.
fn store(log: &mut Log, payloads: &[&[u8]]) -> Vec<u64> {
    let receipts = append(log, payloads);
    let numbers = receipts.iter().map(Receipt::sequence).collect();
    receipts.into_iter().for_each(|receipt| log.leave(receipt));
    numbers
}

fn read_all(log: &mut Log) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| log.read()).map(|record| record.payload).collect()
}

fn segments(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "seg")).collect();
    files.sort();
    files
}

#[test]
fn what_is_committed_is_read_in_order_and_comes_again_until_it_is_settled() {
    let root = tempfile::tempdir().unwrap();
    let mut log = open(root.path());
    assert_eq!(store(&mut log, &[b"a", b"b", b"c"]), [1, 2, 3]);
    assert_eq!(log.unread(), Tally { records: 3, items: 3, bytes: 3 });
    let first = log.read().unwrap();
    assert_eq!((first.form, first.payload.as_slice(), first.receipt.time()), (1, &b"a"[..], 5));
    log.done(first.receipt).unwrap();
    assert_eq!(log.unread().records, 2);
    store(&mut log, &[b"d"]);
    drop(log);
    let mut log = open(root.path());
    assert_eq!(log.unread().records, 3);
    assert_eq!(read_all(&mut log), [b"b", b"c", b"d"]);
    assert_eq!(log.unread(), Tally::default());
    assert_eq!(store(&mut log, &[b"e"]), [5], "numbers go on");
    assert_eq!(read_all(&mut log), [b"e"]);
    assert_eq!(log.damages(), []);
}

#[test]
fn what_is_kept_at_hand_is_passed_over() {
    let root = tempfile::tempdir().unwrap();
    let mut log = open(root.path());
    let mut receipts = append(&mut log, &[b"a", b"b", b"c", b"d"]);
    log.leave(receipts.remove(3));
    log.leave(receipts.remove(1));
    assert_eq!(log.unread().records, 2);
    log.done(receipts.remove(1)).unwrap();
    assert_eq!(read_all(&mut log), [b"b", b"d"]);
    drop(log);
    assert_eq!(read_all(&mut open(root.path())), [b"a", b"b", b"d"]);
}

#[test]
fn files_go_away_with_what_is_in_them_and_the_last_one_starts_over() {
    let root = tempfile::tempdir().unwrap();
    let mut log = open(root.path());
    let large = vec![7; 40 << 10];
    let mut receipts = Vec::new();
    for _ in 0..6 {
        receipts.extend(append(&mut log, &[&large]));
    }
    assert_eq!(segments(root.path()).len(), 3);
    for receipt in receipts.drain(1..) {
        log.done(receipt).unwrap();
    }
    assert_eq!(segments(root.path()).len(), 2, "the first is still needed");
    log.done(receipts.remove(0)).unwrap();
    assert_eq!(segments(root.path()).len(), 1);
    assert!(log.bytes() < 100, "{}", log.bytes());
    for _ in 0..100 {
        let receipt = append(&mut log, &[&large]).remove(0);
        log.done(receipt).unwrap();
        assert!(log.bytes() < 200 << 10);
    }
    assert_eq!(log.taken.len(), 0);
    store(&mut log, &[b"x"]);
    assert_eq!(read_all(&mut log), [b"x"]);
}

#[test]
fn a_log_is_bounded_and_has_room_again_when_something_is_settled() {
    let root = tempfile::tempdir().unwrap();
    let mut log = open(root.path());
    let large = vec![7; 100 << 10];
    let mut taken = 0;
    let full = loop {
        match log.stage(1, 1, 0, |out| out.extend_from_slice(&large)) {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
        log.commit().unwrap().into_iter().for_each(|receipt| log.leave(receipt));
    };
    assert!(matches!(full, StageError::Full) && taken == 10, "{taken}");
    assert!(log.bytes() <= POLICY.bytes_max);
    let record = log.read().unwrap();
    log.done(record.receipt).unwrap();
    log.stage(1, 1, 0, |out| out.extend_from_slice(&large)).unwrap();
    assert!(matches!(log.stage(1, 1, 0, |out| out.resize(2 << 20, 0)), Err(StageError::TooLarge)));
    let receipt = log.commit().unwrap().pop().expect("what was staged before stays staged");
    log.leave(receipt);
    assert_eq!(read_all(&mut log).len(), 10);
}

#[test]
fn a_commit_that_fails_leaves_the_log_as_it_was() {
    let root = tempfile::tempdir().unwrap();
    let mut log = open(root.path());
    store(&mut log, &[b"a"]);
    // A file that cannot be written to, as on a disk that is full.
    let path = segments(root.path()).remove(0);
    let broken = Path::new("/dev/full");
    log.segments[0].close();
    log.segments[0].path = broken.to_owned();
    log.stage(1, 1, 0, |out| out.extend_from_slice(b"lost")).unwrap();
    assert!(log.commit().is_err());
    log.segments[0].close();
    log.segments[0].path = path;
    assert_eq!(store(&mut log, &[b"b", b"c"]).len(), 2);
    assert_eq!(read_all(&mut log), [b"a", b"b", b"c"]);
    drop(log);
    assert_eq!(read_all(&mut open(root.path())), [b"a", b"b", b"c"]);
}

#[test]
fn a_record_that_was_cut_off_while_it_was_written_is_no_damage() {
    let whole = {
        let root = tempfile::tempdir().unwrap();
        append(&mut open(root.path()), &[b"first", b"second"]);
        std::fs::read(&segments(root.path())[0]).unwrap()
    };
    let second = FIRST_RECORD_AT as usize + HEADER_BYTES + 5;
    for length in second..whole.len() {
        let root = tempfile::tempdir().unwrap();
        append(&mut open(root.path()), &[b"first", b"second"]);
        let file = segments(root.path()).remove(0);
        OpenOptions::new().write(true).open(&file).unwrap().set_len(length as u64).unwrap();
        for _ in 0..2 {
            let mut log = open(root.path());
            assert_eq!(store(&mut log, &[b"third"]).len(), 1);
            let read = read_all(&mut log);
            assert_eq!(read[0], b"first", "cut at {length}");
            assert!(read[1..].iter().all(|payload| payload == b"third"));
            assert_eq!(log.damages(), [], "cut at {length}");
        }
    }
}

#[test]
fn a_damaged_payload_costs_that_record_alone_and_is_told_once() {
    let root = tempfile::tempdir().unwrap();
    append(&mut open(root.path()), &[b"first", b"second", b"third"]);
    let file = segments(root.path()).remove(0);
    let at = FIRST_RECORD_AT + HEADER_BYTES as u64 + 5 + HEADER_BYTES as u64;
    OpenOptions::new().write(true).open(&file).unwrap().write_all_at(b"S", at).unwrap();
    let mut log = open(root.path());
    assert_eq!(read_all(&mut log), [b"first".to_vec(), b"third".to_vec()]);
    let damages = log.damages();
    assert_eq!((damages.len(), damages[0].items, damages[0].first), (1, 1, true));
    assert_eq!(damages[0].to - damages[0].from, HEADER_BYTES as u64 + 6);
    drop(log);
    let mut log = open(root.path());
    assert_eq!(read_all(&mut log).len(), 2);
    assert_eq!(log.damages(), []);
}

#[test]
fn a_payload_that_holds_a_log_is_not_taken_for_its_records() {
    let inner = tempfile::tempdir().unwrap();
    append(&mut open(inner.path()), &[b"x", b"y"]);
    let copy = std::fs::read(&segments(inner.path())[0]).unwrap();
    let root = tempfile::tempdir().unwrap();
    append(&mut open(root.path()), &[&copy, b"after"]);
    let file = OpenOptions::new().write(true).open(&segments(root.path())[0]).unwrap();
    file.write_all_at(b"?", FIRST_RECORD_AT + 20).unwrap();
    let mut log = open(root.path());
    assert_eq!(read_all(&mut log), [b"after"]);
    assert_eq!(log.damages().len(), 1);
}

#[test]
fn files_that_are_gone_empty_or_of_others_do_no_harm() {
    let root = tempfile::tempdir().unwrap();
    let mut log = open(root.path());
    store(&mut log, &[b"a"]);
    std::fs::remove_file(&segments(root.path())[0]).unwrap();
    log.segments[0].close();
    assert_eq!(read_all(&mut log), Vec::<Vec<u8>>::new());
    assert_eq!(log.damages().len(), 1);
    drop(log);
    for name in ["x.seg", "0-0.seg", "zzzzzzzzzzzzzzzz-0000000000000000.seg", "value-a"] {
        std::fs::write(root.path().join(name), b"mine").unwrap();
    }
    std::fs::write(root.path().join("0000000000000009-0000000000000001.seg"), b"").unwrap();
    std::fs::write(root.path().join("0000000000000003-0000000000000001.seg"), vec![0; 10_000]).unwrap();
    let mut log = open(root.path());
    assert_eq!(log.damages().len(), 1, "a file full of zeros");
    assert_eq!(store(&mut log, &[b"b"]), [10]);
    assert_eq!(read_all(&mut log), [b"b"]);
    assert!(root.path().join("x.seg").exists());
}

#[test]
fn with_fsync_the_same_holds() {
    let root = tempfile::tempdir().unwrap();
    let policy = Policy { fsync: true, ..POLICY };
    append(&mut open_with(root.path(), policy), &[b"a", b"b"]);
    assert_eq!(read_all(&mut open_with(root.path(), policy)), [b"a", b"b"]);
}

/// What happens to a file.
#[derive(Clone, Debug)]
enum Harm {
    Flip { at: usize, bits: u8 },
    Zero { at: usize, length: usize },
    Fill { at: usize, bytes: Vec<u8> },
    Cut { at: usize },
}

fn harms() -> impl Strategy<Value = Vec<Harm>> {
    let harm = prop_oneof![
        (any::<usize>(), 1u8..).prop_map(|(at, bits)| Harm::Flip { at, bits }),
        (any::<usize>(), 1usize..300).prop_map(|(at, length)| Harm::Zero { at, length }),
        (any::<usize>(), prop::collection::vec(any::<u8>(), 1..100)).prop_map(|(at, bytes)| Harm::Fill { at, bytes }),
        any::<usize>().prop_map(|at| Harm::Cut { at }),
    ];
    prop::collection::vec(harm, 0..5)
}

/// Does it; gives what is no longer as it was.
fn inflict(file: &File, harm: &Harm) -> std::ops::Range<u64> {
    let size = file.metadata().unwrap().len();
    let place = |at: &usize| *at as u64 % size.max(1);
    let (at, bytes) = match harm {
        Harm::Cut { at } => {
            file.set_len(place(at)).unwrap();
            return place(at)..u64::MAX;
        }
        Harm::Flip { at, bits } => {
            let mut byte = [0];
            file.read_at(&mut byte, place(at)).unwrap();
            (place(at), vec![byte[0] ^ bits])
        }
        Harm::Zero { at, length } => (place(at), vec![0; *length]),
        Harm::Fill { at, bytes } => (place(at), bytes.clone()),
    };
    let length = (bytes.len() as u64).min(size - at);
    file.write_all_at(&bytes[..length as usize], at).unwrap();
    at..at + length
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever happens to a file, every record that it does not touch is read, in order, and nothing that was never written.
    #[test]
    fn damage_costs_what_it_touches_and_nothing_else(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 1..20),
        harms in harms(),
    ) {
        let root = tempfile::tempdir().unwrap();
        let mut log = open(root.path());
        let numbered: Vec<Vec<u8>> = payloads.iter().enumerate().map(|(index, payload)| {
            // Told apart, and with something like a record inside.
            let mut numbered = vec![index as u8];
            numbered.extend_from_slice(payload);
            numbered
        }).collect();
        let receipts = append(&mut log, &numbered.iter().map(Vec::as_slice).collect::<Vec<_>>());
        drop(log);
        let file = OpenOptions::new().read(true).write(true).open(&segments(root.path())[0]).unwrap();
        let touched: Vec<_> = harms.iter().map(|harm| inflict(&file, harm)).collect();
        let spared: Vec<Vec<u8>> = receipts.iter().zip(&numbered).filter(|(receipt, _)| {
            let record = receipt.at..receipt.at + record_bytes(receipt.length());
            touched.iter().all(|harm| harm.end <= record.start || record.end <= harm.start)
        }).map(|(_, payload)| payload.clone()).collect();
        let mut log = open(root.path());
        store(&mut log, &[b"after"]);
        let mut read = read_all(&mut log);
        prop_assert_eq!(read.pop(), Some(b"after".to_vec()));
        // A record that was touched where nothing depends on it may be there as well.
        prop_assert!(read.iter().all(|payload| numbered.contains(payload)));
        prop_assert!(read.is_sorted_by_key(|payload| payload[0]));
        for payload in spared {
            prop_assert!(read.contains(&payload));
        }
        prop_assert_eq!(log.unread(), Tally::default());
    }

    /// Whatever is done to a log, it holds what a list would hold, also after it was opened again at any point.
    #[test]
    fn a_log_does_as_a_list(steps in prop::collection::vec((0u8..6, any::<usize>()), 1..60)) {
        let root = tempfile::tempdir().unwrap();
        let mut log = open(root.path());
        let (mut live, mut held) = (Vec::<u32>::new(), Vec::<(u32, Receipt)>::new());
        let mut next = 0u32;
        for (step, number) in steps {
            match step {
                0 | 1 => {
                    let count = number % 4 + 1;
                    for value in next..next + count as u32 {
                        log.stage(1, 2, 0, |out| {
                            out.extend_from_slice(&value.to_le_bytes());
                            out.resize(out.len() + number % 9000, 0);
                        }).unwrap();
                    }
                    let receipts = log.commit().unwrap();
                    prop_assert_eq!(receipts.len(), count);
                    for (offset, receipt) in receipts.into_iter().enumerate() {
                        let value = next + offset as u32;
                        live.push(value);
                        if step == 1 {
                            held.push((value, receipt));
                        } else {
                            log.leave(receipt);
                        }
                    }
                    next += count as u32;
                }
                2 => {
                    let expected = live.iter().find(|value| held.iter().all(|(other, _)| other != *value)).copied();
                    let read = log.read();
                    let value = read.as_ref().map(|record| u32::from_le_bytes(*record.payload.first_chunk().unwrap()));
                    prop_assert_eq!(value, expected);
                    held.extend(read.map(|record| (expected.unwrap(), record.receipt)));
                }
                3 | 4 if !held.is_empty() => {
                    let (value, receipt) = held.swap_remove(number % held.len());
                    log.done(receipt).unwrap();
                    live.retain(|other| *other != value);
                }
                5 => {
                    drop(log);
                    log = open(root.path());
                    held.clear();
                }
                _ => {}
            }
            prop_assert_eq!(log.unread().records as usize, live.len() - held.len());
            prop_assert_eq!(log.unread().items as usize, 2 * (live.len() - held.len()));
        }
        prop_assert_eq!(log.damages(), []);
    }
}
