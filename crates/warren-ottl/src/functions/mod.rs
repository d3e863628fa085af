//! The converters, a file for each group.

/// A converter without literals: its name, parameters, what it yields, and the call.
macro_rules! converter {
    ($name:literal, $params:expr, $yields:ident, $call:expr) => {
        $crate::function::Converter {
            name: $name,
            params: $params,
            yields: $crate::function::Yields::$yields,
            bind: |_| $crate::functions::call($call),
        }
    };
}

mod case;
mod csv;
mod decode;
pub(crate) mod entries;
mod format;
mod grok;
mod hash;
mod identity;
mod json;
mod key_value;
mod kind;
mod list;
mod number;
mod of_record;
mod pattern;
mod text;
mod time;
mod url;
mod user_agent;
mod xml;

use crate::function::{Args, Call, Converter, RecordConverter};
use crate::record::Failure;
use crate::value::Val;
use warren_pdata::Text;

/// Every converter, group by group.
pub const CONVERTERS: &[&[Converter]] = &[
    case::CONVERTERS,
    csv::CONVERTERS,
    decode::CONVERTERS,
    format::CONVERTERS,
    grok::CONVERTERS,
    hash::CONVERTERS,
    identity::CONVERTERS,
    json::CONVERTERS,
    key_value::CONVERTERS,
    kind::CONVERTERS,
    list::CONVERTERS,
    number::CONVERTERS,
    pattern::CONVERTERS,
    text::CONVERTERS,
    time::CONVERTERS,
    url::CONVERTERS,
    user_agent::CONVERTERS,
    xml::CONVERTERS,
];

/// Every converter that looks at the record.
pub const RECORD_CONVERTERS: &[RecordConverter] = of_record::CONVERTERS;

/// Those of them that upstream has otherwise, in its way.
pub(crate) const ODD_RECORD_CONVERTERS: &[RecordConverter] = of_record::ODD_CONVERTERS;

fn call(function: impl Fn(Args<'_>) -> Result<Val, Failure> + Send + Sync + 'static) -> Result<Call, String> {
    Ok(Call::new(function))
}

/// A text of so many bytes, written where it lies in the end.
fn text_of(bytes: usize, write: impl FnOnce(&mut [u8])) -> Text {
    if bytes == 0 { Text::new() } else { Text::init_with(bytes, write).unwrap_or_default() }
}

/// The longest text that a function makes. Statements that make texts of texts could otherwise double them without end.
pub(crate) const TEXT_BYTES_MAX: usize = warren_gotext::TEXT_BYTES_MAX;

/// Refuses a text of so many bytes that is about to be made, if it is too long.
#[inline]
pub(crate) fn within_bounds(bytes: usize) -> Result<(), Failure> {
    if bytes <= TEXT_BYTES_MAX { Ok(()) } else { Err(too_long(bytes)) }
}

#[cold]
fn too_long(bytes: usize) -> Failure {
    Failure::new(format!("the resulting text would have {bytes} bytes, which is more than {TEXT_BYTES_MAX}"))
}

/// Upstream's name of a type where it prints nothing as `<nil>`.
fn go_type(val: &Val) -> &'static str {
    if val.is_nil() { "<nil>" } else { val.type_name() }
}

#[cfg(test)]
mod tests {
    use super::testing::{map, run};
    use super::{TEXT_BYTES_MAX, Val};

    #[test]
    fn texts_that_are_made_of_texts_do_not_grow_without_end() {
        let quotes = Val::from("\"".repeat(TEXT_BYTES_MAX / 2));
        let letters = Val::from("\u{e9}".repeat(TEXT_BYTES_MAX / 2));
        let twice = map([("a", letters.clone().stored()), ("b", letters.clone().stored())]);
        for (name, arguments) in [
            ("String", vec![map([("a", quotes.stored())])]),
            ("ToKeyValueString", vec![twice]),
            ("Decode", vec![letters, "iso-8859-1".into()]),
        ] {
            let error = run(name, &arguments).unwrap_err();
            assert!(error.contains(&TEXT_BYTES_MAX.to_string()), "{name}: {error}");
        }
    }
}

#[cfg(test)]
mod testing {
    //! Calls converters as the engine does.

    use super::{CONVERTERS, Converter};
    use crate::function::{Args, Kind, Literal, Literals};
    use crate::getter::coerce;
    use crate::value::{ItemType, Val};
    use warren_pdata::{Attrs, Value};

    /// The converter of this name.
    pub(super) fn converter(name: &str) -> &'static Converter {
        CONVERTERS.iter().flat_map(|group| group.iter()).find(|converter| converter.name == name).unwrap()
    }

    /// Binds and calls a converter with positional arguments; literals are given as values, list literals as lists.
    pub(super) fn run(name: &str, arguments: &[Val]) -> Result<Val, String> {
        let converter = converter(name);
        assert!(arguments.len() <= converter.params.len(), "{name} takes no more than {} arguments", converter.params.len());
        let (mut literals, mut values, mut items) = (Vec::new(), Vec::new(), Vec::new());
        for (index, param) in converter.params.iter().enumerate() {
            let argument = arguments.get(index).cloned();
            assert!(argument.is_some() || param.optional, "{name} needs {}", param.name);
            let argument = argument.filter(|argument| !(param.optional && argument.is_nil()));
            let (mut literal, mut value) = (None, Val::Nil);
            match (param.kind, argument) {
                (_, None) => {}
                (Kind::LitStr | Kind::LitInt | Kind::LitFloat | Kind::LitBool | Kind::LitBytes, Some(argument)) => {
                    literal = Some(match argument {
                        Val::Str(text) => Literal::Str(text),
                        Val::Int(value) => Literal::Int(value),
                        Val::Float(value) => Literal::Float(value),
                        Val::Bool(value) => Literal::Bool(value),
                        Val::Bytes(bytes) => Literal::Bytes(bytes.to_vec()),
                        other => panic!("{other:?} is no literal"),
                    });
                }
                (Kind::LitStrs, Some(Val::List(list))) => {
                    literal = Some(Literal::Strs(list.iter().map(|item| item.as_str().unwrap().into()).collect()));
                }
                (Kind::Items | Kind::StrLikeItems, Some(Val::List(list))) => {
                    let kind = if param.kind == Kind::Items { Kind::Any } else { Kind::StrLike };
                    for item in list.iter() {
                        items.push(coerce(kind, item.into()).map_err(|failure| failure.to_string())?);
                    }
                }
                (kind, Some(argument)) => value = coerce(kind, argument).map_err(|failure| failure.to_string())?,
            }
            literals.push(literal);
            values.push(value);
        }
        let call = (converter.bind)(&Literals(&literals))?;
        call.call(Args { values: &values, items: &items }).map_err(|failure| failure.to_string())
    }

    /// As [`run`], the result as text: what tests compare.
    pub(super) fn show(name: &str, arguments: &[Val]) -> String {
        match run(name, arguments) {
            Ok(val) => plain(&val),
            Err(error) => format!("error: {error}"),
        }
    }

    fn plain(val: &Val) -> String {
        match val {
            Val::Nil => "nil".into(),
            Val::Str(text) => format!("{text:?}"),
            Val::Bool(value) => value.to_string(),
            Val::Int(value) => value.to_string(),
            Val::Float(value) => format!("{value:?}"),
            Val::Map(map) => format!("{map:?}"),
            Val::List(items) => format!("{:?}", items.iter().map(|item| plain(&item.into())).collect::<Vec<_>>())
                .replace("\\\"", "\"")
                .replace("\"\"", "\""),
            Val::Typed(ItemType::Str, items) => {
                format!("strings {:?}", items.iter().map(|item| item.as_str().unwrap()).collect::<Vec<_>>())
            }
            Val::Duration(nanos) => format!("{nanos}ns"),
            Val::Time(time) => {
                let mut out = String::new();
                warren_gotime::rfc3339_nano(&mut out, time);
                out
            }
            other => format!("{other:?}"),
        }
    }

    /// A list.
    pub(super) fn list<T: Into<Value>>(items: impl IntoIterator<Item = T>) -> Val {
        Val::List(triomphe::Arc::new(items.into_iter().map(Into::into).collect()))
    }

    /// A map.
    pub(super) fn map<V: Into<Value>, const N: usize>(entries: [(&str, V); N]) -> Val {
        Val::Map(Attrs::from(entries))
    }

    /// Bytes.
    pub(super) fn bytes(bytes: &[u8]) -> Val {
        Val::Bytes(triomphe::Arc::new(bytes.to_vec()))
    }
}
