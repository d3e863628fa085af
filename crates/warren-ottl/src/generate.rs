//! Statements made from bytes, for tests: every function, path and shape of expression turns up, mostly well-formed.

use crate::editors::EDITORS;
use crate::function::{Kind, Param};
use crate::functions::{CONVERTERS, RECORD_CONVERTERS};
use crate::path::names;
use crate::record::Context;
use warren_pdata::{
    Attrs, Batch, Data, Exemplar, ExponentialHistogramPoint, HistogramPoint, LogRecord, Logs, Metric, Metrics, Number,
    NumberPoints, Resource, Scope, Signal, Span, SpanEvent, Sum, SummaryPoint, Traces, Value,
};

/// Texts that functions like, and some that they do not.
const TEXTS: &[&str] = &[
    "",
    "a",
    "é\u{1F600}",
    "a=1 b=\"2 3\"",
    "k",
    "queue",
    "{\"a\":[1,2.5,{\"b\":null}]}",
    "1,2,3",
    "2025-08-12",
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M:%S.%L%z",
    "Europe/Paris",
    "<a b=\"1\">x<c>z</c><![CDATA[q]]></a>",
    "/a/c",
    "//@b",
    "http://u:p@h:80/p.x?q=1#f",
    "1h30m",
    "-5",
    "9223372036854775807",
    "1e300",
    "0x1f",
    "^(?P<x>a)?",
    "(\\\\w+)=(\\\\d+)",
    "[",
    "*a?",
    "$1-${x}",
    "%s",
    "%d%v%[3]*.[2]*f",
    "%{IP:ip} %{WORD:w:int}",
    "upsert",
    "insert",
    "sum",
    "median",
    "cumulative",
    "key",
    "value",
    "base64",
    "utf-16",
    "YWI=",
    "asc",
    "desc",
    "snake",
    "camel",
    "lazyQuotes",
    "ignoreQuotes",
    ",",
    "\\t",
    "4539 1488 0343 6467",
    "Mozilla/5.0 (X11; Linux x86_64; rv:89.0) Gecko/20100101 Firefox/89.0",
];

/// Bytes, taken one by one; zeros when there are no more.
#[derive(Debug)]
pub struct Choices<'b>(pub &'b [u8]);

impl Choices<'_> {
    fn next(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    fn of<'t, T: ?Sized>(&mut self, list: &[&'t T]) -> &'t T {
        list[usize::from(self.next()) % list.len()]
    }

    fn one_in(&mut self, count: u8) -> bool {
        self.next() % count == count - 1
    }
}

/// A statement for a context.
pub fn statement(context: Context, choices: &mut Choices<'_>) -> String {
    let editors: Vec<_> = EDITORS
        .iter()
        .copied()
        .flatten()
        .filter(|editor| editor.contexts.is_empty() || editor.contexts.contains(&context))
        .collect();
    let editor = if choices.one_in(3) { choices.of(&editors) } else { editors[usize::from(choices.next()) % editors.len()] };
    let mut text = call(editor.name, editor.params, context, choices, 3);
    if choices.one_in(3) {
        text.push_str(" where ");
        text.push_str(&condition(context, choices, 3));
    }
    text
}

/// A condition for a context.
pub fn condition(context: Context, choices: &mut Choices<'_>, depth: u8) -> String {
    let deeper = depth.saturating_sub(1);
    match choices.next() % 8 {
        0 if depth > 0 => format!("({} or {})", condition(context, choices, deeper), condition(context, choices, deeper)),
        1 if depth > 0 => format!("{} and {}", condition(context, choices, deeper), condition(context, choices, deeper)),
        2 if depth > 0 => format!("not ({})", condition(context, choices, deeper)),
        3 => converter(context, choices, deeper),
        4 => choices.of(&["true", "false"]).to_owned(),
        _ => {
            let comparator = choices.of(&["==", "!=", "<", "<=", ">", ">="]);
            format!("{} {comparator} {}", value(context, choices, deeper), value(context, choices, deeper))
        }
    }
}

fn value(context: Context, choices: &mut Choices<'_>, depth: u8) -> String {
    match choices.next() % 12 {
        0 => text(choices),
        1 => number(choices),
        2 => choices.of(&["nil", "true", "false", "0x", "0x0aff"]).trim_end_matches("0x").to_owned() + "",
        3 if depth > 0 => format!("[{}, {}]", value(context, choices, depth - 1), value(context, choices, depth - 1)),
        4 if depth > 0 => {
            format!("{{\"a\": {}, \"b\": {}}}", value(context, choices, depth - 1), value(context, choices, depth - 1))
        }
        5 if depth > 0 => {
            let operator = choices.of(&["+", "-", "*", "/"]);
            format!("({} {operator} {})", operand(context, choices, depth - 1), operand(context, choices, depth - 1))
        }
        6..=8 if depth > 0 => converter(context, choices, depth - 1),
        _ => path(context, choices, depth),
    }
}

fn operand(context: Context, choices: &mut Choices<'_>, depth: u8) -> String {
    match choices.next() % 3 {
        0 => number(choices),
        1 if depth > 0 => converter(context, choices, depth - 1),
        _ => path(context, choices, depth),
    }
}

fn text(choices: &mut Choices<'_>) -> String {
    format!("{:?}", choices.of(TEXTS)).replace("\\u{1f600}", "\u{1F600}")
}

fn number(choices: &mut Choices<'_>) -> String {
    choices.of(&["0", "1", "-1", "7", "9223372036854775807", "-9223372036854775808", "0.5", "-0.0", "1.5e300"]).to_owned()
}

fn path(context: Context, choices: &mut Choices<'_>, depth: u8) -> String {
    let prefix = choices.of(context.prefixes());
    let owner = context.prefix(prefix).unwrap_or(context);
    let known = names(owner);
    let name = if choices.one_in(2) { "attributes" } else { known[usize::from(choices.next()) % known.len()].0 };
    let (prefix, name) = if choices.one_in(8) { (context.name(), "cache") } else { (prefix, name) };
    let mut text = format!("{prefix}.{name}");
    if matches!(name, "attributes" | "cache" | "metadata" | "body" | "trace_state") {
        for _ in 0..choices.next() % 3 {
            match choices.next() % 4 {
                0 => text.push_str("[1]"),
                1 if depth > 0 => text.push_str(&format!("[{}]", operand(context, choices, depth - 1))),
                _ => text.push_str(&format!("[{:?}]", choices.of(&["a", "k", "queue", "map", "list"]))),
            }
        }
    }
    text
}

fn converter(context: Context, choices: &mut Choices<'_>, depth: u8) -> String {
    let all: Vec<_> = CONVERTERS.iter().copied().flatten().collect();
    let at = usize::from(choices.next()) * 7 % (all.len() + 1);
    let mut text = match all.get(at) {
        Some(converter) => call(converter.name, converter.params, context, choices, depth),
        None => {
            let converter = &RECORD_CONVERTERS[usize::from(choices.next()) % RECORD_CONVERTERS.len()];
            call(converter.name, converter.params, context, choices, depth)
        }
    };
    if choices.one_in(6) {
        text.push_str(choices.of(&["[\"a\"]", "[0]", "[-1]"]));
    }
    text
}

fn call(name: &str, params: &[Param], context: Context, choices: &mut Choices<'_>, depth: u8) -> String {
    let deeper = depth.saturating_sub(1);
    let mut arguments = Vec::new();
    let mut skipped = false;
    for param in params {
        if param.optional && choices.one_in(2) {
            skipped = true;
            continue;
        }
        let argument = match param.kind {
            Kind::LitStr => text(choices),
            Kind::LitInt => choices.of(&["0", "1", "2", "-1", "16", "9223372036854775807"]).to_owned(),
            Kind::LitFloat => choices.of(&["0.0", "2.0", "-1.5", "1.0e300"]).to_owned(),
            Kind::LitBool => choices.of(&["true", "false"]).to_owned(),
            Kind::LitBytes => choices.of(&["0x0102030405060708", "0x000102030405060708090a0b0c0d0e0f", "0x01"]).to_owned(),
            Kind::LitStrs => format!("[{}, {}]", text(choices), text(choices)),
            Kind::LitFloats => choices.of(&["[]", "[0.0, 1.0, 10.0]", "[5.0, -1.0]"]).to_owned(),
            Kind::Items | Kind::StrLikeItems => {
                format!("[{}, {}]", value(context, choices, deeper), value(context, choices, deeper))
            }
            Kind::Target | Kind::TargetMap => path(context, choices, depth),
            Kind::Function => choices.of(&["SHA256", "ToUpperCase", "IsString", "Len", "Split"]).to_owned(),
            Kind::Str if choices.one_in(2) => text(choices),
            _ => value(context, choices, deeper),
        };
        arguments.push(if skipped { format!("{}={argument}", param.name) } else { argument });
    }
    format!("{name}({})", arguments.join(", "))
}

/// A batch with one of everything.
pub fn batch(signal: Signal) -> Batch {
    let map = Attrs::from([("a", Value::Int(1)), ("b", Value::Bytes(triomphe::Arc::new(vec![1, 2, 255])))]);
    let list = Value::list([Value::Int(1), Value::from("x"), Value::Map(map.clone()), Value::Empty]);
    let attrs = Attrs::from([
        ("a", Value::from("é=1")),
        ("k", Value::Double(f64::NAN)),
        ("queue", Value::from("tenant-1.orders")),
        ("map", Value::Map(map)),
        ("list", list.clone()),
        ("empty", Value::Empty),
        ("int", Value::Int(i64::MIN)),
    ]);
    let resource = Resource { attrs: attrs.clone(), dropped_attributes: 1 };
    let scope = Scope { name: "s".into(), attrs: attrs.clone(), ..Scope::default() };
    match signal {
        Signal::Logs => {
            let log =
                |body: Value| LogRecord { body, attrs: attrs.clone(), severity_text: "INFO".into(), ..LogRecord::default() };
            let bodies =
                [Value::from("2025-08-12 [error] user='é'"), Value::Map(attrs.clone()), list, Value::Empty, Value::Int(-5)];
            Batch::Logs(Logs::of(resource, scope, bodies.into_iter().map(log).collect()))
        }
        Signal::Traces => {
            let event = SpanEvent { name: "e".into(), attrs: attrs.clone(), ..SpanEvent::default() };
            let span = Span {
                name: "x".into(),
                trace_state: "a=1,b=2".into(),
                attrs: attrs.clone(),
                kind: 9,
                events: vec![event; 2],
                ..Span::default()
            };
            Batch::Traces(Traces::of(resource, scope, vec![span, Span::default()]))
        }
        Signal::Metrics => {
            let mut points = NumberPoints::default();
            let exemplars = vec![Exemplar { attrs: attrs.clone(), value: Number::Int(3), ..Exemplar::default() }];
            points.push(warren_pdata::NumberPoint {
                attrs: attrs.clone(),
                value: Number::Double(2.5),
                exemplars,
                ..Default::default()
            });
            points.push_plain(attrs.clone(), 1, u64::MAX, Number::Int(i64::MAX), 1);
            points.push_plain(Attrs::EMPTY, 1, 2, Number::Empty, 0);
            let temporality = warren_pdata::Temporality::CUMULATIVE;
            let histogram = HistogramPoint {
                attrs: attrs.clone(),
                count: 6,
                sum: Some(9.5),
                bounds: triomphe::Arc::new(vec![1.0, 2.0]),
                counts: vec![1, 2, u64::MAX],
                ..HistogramPoint::default()
            };
            let mut exponential = ExponentialHistogramPoint {
                attrs: attrs.clone(),
                count: 5,
                scale: i32::MAX,
                zero_count: 1,
                ..Default::default()
            };
            exponential.positive.counts = vec![1, 2, 3];
            exponential.positive.offset = i32::MIN;
            let summary = SummaryPoint {
                attrs,
                count: u64::MAX,
                sum: 1.0,
                quantiles: vec![warren_pdata::QuantileValue { quantile: 0.5, value: 3.0 }],
                ..SummaryPoint::default()
            };
            let data = [
                Data::Empty,
                Data::Gauge(points.clone()),
                Data::Sum(Sum { points, temporality, monotonic: true }),
                Data::Histogram { points: vec![histogram.clone(), histogram], temporality },
                Data::ExponentialHistogram { points: vec![exponential.clone(), exponential], temporality },
                Data::Summary(vec![summary.clone(), summary]),
            ];
            let metric = |(at, data): (usize, Data)| Metric {
                name: format!("m{at}").as_str().into(),
                unit: "By".into(),
                data,
                ..Metric::default()
            };
            Batch::Metrics(Metrics::of(resource, scope, data.into_iter().enumerate().map(metric).collect()))
        }
    }
}

struct Deaf;

impl crate::Observer for Deaf {
    fn failed(&mut self, failed: &crate::Failed) {
        let _ = failed.to_string();
    }
}

/// A context, and a signal that has it.
fn place(choices: &mut Choices<'_>) -> (Context, Signal) {
    let context = Context::ALL[usize::from(choices.next()) % Context::ALL.len()];
    let signals: Vec<&Signal> = Signal::ALL.iter().filter(|signal| Context::of(**signal).contains(&context)).collect();
    (context, *choices.of(&signals))
}

/// Compiles and asks the conditions that the bytes say, of each record of a batch and of each once more with another memo, as `filter` asks them: what
/// is remembered changes no answer. Says how many conditions compile.
pub fn ask(bytes: &[u8]) -> usize {
    let mut choices = Choices(bytes);
    let (context, signal) = place(&mut choices);
    let count = 1 + choices.next() % 4;
    let conditions: Vec<String> = (0..count).map(|_| condition(context, &mut choices, 3)).collect();
    let compiles = |condition: &&String| crate::compile_conditions(context, &[condition.as_str()]).is_ok();
    let usable: Vec<&str> = conditions.iter().filter(compiles).map(String::as_str).collect();
    let (Ok(conditions), Ok(walker)) =
        (crate::compile_conditions(context, &usable), crate::compile(signal, Some(context), &[], &[] as &[&str]))
    else {
        return 0;
    };
    let (mut batch, mut memo) = (batch(signal), conditions.memo());
    // Conditions change nothing.
    let before = batch.clone();
    let asked = walker.each(&mut batch, &mut memo, |record, memo| {
        let mode = crate::ErrorMode::Ignore;
        let remembered = conditions.which(record, memo, mode, &mut Deaf)?;
        let anew = conditions.which(record, &mut conditions.memo(), mode, &mut Deaf)?;
        // Some converters give another result each time.
        let same = remembered == anew || usable.iter().any(|text| VARYING.iter().any(|name| text.contains(name)));
        assert!(same, "{usable:?}: {remembered:?} and {anew:?}");
        Ok::<(), crate::Failed>(())
    });
    assert!(asked.is_ok() && batch == before, "{usable:?}");
    usable.len()
}

/// Converters whose results vary though their arguments do not.
const VARYING: [&str; 3] = ["Now(", "UUID", "Random"];

/// Compiles and runs what the bytes say. For bytes that say the same, the same happens.
pub fn run(bytes: &[u8]) -> usize {
    let mut choices = Choices(bytes);
    let (context, signal) = place(&mut choices);
    let count = 1 + choices.next() % 4;
    let statements: Vec<String> = (0..count).map(|_| statement(context, &mut choices)).collect();
    let mut compiled = 0;
    for statement in &statements {
        compiled += usize::from(
            crate::compile(signal, Some(context), &[], &[statement])
                .map_err(|faults| faults.iter().map(ToString::to_string).collect::<String>())
                .is_ok(),
        );
    }
    let usable: Vec<&String> =
        statements.iter().filter(|statement| crate::compile(signal, None, &[], &[statement]).is_ok()).collect();
    if let Ok(group) = crate::compile(signal, Some(context), &[], &usable) {
        let mut memo = group.memo();
        for _ in 0..2 {
            let _ = group.run(&mut batch(signal), crate::ErrorMode::Ignore, &mut memo, &mut Deaf);
        }
    }
    compiled
}
