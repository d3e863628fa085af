//! Any text through the converters that read formats: each ends with a value or a failure, and does not panic.
//!
//! Input: the first byte chooses the converter; the rest is the text, and for XPath and patterns a literal before the first line end.

#![no_main]

use libfuzzer_sys::fuzz_target;
use warren_ottl::Val;
use warren_ottl::function::{Args, Converter, Kind, Literal, Literals};
use warren_ottl::functions::CONVERTERS;

const NAMES: [&str; 20] = [
    "ParseJSON",
    "ParseCSV",
    "ParseKeyValue",
    "URL",
    "UserAgent",
    "Decode",
    "Base64Decode",
    "ExtractGrokPatterns",
    "ParseXML",
    "ParseSimplifiedXML",
    "GetXML",
    "RemoveXML",
    "InsertXML",
    "ConvertAttributesToElementsXML",
    "ConvertTextToElementsXML",
    "Time",
    "Duration",
    "ExtractPatterns",
    "ParseInt",
    "IsMatch",
];

fn converter(name: &str) -> Option<&'static Converter> {
    CONVERTERS.iter().flat_map(|group| group.iter()).find(|converter| converter.name == name)
}

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let (Some(name), Ok(text)) = (NAMES.get(usize::from(*first) % NAMES.len()), std::str::from_utf8(rest)) else { return };
    let Some(converter) = converter(name) else { return };
    let (literal, text) = text.split_once('\n').unwrap_or(("", text));
    let mut literals = Vec::new();
    let mut values = Vec::new();
    for param in converter.params {
        let literal = match param.kind {
            Kind::LitStr if !(param.optional && literal.is_empty()) => Some(Literal::Str(literal.into())),
            _ => None,
        };
        values.push(if literal.is_none() && !param.optional { Val::from(text) } else { Val::Nil });
        literals.push(literal);
    }
    if let Ok(call) = (converter.bind)(&Literals(&literals)) {
        let _ = call.call(Args { values: &values, items: &[] });
    }
});
