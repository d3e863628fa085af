//! Whatever the bytes of a configuration and of a variable it refers to, loading ends with a tree or with findings.
//!
//! A tree that was read must survive being written and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use warren_config::{Fetch, Node, Sections, fingerprint, load, parse_yaml, render, to_json, to_yaml};

struct NoFetch;

impl Fetch for NoFetch {
    fn fetch(&self, _uri: &str, _limit: usize) -> Result<Vec<u8>, String> {
        Err("no network".to_owned())
    }
}

fn read_again(written: &str) -> Node {
    parse_yaml("written", written).unwrap_or_else(|error| panic!("{error}\n{written}"))
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(node) = parse_yaml("fuzz", text) {
        // 1.0 is written as 1, which is another type; from then on nothing may change.
        let again = read_again(&to_yaml(&node));
        let third = read_again(&to_yaml(&again));
        assert_eq!(fingerprint(&third.value), fingerprint(&again.value));
        read_again(&to_json(&node));
    }
    // The first line is the value of every variable, the rest is the configuration.
    let (variable, config) = text.split_once('\n').unwrap_or((text, text));
    // Files are left alone: what stands there is no business of a fuzzer.
    if text.contains("file") {
        return;
    }
    match load(&[format!("yaml:{config}")], &[], &|_| Some(variable.to_owned()), &NoFetch) {
        Err(diagnostics) => drop(render(&diagnostics)),
        Ok(mut loaded) => drop(Sections::split(&loaded.root, &mut loaded.diagnostics)),
    }
});
