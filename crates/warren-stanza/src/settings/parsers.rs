//! Settings of parsers.

use super::base::{Base, ParserBase, ScopeName, Severity, Timestamp, Trace};
use super::{Compile, Settings};
use crate::work::{Work, csv, json, key_value, pattern};
use warren_config::{Block, Fields};
use warren_gotext::csv::Quotes;
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
        // Upstream takes an empty one for white space.
        let pair_delimiter = if self.pair_delimiter.is_empty() { " " } else { &self.pair_delimiter };
        if self.delimiter == pair_delimiter {
            return cx.missing("", "delimiter", "delimiter and pair_delimiter cannot be the same value");
        }
        if self.delimiter.is_empty() {
            return cx.missing("", "delimiter", "delimiter is a required parameter");
        }
        let reader = key_value::PairsReader { delimiter: self.delimiter.as_str().into(), pair_delimiter: pair_delimiter.into() };
        self.parser.compile(reader, cx)
    }
}

/// `csv_parser`
#[derive(Debug, Default)]
pub(crate) struct CsvParser {
    parser: ParserBase,
    header: String,
    header_attribute: String,
    header_delimiter: String,
    delimiter: String,
    lazy_quotes: bool,
    ignore_quotes: bool,
}

impl Block for CsvParser {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.squash(&mut self.parser);
        f.scalar("header", &mut self.header);
        f.scalar("header_attribute", &mut self.header_attribute);
        f.scalar("header_delimiter", &mut self.header_delimiter);
        f.scalar("delimiter", &mut self.delimiter);
        f.scalar("lazy_quotes", &mut self.lazy_quotes);
        f.scalar("ignore_quotes", &mut self.ignore_quotes);
    }
}

impl Settings for CsvParser {
    fn base(&self) -> &Base {
        &self.parser.base
    }

    fn compile(&self, cx: &mut Compile<'_>) -> Option<Work> {
        let quotes = match (self.lazy_quotes, self.ignore_quotes) {
            (false, false) => Quotes::Strict,
            (true, false) => Quotes::Lazy,
            (false, true) => Quotes::Ignored,
            (true, true) => return cx.missing("", "lazy_quotes", "only one of 'ignore_quotes' or 'lazy_quotes' can be true"),
        };
        let or = |text: &str, default: char| match text {
            "" => Some(default),
            text => single(text),
        };
        let Some(delimiter) = or(&self.delimiter, ',') else {
            return cx.missing("", "delimiter", &format!("invalid 'delimiter': '{}'", self.delimiter));
        };
        let Some(between) = or(&self.header_delimiter, delimiter) else {
            return cx.missing("", "header_delimiter", &format!("invalid 'header_delimiter': '{}'", self.header_delimiter));
        };
        let header = match (self.header.as_str(), self.header_attribute.as_str()) {
            ("", "") => return cx.missing("", "header", "missing required field 'header' or 'header_attribute'"),
            ("", attribute) => csv::Header::Attribute(attribute.into(), between),
            (header, "") if header.contains(between) => csv::Header::Names(header.split(between).map(Into::into).collect()),
            (_, "") => return cx.missing("", "header", "missing field delimiter in header"),
            _ => return cx.missing("", "header", "only one header parameter can be set: 'header' or 'header_attribute'"),
        };
        self.parser.compile(csv::RowReader { header, delimiter, quotes }, cx)
    }
}

/// The only character.
fn single(text: &str) -> Option<char> {
    let mut chars = text.chars();
    chars.next().filter(|_| chars.next().is_none())
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
