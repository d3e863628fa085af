use super::*;
use minisign::KeyPair;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use std::cmp::Ordering;
use std::io::Cursor;

const PROGRAM: &[u8] = b"a program";

fn label(program: &[u8]) -> Label {
    let sha256 = Sha256::digest(program).iter().map(|byte| format!("{byte:02x}")).collect();
    Label {
        name: COLLECTOR.into(),
        version: "1.2.0".into(),
        os: "linux".into(),
        arch: "amd64".into(),
        sha256,
        built: 1000,
        expires: 2000,
        allow_downgrade: false,
    }
}

fn pair() -> (KeyPair, Keys) {
    let pair = KeyPair::generate_unencrypted_keypair().unwrap();
    let keys = Keys::parse(&pair.pk.to_box().unwrap().into_string()).unwrap();
    (pair, keys)
}

fn signed(pair: &KeyPair, program: &[u8], comment: &str) -> String {
    minisign::sign(Some(&pair.pk), &pair.sk, Cursor::new(program), Some(comment), None).unwrap().into_string()
}

#[test]
fn what_one_of_those_trusted_has_signed_is_taken() {
    let ((one, _), (other, _)) = (pair(), pair());
    let text = format!("# of the release\n{}\n{}\n", one.pk.to_base64(), other.pk.to_box().unwrap().into_string());
    let keys = Keys::parse(&text).unwrap();
    for pair in [one, other] {
        let signature = signed(&pair, PROGRAM, &label(PROGRAM).to_string());
        assert_eq!(keys.verify(&signature, PROGRAM).unwrap(), label(PROGRAM));
        assert_eq!(signed_label(&signature).unwrap(), label(PROGRAM));
    }
}

#[test]
fn what_a_stranger_has_signed_is_refused() {
    let (_, keys) = pair();
    let signature = signed(&pair().0, PROGRAM, &label(PROGRAM).to_string());
    assert!(matches!(keys.verify(&signature, PROGRAM), Err(Refusal::Stranger)));
}

#[test]
fn another_file_than_the_one_that_was_signed_is_refused() {
    let (pair, keys) = pair();
    let signature = signed(&pair, PROGRAM, &label(PROGRAM).to_string());
    for other in [&b"a progra"[..], b"a programm", b"", b"b program"] {
        assert!(matches!(keys.verify(&signature, other), Err(Refusal::Forged)));
    }
    // Signed, with the hash of something else.
    let signature = signed(&pair, PROGRAM, &label(b"other").to_string());
    assert!(matches!(keys.verify(&signature, PROGRAM), Err(Refusal::Content { .. })));
}

#[test]
fn a_comment_that_was_not_signed_is_refused() {
    let (pair, keys) = pair();
    let signature = signed(&pair, PROGRAM, &label(PROGRAM).to_string());
    for (from, to) in [("1.2.0", "9.9.9"), (" 2000", " 2000000"), (" 2000", " 2000 allow-downgrade"), ("amd64", "arm64")] {
        let changed = signature.replacen(from, to, 1);
        assert_ne!(changed, signature);
        assert!(matches!(keys.verify(&changed, PROGRAM), Err(Refusal::Forged)), "{to}");
    }
    let other = signed(&pair, PROGRAM, "timestamp:1000\tfile:program");
    assert!(matches!(keys.verify(&other, PROGRAM), Err(Refusal::Malformed(_))));
}

#[test]
fn cut_off_and_overlong_signatures_are_refused() {
    let (pair, keys) = pair();
    let signature = signed(&pair, PROGRAM, &label(PROGRAM).to_string());
    for end in 0..signature.trim_end().len() {
        assert!(keys.verify(&signature[..end], PROGRAM).is_err(), "{end}");
    }
    assert!(matches!(keys.verify(&"a".repeat(SIGNATURE_BYTES_MAX + 1), PROGRAM), Err(Refusal::Malformed(_))));
}

#[test]
fn what_is_signed_is_what_was_offered_for_this_machine() {
    let offered = Offered { name: COLLECTOR.into(), version: "1.2.0".into(), sha256: label(PROGRAM).sha256 };
    assert!(label(PROGRAM).fits(&offered, "linux", "amd64").is_ok());
    for (what, result) in [
        ("machine", label(PROGRAM).fits(&offered, "linux", "arm64")),
        ("system", label(PROGRAM).fits(&offered, "freebsd", "amd64")),
        ("version", label(PROGRAM).fits(&Offered { version: "1.3.0".into(), ..offered.clone() }, "linux", "amd64")),
        ("package", label(PROGRAM).fits(&Offered { name: "other".into(), ..offered.clone() }, "linux", "amd64")),
        ("content", label(b"other").fits(&offered, "linux", "amd64")),
    ] {
        assert!(result.unwrap_err().to_string().contains(what), "{what}");
    }
}

#[test]
fn older_and_expired_versions_are_refused() {
    let new = label(PROGRAM);
    assert!(new.may_replace("1.1.9", 1999).is_ok() && new.may_replace("1.2.0", 1999).is_ok());
    assert!(matches!(new.may_replace("1.1.9", 2000), Err(Refusal::Expired { .. })));
    assert!(matches!(new.may_replace("1.10.0", 1999), Err(Refusal::Downgrade { .. })));
    assert!(Label { allow_downgrade: true, ..new }.may_replace("1.10.0", 1999).is_ok());
}

#[test]
fn versions_have_the_order_of_semantic_versions() {
    let order = [
        "0.9.9",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "1.0.1",
        "1.2",
        "1.10.0",
        "99999999999999999999.0",
        "100000000000000000000.0",
    ];
    for (at, one) in order.iter().enumerate() {
        for (other_at, other) in order.iter().enumerate() {
            assert_eq!(compare(one, other), at.cmp(&other_at), "{one} {other}");
        }
    }
    assert_eq!((compare("v1.2.0+a", "1.2+b"), compare("1.02.0", "1.2.0")), (Ordering::Equal, Ordering::Equal));
}

#[test]
fn keys_are_read_and_nothing_else() {
    for text in ["", "# only comments\n", "nonsense", "RWQ"] {
        assert!(Keys::parse(text).is_err(), "{text:?}");
    }
    let key = pair().0.pk.to_base64();
    assert!(Keys::parse(&format!("{key}\n").repeat(33)).is_err());
}

proptest! {
    #[test]
    fn a_comment_is_read_as_it_was_written_or_refused(text in ".{0,200}", words in prop::collection::vec("[a-z0-9.+_-]{1,12}", 0..10)) {
        let _ = Label::parse(&text);
        let _ = signed_label(&text);
        let _ = Keys::parse(&text);
        let comment = words.join(" ");
        if let Ok(label) = Label::parse(&comment) {
            prop_assert_eq!(label.to_string(), comment);
        }
    }

    #[test]
    fn labels_are_read_as_they_were_written(version in "[0-9]{1,3}(\\.[0-9]{1,3}){2}(-[a-z]{1,5})?", built: u32, down: bool) {
        let label = Label { version, built: built.into(), allow_downgrade: down, ..label(PROGRAM) };
        prop_assert_eq!(Label::parse(&label.to_string()).unwrap(), label.clone());
        prop_assert_eq!(compare(&label.version, &label.version), Ordering::Equal);
    }
}
