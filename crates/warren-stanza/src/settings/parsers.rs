//! Settings of parsers.

use super::base::{Base, ParserBase, ScopeName, Severity, Timestamp, Trace};
use super::{Compile, Settings};
use crate::work::{Work, json, key_value, pattern};
use warren_config::{Block, Fields};
use warren_regex::Regex;

/// `regex_parser`
#[derive(Debug, Default)]
pub(crate) struct RegexParser {
    parser: ParserBase,
    regex: String,
    cache: Cache,
}

/// Accepted as upstream has it: patterns are fast enough without.
#[derive(Debug, Default)]
struct Cache {
    size: u16,
}

impl Block for Cache {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("size", &mut self.size);
    }
}

impl Block for RegexParser {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.squash(&mut self.parser);
        f.scalar("regex", &mut self.regex);
        f.block("cache", &mut self.cache);
    }
}

impl Settings for RegexParser {
    fn base(&self) -> &Base {
        &self.parser.base
    }

    fn compile(&self, cx: &mut Compile<'_>) -> Option<Work> {
        if self.regex.is_empty() {
            return cx.missing("", "regex", "missing required field 'regex'");
        }
        let regex = match Regex::new(&self.regex) {
            Ok(regex) => regex,
            Err(error) => return cx.missing("", "regex", &format!("compiling regex: {error}")),
        };
        if regex.names().all(|name| name.is_none()) {
            let hint = "use named capture groups like '^(?P<my_key>.*)$' to specify the key name for the parsed field";
            cx.fault_of("", "regex", "no named capture groups in regex pattern", Some(hint));
            return None;
        }
        self.parser.compile(pattern::PatternReader::new(regex), cx)
    }
}

/// `json_parser`
#[derive(Debug, Default)]
pub(crate) struct JsonParser {
    parser: ParserBase,
    parse_ints: bool,
}

impl Block for JsonParser {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.squash(&mut self.parser);
        f.scalar("parse_ints", &mut self.parse_ints);
    }
}

impl Settings for JsonParser {
    fn base(&self) -> &Base {
        &self.parser.base
    }

    fn compile(&self, cx: &mut Compile<'_>) -> Option<Work> {
        self.parser.compile(json::JsonReader { ints: self.parse_ints }, cx)
    }
}

/// `key_value_parser`
#[derive(Debug)]
pub(crate) struct KeyValueParser {
    parser: ParserBase,
    delimiter: String,
    pair_delimiter: String,
}

impl Default for KeyValueParser {
    fn default() -> Self {
        Self { parser: ParserBase::default(), delimiter: "=".to_owned(), pair_delimiter: " ".to_owned() }
    }
}

impl Block for KeyValueParser {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.squash(&mut self.parser);
        f.scalar("delimiter", &mut self.delimiter);
        f.scalar("pair_delimiter", &mut self.pair_delimiter);
    }
}

impl Settings for KeyValueParser {
    fn base(&self) -> &Base {
        &self.parser.base
    }

    fn compile(&self, cx: &mut Compile<'_>) -> Option<Work> {
        if self.delimiter == self.pair_delimiter {
            return cx.missing("", "delimiter", "delimiter and pair_delimiter cannot be the same value");
        }
        if self.delimiter.is_empty() {
            return cx.missing("", "delimiter", "delimiter is a required parameter");
        }
        // Upstream takes an empty one for white space.
        let pair_delimiter = if self.pair_delimiter.is_empty() { " " } else { &self.pair_delimiter };
        let reader = key_value::PairsReader { delimiter: self.delimiter.as_str().into(), pair_delimiter: pair_delimiter.into() };
        self.parser.compile(reader, cx)
    }
}

macro_rules! lone {
    ($(#[$doc:meta])* $name:ident, $inner:ty) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub(crate) struct $name {
            base: Base,
            inner: $inner,
        }

        impl Block for $name {
            fn fields(&mut self, f: &mut Fields<'_>) {
                f.squash(&mut self.base);
                f.squash(&mut self.inner);
            }
        }

        impl Settings for $name {
            fn base(&self) -> &Base {
                &self.base
            }

            fn compile(&self, cx: &mut Compile<'_>) -> Option<Work> {
                self.inner.compile("", cx).map(Work::transform)
            }
        }
    };
}

lone!(
    /// `severity_parser`
    SeverityParser,
    Severity
);
lone!(
    /// `time_parser`
    TimeParser,
    Timestamp
);
lone!(
    /// `trace_parser`
    TraceParser,
    Trace
);
lone!(
    /// `scope_name_parser`
    ScopeNameParser,
    ScopeName
);
