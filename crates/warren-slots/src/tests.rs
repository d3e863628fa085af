use super::*;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

struct Scene {
    directory: tempfile::TempDir,
    slots: Slots,
}

/// Version `initial` is run, and version `two` is there.
fn scene() -> Scene {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("came-with-the-host");
    executable(&program, "one");
    let slots = Slots::at(directory.path().join("slots"));
    slots.prepare(Some(&program)).unwrap();
    let scene = Scene { directory, slots };
    scene.put("two");
    scene
}

fn executable(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}

impl Scene {
    fn put(&self, name: &str) {
        fs::create_dir_all(self.slots.slot(name)).unwrap();
        executable(&self.slots.program(name), name);
    }

    fn runs(&self) -> (String, bool) {
        let run = self.slots.begin().unwrap();
        (run.name, run.trial)
    }

    /// A copy of the directory as it is at this instant.
    fn cut(&self, number: usize) -> Slots {
        let to = self.directory.path().join(format!("cut-{number}"));
        let copied = std::process::Command::new("cp").arg("-a").arg(self.slots.path()).arg(&to).status().unwrap();
        assert!(copied.success());
        Slots::at(to)
    }
}

#[test]
fn what_the_host_came_with_is_run_until_another_version_was_tried_and_is_well() {
    let scene = scene();
    assert_eq!(scene.runs(), (INITIAL.to_owned(), false));
    scene.slots.ask("two").unwrap();
    assert_eq!(scene.runs(), ("two".to_owned(), true));
    assert_eq!(scene.slots.current().as_deref(), Some(INITIAL), "while it is tried, the former would be started");
    scene.slots.commit("two").unwrap();
    assert_eq!(scene.runs(), ("two".to_owned(), false));
    assert_eq!((scene.slots.previous().as_deref(), scene.slots.next()), (Some(INITIAL), None));
    // And back.
    scene.slots.ask(INITIAL).unwrap();
    assert_eq!(scene.runs(), (INITIAL.to_owned(), true));
    scene.slots.commit(INITIAL).unwrap();
    assert_eq!((scene.runs(), scene.slots.previous().as_deref()), ((INITIAL.to_owned(), false), Some("two")));
}

#[test]
fn what_failed_is_not_tried_again_until_it_is_forgiven() {
    let scene = scene();
    scene.slots.ask("two").unwrap();
    scene.runs();
    scene.slots.fail("two", "exit status 1").unwrap();
    assert_eq!((scene.runs(), scene.slots.bad("two").as_deref()), ((INITIAL.to_owned(), false), Some("exit status 1")));
    scene.slots.ask("two").unwrap();
    assert_eq!(scene.runs(), (INITIAL.to_owned(), false));
    scene.slots.forgive("two").unwrap();
    scene.slots.ask("two").unwrap();
    assert_eq!(scene.runs(), ("two".to_owned(), true));
    assert!(scene.slots.ask("three").is_err(), "what is not there cannot be asked for");
}

#[test]
fn a_trial_that_nobody_saw_the_end_of_has_failed_and_one_that_was_put_off_has_not() {
    let scene = scene();
    scene.slots.ask("two").unwrap();
    assert!(scene.slots.begin().unwrap().trial);
    scene.slots.postpone().unwrap();
    assert_eq!(scene.runs(), ("two".to_owned(), true));
    assert_eq!(scene.runs(), (INITIAL.to_owned(), false));
    assert_eq!(scene.slots.bad("two").as_deref(), Some(INTERRUPTED));
}

#[test]
fn what_is_asked_for_during_a_trial_is_tried_afterwards_whatever_became_of_that() {
    for end in ["fail", "commit", "cut off"] {
        let scene = scene();
        scene.put("three");
        scene.slots.ask("two").unwrap();
        assert_eq!(scene.runs(), ("two".to_owned(), true));
        scene.slots.ask("three").unwrap();
        match end {
            "fail" => scene.slots.fail("two", "exit status 1").unwrap(),
            "commit" => scene.slots.commit("two").unwrap(),
            _ => {}
        }
        assert_eq!(scene.runs(), ("three".to_owned(), true), "{end}");
    }
}

#[test]
fn a_trial_is_over_also_if_it_cannot_be_written_down_what_was_wrong() {
    let scene = scene();
    scene.slots.ask("two").unwrap();
    scene.runs();
    fs::remove_dir(scene.slots.path().join("bad")).unwrap();
    assert!(scene.slots.fail("two", "exit status 1").is_err());
    assert_eq!(scene.runs(), (INITIAL.to_owned(), false));
    assert_eq!(scene.slots.next(), None);
}

#[test]
fn whatever_is_cut_off_leaves_something_that_starts() {
    // Each step of a trial that ends well and of one that does not, as the renames come.
    let scene = scene();
    let slots = &scene.slots;
    let steps: [&dyn Fn(); 7] = [
        &|| slots.ask("two").unwrap(),
        &|| drop(slots.begin().unwrap()),
        &|| slots.point("previous", INITIAL).unwrap(),
        &|| slots.write(&slots.path().join("probation"), "0").unwrap(),
        &|| slots.point("current", "two").unwrap(),
        &|| slots.unlink("next").unwrap(),
        &|| slots.unlink("trying").unwrap(),
    ];
    for (number, step) in steps.iter().enumerate() {
        step();
        // A link that was only begun, and a file that was only begun, are in nobody's way.
        let cut = scene.cut(number);
        let _ = symlink("nowhere", cut.path().join(".current.new"));
        fs::write(cut.path().join(".unfinished"), "half").unwrap();
        cut.prepare(None).unwrap();
        let run = cut.begin().unwrap();
        assert!(cut.has(&run.name), "after step {number}: {run:?}");
        assert_eq!(run.trial, number == 0, "after step {number}: {run:?}");
        assert_eq!(run.name == "two", number == 0 || number >= 4, "after step {number}: {run:?}");
        if run.trial {
            cut.commit(&run.name).unwrap();
        }
        assert_eq!(cut.begin().unwrap(), Run { name: run.name, trial: false });
    }
}

#[test]
fn a_version_that_is_new_in_its_place_and_does_not_hold_gives_way_to_the_one_before() {
    let scene = scene();
    assert_eq!(scene.slots.crashed("signal").unwrap(), Crashed::Again, "of what was always there nobody knows better");
    scene.slots.ask("two").unwrap();
    scene.runs();
    scene.slots.commit("two").unwrap();
    assert_eq!(scene.slots.crashed("signal").unwrap(), Crashed::Again);
    assert_eq!(scene.slots.crashed("signal").unwrap(), Crashed::Again);
    assert_eq!(scene.slots.crashed("signal").unwrap(), Crashed::Reverted);
    assert_eq!(scene.runs(), (INITIAL.to_owned(), false));
    assert!(scene.slots.bad("two").unwrap().contains("3 times"));
}

#[test]
fn a_version_that_has_held_is_run_again_however_often_it_ends() {
    let scene = scene();
    scene.slots.ask("two").unwrap();
    scene.runs();
    scene.slots.commit("two").unwrap();
    scene.slots.proven().unwrap();
    for _ in 0..5 {
        assert_eq!(scene.slots.crashed("signal").unwrap(), Crashed::Again);
    }
    assert_eq!(scene.runs(), ("two".to_owned(), false));
    // If its file is lost, or cannot be executed, there is still one before.
    let program = scene.slots.program("two");
    let harms: [&dyn Fn(); 3] = [
        &|| fs::set_permissions(&program, Permissions::from_mode(0o644)).unwrap(),
        &|| fs::write(&program, "").unwrap(),
        &|| fs::remove_file(&program).unwrap(),
    ];
    for harm in harms {
        executable(&program, "two");
        assert_eq!(scene.runs(), ("two".to_owned(), false));
        harm();
        assert_eq!(scene.runs(), (INITIAL.to_owned(), false));
    }
}

#[test]
fn only_what_may_be_run_again_is_kept() {
    let scene = scene();
    for name in ["three", "four", ".five.new"] {
        scene.put(name);
    }
    scene.slots.ask("two").unwrap();
    scene.slots.tidy("three").unwrap();
    let left = |name: &str| scene.slots.slot(name).exists();
    assert!(left("two") && left("three") && left(INITIAL) && !left("four") && !left(".five.new"));
    for number in 0..2 * BAD_MAX {
        scene.slots.fail(&format!("v{number}"), "bad").unwrap();
    }
    assert_eq!(fs::read_dir(scene.slots.path().join("bad")).unwrap().count(), BAD_MAX);
}

#[test]
fn names_are_those_of_directories() {
    for name in ["", "..", ".a", "a/b", "a b", &"a".repeat(201)] {
        assert!(!is_name(name), "{name:?}");
    }
    assert!(is_name("1.2.3-rc.1+build_7-0123456789abcdef"));
}
