//! Any rules on any labels: compiling refuses or yields a program, and applying it ends without a panic.
//!
//! Input: lines. The first line is the action, then source labels (comma-separated), separator, regex,
//! target label, replacement; each further line is `name=value`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use warren_scrape::labels::Labels;
use warren_scrape::relabel::{Action, Program, Rule};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.lines();
    let mut next = || lines.next().unwrap_or_default();
    let rule = Rule {
        action: Action::from_name(next()),
        source_labels: Some(next().split(',').map(str::to_owned).collect()).filter(|labels: &Vec<String>| labels != &[""]),
        separator: next().to_owned(),
        regex: Some(next()).filter(|regex| !regex.is_empty()).map(str::to_owned),
        target_label: next().to_owned(),
        replacement: next().to_owned(),
        modulus: 7,
    };
    let mut labels: Labels = lines.filter_map(|line| line.split_once('=')).collect();
    if let Ok(program) = Program::new(&[rule]) {
        let _ = program.apply(&mut labels);
        labels.sort();
        labels.hash();
    }
});
