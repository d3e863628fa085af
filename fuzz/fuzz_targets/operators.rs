//! Any text as what an operator is told to do, and any text as the record that it does it with: it is refused, or works without a panic and in
//! bounded time.
//!
//! Input: what kind of setting the first text is, that text, and the record.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::time::Instant;
use warren_config::{Block, Diagnostics, Fields, decode_settings, parse_yaml};
use warren_pdata::{Attrs, LogRecord, Value};
use warren_stanza::{Entry, Failure, Operators, Sink};

/// Operators with a place for the text, which stands in double quotes.
const KINDS: [&str; 12] = [
    "{type: filter, expr: TEXT}",
    "{type: add, field: attributes.x, value: TEXT}",
    "{type: time_parser, parse_from: body.MESSAGE, layout_type: gotime, layout: TEXT}",
    "{type: time_parser, parse_from: body.MESSAGE, layout_type: strptime, layout: TEXT}",
    "{type: time_parser, parse_from: body.MESSAGE, layout: '%Y-%m-%d %H:%M:%S', location: TEXT}",
    "{type: move, from: body.MESSAGE, to: TEXT}",
    "{type: copy, from: TEXT, to: attributes.x}",
    "{type: remove, field: TEXT}",
    "{type: regex_parser, parse_from: body.MESSAGE, regex: TEXT}",
    "{type: regex_replace, field: body.MESSAGE, regex: '(\\w+)(?P<n>.)', replace_with: TEXT}",
    "{type: key_value_parser, parse_from: body.MESSAGE, pair_delimiter: TEXT}",
    "{type: severity_parser, parse_from: body.MESSAGE, mapping: {error: TEXT}}",
];

#[derive(Default)]
struct Config {
    operators: Operators,
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.custom("operators", &mut self.operators);
    }
}

#[derive(Default)]
struct Out(usize);

impl Sink for Out {
    fn entry(&mut self, _: Entry) {
        self.0 += 1;
    }

    fn failed(&mut self, failure: Failure<'_>) {
        assert!(!failure.dropped);
    }

    fn unrouted(&mut self, _: &str) {}
}

/// A text in double quotes, as YAML reads it.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        if c.is_ascii_alphanumeric() { out.push(c) } else { out.push_str(&format!("\\U{:08X}", u32::from(c))) }
    }
    out.push('"');
    out
}

fuzz_target!(|input: (u8, &str, &str)| {
    let (kind, setting, message) = input;
    let kind = usize::from(kind) % KINDS.len();
    let yaml = format!("operators: [{}]", KINDS[kind].replace("TEXT", &quoted(setting)));
    let Ok(tree) = parse_yaml("fuzz", &yaml) else { return };
    let (mut config, mut diagnostics) = (Config::default(), Diagnostics::new());
    decode_settings(&tree, &mut config, &mut diagnostics);
    let Ok(Some(mut chain)) = config.operators.compile() else { return };
    let mut record = LogRecord { observed_time: 1_795_852_800_000_000_000, ..LogRecord::default() };
    record.body = Value::Map(Attrs::from([("MESSAGE", message), ("PRIORITY", "6")]));
    let (mut out, now) = (Out::default(), Instant::now());
    chain.push(Entry { record, mark: 1, ..Entry::default() }, now, &mut out);
    chain.flush_all(now, &mut out);
    assert!(kind == 0 || out.0 == 1);
});
