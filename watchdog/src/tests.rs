use super::*;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};
use warren_slots::INITIAL;

/// A program that another thread writes cannot be started: one scene at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// Versions `initial`, `two` and `three`, of which `two` is asked for.
struct Scene {
    root: tempfile::TempDir,
    slots: Slots,
    _alone: MutexGuard<'static, ()>,
}

fn scene() -> Scene {
    let alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let root = tempfile::tempdir().unwrap();
    let slots = Slots::at(root.path().join("slots"));
    let initial = root.path().join("initial");
    script(&initial, "exit 0");
    slots.prepare(Some(&initial)).unwrap();
    let scene = Scene { root, slots, _alone: alone };
    scene.put("two", "exit 0");
    scene.put("three", "exit 0");
    scene.slots.ask("two").unwrap();
    scene
}

fn script(path: &Path, text: &str) {
    std::fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

impl Scene {
    fn put(&self, name: &str, text: &str) {
        std::fs::create_dir_all(self.slots.slot(name)).unwrap();
        script(&self.slots.program(name), text);
    }

    /// Begins what is to be run, and sees to its end or to its place.
    fn attended(&self, patience: Duration, steady: Duration) -> (Run, Result<(), End>) {
        let options = Options {
            directory: self.slots.path().to_owned(),
            state: self.root.path().to_owned(),
            initial: None,
            patience,
            steady,
            probation: Duration::from_secs(3600),
            arguments: Vec::new(),
        };
        let run = self.slots.begin().unwrap();
        let mut signals = child::signals().unwrap();
        let mut child = Child::start(&options, &self.slots, &run.name, &mut signals).unwrap();
        let end = tried(&options, &self.slots, &run, &mut child);
        child.end(ENDING);
        (run, end)
    }

    fn runs(&self) -> (String, bool) {
        let run = self.slots.begin().unwrap();
        (run.name, run.trial)
    }
}

#[test]
fn a_version_that_makes_room_while_it_is_tried_is_not_bad_and_the_one_it_asked_for_is_tried() {
    let scene = scene();
    scene.put("two", "ln -sfn versions/three $WARREN_WATCHDOG/next");
    let (run, end) = scene.attended(Duration::from_secs(60), Duration::from_secs(10));
    assert_eq!(run, Run { name: "two".to_owned(), trial: true });
    let end = end.err().unwrap();
    assert!(matches!(end, End::Ended(_)));
    assert_eq!(concluded(&scene.slots, &run, true, end, ""), Then::Start);
    assert_eq!(scene.slots.bad("two"), None);
    assert_eq!(scene.runs(), ("three".to_owned(), true));
}

#[test]
fn a_version_that_ends_while_it_is_tried_is_bad() {
    let scene = scene();
    let (run, end) = scene.attended(Duration::from_secs(60), Duration::from_secs(10));
    let end = end.err().unwrap();
    assert!(matches!(&end, End::Failed(why) if why.contains("while it was tried")));
    assert_eq!(concluded(&scene.slots, &run, true, end, "its last words"), Then::Start);
    assert!(scene.slots.bad("two").unwrap().ends_with("its last words"));
    assert_eq!(scene.runs(), (INITIAL.to_owned(), false));
}

#[test]
fn a_version_that_has_become_well_in_time_has_all_the_time_it_needs_to_stay_so() {
    let scene = scene();
    scene.put("two", "exec sleep 600");
    let listener = UnixListener::bind(scene.root.path().join("control.sock")).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 256]);
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nwell\n");
        }
    });
    let (run, end) = scene.attended(Duration::ZERO, 2 * LOOK);
    assert!(end.is_ok());
    assert_eq!(scene.slots.current(), Some(run.name));
}

#[test]
fn a_version_that_is_asked_for_and_cannot_be_tried_is_not_run_after_without_a_wait() {
    let scene = scene();
    let run = Run { name: INITIAL.to_owned(), trial: false };
    let ended = || End::Ended(ExitStatus::default());
    assert_eq!(concluded(&scene.slots, &run, true, ended(), ""), Then::Start);
    assert_eq!(concluded(&scene.slots, &run, false, ended(), ""), Then::Wait);
}
