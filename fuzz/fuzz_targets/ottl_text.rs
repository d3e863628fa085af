//! Any text as statement, condition and value of OTTL: reading it refuses or yields a tree; what compiles in some context runs without a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use warren_ottl::syntax::{parse_condition, parse_value};
use warren_ottl::{Context, ErrorMode, Failed, Observer, compile, compile_conditions, generate};
use warren_pdata::Signal;

struct Deaf;

impl Observer for Deaf {
    fn failed(&mut self, failed: &Failed) {
        let _ = failed.to_string();
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = parse_condition(text);
    let _ = parse_value(text);
    for signal in Signal::ALL {
        for context in Context::of(signal) {
            match compile(signal, Some(*context), &[], &[text]) {
                Ok(group) => {
                    let _ = group.run(&mut generate::batch(signal), ErrorMode::Ignore, &mut group.memo(), &mut Deaf);
                }
                Err(faults) => drop(faults.iter().map(ToString::to_string).collect::<String>()),
            }
            let _ = compile_conditions(*context, &[text]);
        }
        let _ = compile(signal, None, &[], &[text]);
    }
});
