//! Packages: signatures, trusted comments, keys and versions are read or refused, and a comment that was read is written as it was.

#![no_main]

use libfuzzer_sys::fuzz_target;
use warren_package::{Keys, Label, compare, signed_label};

/// A key of nobody.
const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(label) = Label::parse(text) {
        assert_eq!(label.to_string(), text);
        assert!(!label.slot().contains('/') && !label.slot().starts_with('.'));
    }
    let _ = Keys::parse(text);
    let _ = signed_label(text);
    let keys = Keys::parse(KEY).expect("it is a key");
    assert!(keys.verify(text, bytes).is_err(), "nobody has signed this");
    let (one, other) = text.split_once(' ').unwrap_or((text, ""));
    assert_eq!(compare(one, other), compare(other, one).reverse());
});
