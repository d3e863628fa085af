use super::*;
use minisign::KeyPair;
use std::fs;
use std::io::Cursor;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use warren_opamp::{DownloadableFile, Hash, Header, Headers, PackageAvailable};
use warren_package::Label;

const PROGRAM: &[u8] = b"#!/bin/sh\nexit 0\n";

/// A host whose collector is version 1.0.0, and who is trusted there.
struct Scene {
    root: tempfile::TempDir,
    pair: KeyPair,
    slots: Slots,
}

fn scene() -> Scene {
    let root = tempfile::tempdir().unwrap();
    let slots = Slots::at(root.path().join("slots"));
    fs::write(root.path().join("host"), PROGRAM).unwrap();
    fs::set_permissions(root.path().join("host"), fs::Permissions::from_mode(0o755)).unwrap();
    slots.prepare(Some(&root.path().join("host"))).unwrap();
    let pair = KeyPair::generate_unencrypted_keypair().unwrap();
    fs::write(root.path().join("keys"), pair.pk.to_box().unwrap().into_string()).unwrap();
    Scene { root, pair, slots }
}

fn label(program: &[u8]) -> Label {
    Label {
        name: COLLECTOR.into(),
        version: "1.1.0".into(),
        os: std::env::consts::OS.into(),
        arch: architecture().into(),
        sha256: warren_package::sha256(program),
        built: 0,
        expires: 99_999_999_999,
        allow_downgrade: false,
    }
}

/// What opens the door of a server.
fn access() -> Access {
    let mut config = Config::default();
    config.server.ws = Some(crate::config::Connection { endpoint: "ws://warren:4320/v1/opamp".into(), ..Default::default() });
    config.warren.enrolment_token = warren_config::Secret::new("mine");
    Access::new(&config, None).unwrap()
}

impl Scene {
    fn packages(&self, slot: &str, version: &str) -> Packages {
        let config = PackageConfig {
            trusted_keys_file: self.keys().display().to_string(),
            jitter: Duration::ZERO,
            ..PackageConfig::default()
        };
        let client = Client::new(ClientSettings::default()).unwrap();
        let (slot, version) = (slot.to_owned(), version.to_owned());
        let offer = install::offer_of(&self.slots, &slot);
        Packages { config, slots: self.slots.clone(), slot, version, offer, client, progress: Arc::default(), work: None }
    }

    fn keys(&self) -> PathBuf {
        self.root.path().join("keys")
    }

    fn sign(&self, pair: &KeyPair, program: &[u8], label: &Label) -> String {
        let comment = label.to_string();
        minisign::sign(Some(&pair.pk), &pair.sk, Cursor::new(program), Some(&comment), None).unwrap().into_string()
    }

    fn package(&self, label: &Label, signature: String) -> PackageAvailable {
        let content_hash = (0..32).map(|at| u8::from_str_radix(&label.sha256[2 * at..2 * at + 2], 16).unwrap()).collect();
        PackageAvailable {
            version: label.version.clone(),
            hash: Hash::default().with(label.version.as_bytes()).finish(),
            file: Some(DownloadableFile {
                download_url: "http://127.0.0.1:1/x".into(),
                content_hash,
                signature: signature.into_bytes(),
                headers: None,
            }),
            ..PackageAvailable::default()
        }
    }

    /// What becomes of a file that was fetched for an offer.
    fn placed(&self, program: &[u8], label: &Label, signature: String) -> Result<Goods, String> {
        let goods = self.packages(INITIAL, "1.0.0").goods(&self.package(label, signature))?;
        let path = self.root.path().join("fetched");
        fs::write(&path, program).unwrap();
        let placed = goods.put_in_place(&path);
        assert!(!path.exists(), "neither is it fetched on, nor left lying");
        placed.map(|()| goods)
    }
}

#[test]
fn what_is_good_is_in_its_slot_with_what_vouches_for_it() {
    let scene = scene();
    let label = label(PROGRAM);
    let goods = scene.placed(PROGRAM, &label, scene.sign(&scene.pair, PROGRAM, &label)).unwrap();
    let slot = label.slot();
    assert!(scene.slots.has(&slot) && goods.known().unwrap());
    assert_eq!(install::label_of(&scene.slots, &slot), Some(label));
    assert_eq!(install::offer_of(&scene.slots, &slot), goods.offer);
    scene.slots.ask(&slot).unwrap();
}

#[test]
fn what_is_not_good_is_refused_and_not_kept() {
    let scene = scene();
    let (good, stranger) = (label(PROGRAM), KeyPair::generate_unencrypted_keypair().unwrap());
    let sign = |label: &Label| scene.sign(&scene.pair, PROGRAM, label);
    let other = Label { sha256: label(b"other").sha256, ..good.clone() };
    for (program, label, signature, says) in [
        (PROGRAM, good.clone(), scene.sign(&stranger, PROGRAM, &good), "not signed by a key that is trusted"),
        (&PROGRAM[1..], good.clone(), sign(&good), "not that of this file"),
        (PROGRAM, Label { version: "1.2.0".into(), ..good.clone() }, sign(&good), "offered as version"),
        (PROGRAM, good.clone(), sign(&other), "offered as content"),
        (
            PROGRAM,
            Label { arch: "riscv64".into(), ..good.clone() },
            sign(&Label { arch: "riscv64".into(), ..good.clone() }),
            "machine",
        ),
        (PROGRAM, Label { expires: 1, ..good.clone() }, sign(&Label { expires: 1, ..good.clone() }), "which is over"),
        (
            PROGRAM,
            Label { version: "0.9.0".into(), ..good.clone() },
            sign(&Label { version: "0.9.0".into(), ..good.clone() }),
            "older",
        ),
        (PROGRAM, good.clone(), "nonsense".to_owned(), "malformed"),
    ] {
        let _ = fs::remove_file(scene.root.path().join("fetched"));
        let refused = scene.packages(INITIAL, "1.0.0").goods(&scene.package(&label, signature.clone()));
        let error = match refused {
            Err(error) => error,
            Ok(_) => scene.placed(program, &label, signature).err().unwrap(),
        };
        assert!(error.contains(says), "{says}: {error}");
        assert!(!scene.slots.has(&label.slot()));
    }
    fs::write(scene.keys(), "").unwrap();
    assert!(scene.placed(PROGRAM, &good, sign(&good)).err().unwrap().contains("there is none"));
}

#[test]
fn what_the_disk_does_not_let_happen_is_told_with_the_place() {
    let scene = scene();
    let label = label(PROGRAM);
    let package = scene.package(&label, scene.sign(&scene.pair, PROGRAM, &label));
    let goods = scene.packages(INITIAL, "1.0.0").goods(&package).unwrap();
    let lost = scene.root.path().join("lost");
    assert!(goods.put_in_place(&lost).unwrap_err().starts_with(&format!("{}: ", lost.display())));
    let path = scene.root.path().join("fetched");
    fs::write(&path, PROGRAM).unwrap();
    fs::remove_dir_all(scene.slots.path().join("versions")).unwrap();
    assert!(goods.put_in_place(&path).unwrap_err().starts_with(&format!("{}: ", scene.slots.path().display())));
}

#[test]
fn what_has_run_here_may_be_run_again_though_it_is_older() {
    let scene = scene();
    let (old, new) = (label(PROGRAM), Label { version: "1.2.0".into(), ..label(b"new") });
    scene.placed(b"new", &new, scene.sign(&scene.pair, b"new", &new)).unwrap();
    scene.slots.commit(&new.slot()).unwrap();
    scene.placed(PROGRAM, &old, scene.sign(&scene.pair, PROGRAM, &old)).unwrap();
    let again = |slot: &str| {
        let packages = scene.packages(slot, "1.2.0");
        packages.goods(&scene.package(&old, scene.sign(&scene.pair, PROGRAM, &old))).unwrap().known()
    };
    // It only lies here.
    assert_eq!(again(&new.slot()), Ok(false), "it is fetched again, and refused then");
    scene.slots.commit(&old.slot()).unwrap();
    scene.slots.commit(&new.slot()).unwrap();
    assert_eq!(again(&new.slot()), Ok(true));
    fs::write(scene.slots.program(&old.slot()), "damaged").unwrap();
    assert!(again(&new.slot()).unwrap_err().contains("not good any more"));
}

#[test]
fn what_has_failed_here_is_tried_again_only_if_somebody_wants_it() {
    let scene = scene();
    let label = label(PROGRAM);
    let mut goods = scene.placed(PROGRAM, &label, scene.sign(&scene.pair, PROGRAM, &label)).unwrap();
    scene.slots.fail(&label.slot(), "exit status 1\npassword=hunter2").unwrap();
    let error = goods.known().unwrap_err();
    assert!(error.contains("failed here before: exit status 1") && !error.contains("hunter2"), "{error}");
    goods.offer = b"another try".to_vec();
    assert_eq!(goods.known(), Ok(true));
    assert_eq!(scene.slots.bad(&label.slot()), None);
}

#[test]
fn what_became_of_a_version_is_told_by_whoever_runs_afterwards() {
    let scene = scene();
    let label = label(PROGRAM);
    scene.placed(PROGRAM, &label, scene.sign(&scene.pair, PROGRAM, &label)).unwrap();
    let slot = label.slot();
    let seek = |state: PackageState| {
        Some(Sought {
            slot: slot.clone(),
            version: "1.1.0".into(),
            hash: b"h".to_vec(),
            state: state as i32,
            ..Sought::default()
        })
    };
    let (mut old, mut new) = (scene.packages(INITIAL, "1.0.0"), scene.packages(&slot, "1.1.0"));
    let mut sought = seek(PackageState::Installing);
    scene.slots.ask(&slot).unwrap();
    assert!(!old.look(&mut sought) && !new.look(&mut sought), "it is asked for, and then tried");
    let told = new.statuses(sought.as_ref()).packages.remove(COLLECTOR).unwrap();
    assert_eq!((told.agent_has_version.as_str(), told.status), ("1.1.0", PackageState::Installing as i32));
    scene.slots.commit(&slot).unwrap();
    assert!(new.look(&mut sought));
    assert_eq!(sought.as_ref().unwrap().state, PackageState::Installed as i32);
    // Later it does not hold.
    for _ in 0..3 {
        scene.slots.crashed("signal: 9").unwrap();
    }
    assert!(old.look(&mut sought));
    let told = old.statuses(sought.as_ref()).packages.remove(COLLECTOR).unwrap();
    assert_eq!(told.status, PackageState::InstallFailed as i32);
    assert!(told.error_message.contains("3 times") && told.agent_has_version == "1.0.0", "{told:?}");
    assert!(!old.look(&mut sought), "told once");
    // What was cut off while it was fetched is offered again.
    let mut cut_off = seek(PackageState::Downloading);
    assert!(old.look(&mut cut_off) && cut_off.is_none());
    let mut forgotten = seek(PackageState::Installing);
    scene.slots.forgive(&slot).unwrap();
    assert!(old.look(&mut forgotten));
    assert!(forgotten.unwrap().error.contains("has not started it"));
}

#[tokio::test]
async fn a_return_to_what_the_host_came_with_that_was_cut_off_is_gone_on_with() {
    let scene = scene();
    let access = access();
    let offer = PackagesAvailable { all_packages_hash: b"none".to_vec(), ..PackagesAvailable::default() };
    let mut sought = Some(scene.packages("two", "2.0.0").offered(&offer, &access));
    let before = sought.clone();
    assert_eq!(before.as_ref().unwrap().state, PackageState::InstallPending as i32);
    // This process ends meanwhile. Its successor still knows the offer, and looks at what there is to return to.
    let mut next = scene.packages("two", "2.0.0");
    assert!(!next.look(&mut sought) && sought == before && next.work.is_some());
    next.next().await.unwrap();
    // Where it has been returned to, that is told.
    assert!(scene.packages(INITIAL, "1.0.0").look(&mut sought));
    assert_eq!(sought.unwrap().state, PackageState::Installed as i32);
}

#[test]
fn the_version_that_runs_is_told_with_the_offer_that_it_was_last_offered_by() {
    let scene = scene();
    let label = label(PROGRAM);
    let signature = scene.sign(&scene.pair, PROGRAM, &label);
    let first = scene.placed(PROGRAM, &label, signature.clone()).unwrap().offer;
    let mut packages = scene.packages(&label.slot(), "1.1.0");
    let told = |packages: &Packages| packages.statuses(None).packages.remove(COLLECTOR).unwrap().agent_has_hash;
    assert_eq!(told(&packages), first);
    let again = PackageAvailable { hash: b"once more".to_vec(), ..scene.package(&label, signature) };
    let offer = PackagesAvailable { packages: [(COLLECTOR.to_owned(), again)].into(), ..PackagesAvailable::default() };
    let sought = packages.offered(&offer, &access());
    assert_eq!(sought.state, PackageState::Installed as i32);
    assert_eq!((told(&packages), told(&scene.packages(&label.slot(), "1.1.0"))), (b"once more".to_vec(), b"once more".to_vec()));
}

#[test]
fn the_servers_credential_goes_to_the_server_alone() {
    let access = access();
    let sent = |url: &str, offered| headers(&Url::parse(url).unwrap(), &access, offered);
    assert!(sent("http://warren:4320/v1/packages/x", None).unwrap().contains_key("authorization"));
    for url in [
        "http://warren/x",
        "https://warren:4320/x",
        "http://other:4320/x",
        "http://warren.other:4320/x",
        "https://warren.other:4320/x",
        "http://warren:4320@other/x",
    ] {
        assert!(sent(url, None).unwrap().is_empty(), "{url}");
    }
    let offered = Headers { headers: vec![Header { key: "X-Key".into(), value: "k".into() }] };
    assert_eq!(sent("https://store/x", Some(offered)).unwrap()["x-key"], "k");
    assert!(sent("file:///etc/passwd", None).is_err());
}
