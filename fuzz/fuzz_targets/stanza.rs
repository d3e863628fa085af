//! Any text as the body of a record that goes through every parser: it comes out, once.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::time::Instant;
use warren_config::{Block, Diagnostics, Fields, decode_settings, parse_yaml};
use warren_pdata::LogRecord;
use warren_stanza::{Chain, Entry, Failure, Operators, Sink};

const OPERATORS: &str = r#"
operators:
- {type: json_parser, parse_ints: true, severity: {parse_from: attributes.level}}
- {type: key_value_parser, timestamp: {parse_from: attributes.time, layout: '%Y-%m-%dT%H:%M:%S.%f%j'}}
- {type: regex_parser, regex: '^(?P<a>\d+)?(?P<b>[^=]*)=(?P<c>.*)$', trace: {trace_id: {parse_from: attributes.c}}}
- {type: time_parser, parse_from: body, layout_type: epoch, layout: s.us}
- {type: time_parser, parse_from: body, layout_type: gotime, layout: 'Jan _2 15:04:05.999 MST'}
- {type: severity_parser, parse_from: body, mapping: {error: [5xx, {min: 1, max: 9}]}}
- {type: add, field: attributes.n, value: 'EXPR(attributes.a?.b ?? len(string(body)))'}
- {type: regex_replace, field: body, regex: '(\w)\s', replace_with: '$1$1-'}
- {type: flatten, field: attributes.a}
- {type: recombine, combine_field: body, is_first_entry: 'body matches "^.*x$"'}
"#;

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

fn chain() -> Chain {
    let (mut config, mut diagnostics) = (Config::default(), Diagnostics::new());
    decode_settings(&parse_yaml("fuzz", OPERATORS).expect("YAML"), &mut config, &mut diagnostics);
    config.operators.compile().expect("operators").expect("some")
}

thread_local! {
    static CHAIN: std::cell::RefCell<Chain> = std::cell::RefCell::new(chain());
}

fuzz_target!(|text: &str| {
    CHAIN.with_borrow_mut(|chain| {
        let (mut out, now) = (Out::default(), Instant::now());
        let record = LogRecord { body: text.into(), observed_time: 1_795_852_800_000_000_000, ..LogRecord::default() };
        chain.push(Entry { record, mark: 1, ..Entry::default() }, now, &mut out);
        chain.flush_all(now, &mut out);
        assert_eq!(out.0, 1);
    });
});
