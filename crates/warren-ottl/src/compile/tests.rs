//! Statements compiled and run.

use crate::*;
use warren_pdata::{Attrs, Batch, Data, LogRecord, Logs, Metric, Metrics, Number, NumberPoints, Resource, Scope, Signal, Value};

/// Collects what fails.
#[derive(Default)]
struct Told(Vec<String>);

impl Observer for Told {
    fn failed(&mut self, failed: &Failed) {
        self.0.push(failed.to_string());
    }
}

fn logs() -> Batch {
    let log = |body: &str, unit: &str| LogRecord {
        body: Value::from(body),
        severity_number: 9,
        severity_text: "INFO".into(),
        attrs: Attrs::from([("unit", unit)]),
        ..LogRecord::default()
    };
    let resource = Resource { attrs: Attrs::from([("host", "a")]), dropped_attributes: 0 };
    Batch::Logs(Logs::of(resource, Scope::default(), vec![log("one", "x"), log("two", "y")]))
}

fn metrics() -> Batch {
    let mut points = NumberPoints::default();
    points.push_plain(Attrs::from([("queue", "a"), ("vhost", "/")]), 0, 1, Number::Double(600.0), 0);
    points.push_plain(Attrs::from([("queue", "b"), ("vhost", "/")]), 0, 1, Number::Int(3), 0);
    let metric = Metric { name: "m".into(), unit: "By".into(), data: Data::Gauge(points), ..Metric::default() };
    let resource = Resource { attrs: Attrs::from([("host", "a")]), dropped_attributes: 0 };
    Batch::Metrics(Metrics::of(resource, Scope::default(), vec![metric]))
}

fn run(batch: &mut Batch, context: Option<Context>, statements: &[&str]) -> Vec<String> {
    let group = compile(batch.signal(), context, &[], statements).unwrap_or_else(|faults| panic!("{}", faults[0]));
    let mut told = Told::default();
    group.run(batch, ErrorMode::Ignore, &mut group.memo(), &mut told).unwrap();
    told.0
}

fn log_attrs(batch: &Batch, at: usize) -> String {
    let Batch::Logs(logs) = batch else { panic!("no logs") };
    format!("{:?}", logs.iter().nth(at).unwrap().2.attrs)
}

#[test]
fn statements_run_on_each_record_in_order() {
    let mut batch = logs();
    let told = run(
        &mut batch,
        None,
        &[
            r#"set(log.attributes["host"], resource.attributes["host"])"#,
            r#"set(log.attributes["len"], 1 + 2 * 3) where log.body == "one""#,
            r#"set(log.attributes["deep"]["x"][1], log.severity_number)"#,
            r#"set(log.cache["k"], log.body)"#,
            r#"set(log.attributes["k"], log.cache["k"]) where log.cache["k"] != nil and not (log.body == "one")"#,
        ],
    );
    assert_eq!(told, Vec::<String>::new());
    assert_eq!(
        log_attrs(&batch, 0),
        r#"{"unit": Str("x"), "host": Str("a"), "len": Int(7), "deep": Map({"x": List([Empty, Int(9)])})}"#
    );
    assert_eq!(
        log_attrs(&batch, 1),
        r#"{"unit": Str("y"), "host": Str("a"), "deep": Map({"x": List([Empty, Int(9)])}), "k": Str("two")}"#
    );
}

#[test]
fn maps_that_hold_themselves_do_not_grow_without_end() {
    let grown = |records: usize, statements: &[&str]| {
        let resource = Resource { attrs: Attrs::from([("host", "a")]), dropped_attributes: 0 };
        let mut batch = Batch::Logs(Logs::of(resource, Scope::default(), vec![LogRecord::default(); records]));
        run(&mut batch, Some(Context::Log), statements).pop().unwrap_or_default()
    };
    let x = r#"set(resource.attributes["x"], resource.attributes)"#;
    let nested = "the value is nested more than 200 deep";
    assert_eq!(grown(200, &[x]), "");
    assert!(grown(300, &[x]).contains(nested));
    let merged = r#"merge_maps(resource.attributes, {"x": resource.attributes}, "upsert")"#;
    assert!(grown(300, &[merged]).contains(nested));
    let within = r#"set(resource.attributes["x"]["y"], {"z": resource.attributes})"#;
    assert!(grown(300, &[within]).contains(nested));
    let y = r#"set(resource.attributes["y"], resource.attributes)"#;
    assert!(grown(24, &[x, y]).contains("the value holds more than 1048576 values"));
}

#[test]
fn of_entries_with_one_key_only_the_last_is_evaluated() {
    let mut batch = logs();
    let told = run(&mut batch, Some(Context::Log), &[r#"set(attributes["o"], {"k": Hour(attributes), "b": 1, "k": body})"#]);
    assert_eq!(told, Vec::<String>::new());
    assert!(log_attrs(&batch, 0).contains(r#""o": Map({"k": Str("#), "{}", log_attrs(&batch, 0));
}

#[test]
fn points_are_visited_with_their_metric() {
    let mut batch = metrics();
    let told = run(
        &mut batch,
        Some(Context::DataPoint),
        &[
            r#"set(attributes["hot"], true) where value_double > 500.0 and metric.name == "m""#,
            r#"set(value_double, value_double * 2.0) where metric.unit == "By""#,
            r#"set(attributes["q"], attributes["queue"]["x"])"#,
        ],
    );
    assert_eq!(told.len(), 2);
    assert!(told[0].contains("failed to execute statement: set(attributes[\"q\"], attributes[\"queue\"][\"x\"]), type Str does not support string indexing"));
    let Batch::Metrics(metrics) = &batch else { panic!("no metrics") };
    let points = metrics.iter().next().unwrap().2.data.numbers().unwrap();
    assert_eq!((points.value(0), points.value(1)), (Number::Double(1200.0), Number::Double(0.0)));
    assert!(points.attrs[0].contains_key("hot") && !points.attrs[1].contains_key("hot"));
}

#[test]
fn every_fault_is_told_with_its_place() {
    let statements = [
        r#"sett(attributes["a"], 1)"#,
        r#"set(attributs["a"], 1)"#,
        r#"set(attributes["a"], Urll("x"))"#,
        r#"set(attributes["a"])"#,
        r#"set(1, 2)"#,
        r#"set(attributes["a"], SEVERITY_NUMBER_WARM)"#,
        r#"set(attributes["a"], 3-5)"#,
        r#"set(time["a"], 3)"#,
        r#"set(resource.cache["a"], 3)"#,
        r#"set(target=time, value=1, 3)"#,
        r#"set(attributes["a"], valu=1)"#,
    ];
    let faults = compile(Signal::Logs, Some(Context::Log), &[], &statements).unwrap_err();
    let told: Vec<String> = faults.iter().map(Fault::to_string).collect();
    let expected = [
        (6, "statement has invalid syntax: 1:23: unexpected token \"-5\"", "^^"),
        (0, "undefined function \"sett\"", "^^^^ did you mean `set`?"),
        (
            1,
            r#"error while parsing arguments for call to "set": invalid argument at position 0: segment "attributs" from path "log.attributs[a]" is not a valid path nor a valid OTTL keyword for the log context"#,
            "^^^^^^^^^ did you mean `attributes`?",
        ),
        (2, "invalid argument at position 1: undefined function \"Urll\"", "did you mean `URL`?"),
        (3, "incorrect number of arguments. Expected: 2 Received: 1", "set(target, value)"),
        (4, "invalid argument at position 0: must be a path", "    ^"),
        (5, "enum symbol not found: SEVERITY_NUMBER_WARM", "did you mean `SEVERITY_NUMBER_WARN`?"),
        (7, "the keys indexing \"time\" were not used by the context", "^^^"),
        (
            8,
            r#"access to cache must be performed using the same context, please replace "resource.cache[a]" with "log.cache[a]""#,
            "^^^^^",
        ),
        (9, "unnamed argument used after named argument", "^"),
        (10, "no such parameter: valu", "did you mean `value`?"),
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for ((index, message, below), (told, fault)) in expected.into_iter().zip(told.iter().zip(&faults)) {
        assert_eq!(fault.source, Source::Statement(index), "{told}");
        assert!(told.contains(message) && told.contains(below), "{told}");
    }
}

#[test]
fn contexts_are_inferred_as_upstream_infers_them() {
    for (signal, statement, expected) in [
        (Signal::Logs, r#"set(resource.attributes["a"], 1)"#, Ok(Context::Resource)),
        (Signal::Logs, r#"set(resource.attributes["a"], log.body)"#, Ok(Context::Log)),
        (Signal::Metrics, r#"set(resource.attributes["a"], metric.name)"#, Ok(Context::Metric)),
        (Signal::Metrics, r#"set(scope.name, "x") where datapoint.count == 1"#, Ok(Context::DataPoint)),
        (Signal::Metrics, r#"set(metric.name, "x") where metric.metadata["a"] == FLAG_NONE"#, Ok(Context::DataPoint)),
        (Signal::Traces, r#"set(scope.name, "x") where IsRootSpan()"#, Ok(Context::Span)),
        (
            Signal::Logs,
            r#"set(instrumentation_scope.name, "x")"#,
            Err("inferred context \"instrumentation_scope\" is not a valid candidate"),
        ),
        (Signal::Logs, r#"set(name, "x")"#, Err("unable to infer context from statements")),
        (Signal::Logs, r#"set(log.body, "x") where sett()"#, Err("statement has invalid syntax")),
    ] {
        match (compile(signal, None, &[], &[statement]), expected) {
            (Ok(group), Ok(context)) => assert_eq!(group.context(), context, "{statement}"),
            (Err(faults), Err(expected)) => assert!(faults[0].to_string().contains(expected), "{}", faults[0]),
            (Ok(_), Err(_)) => panic!("{statement} should be refused"),
            (Err(faults), Ok(_)) => panic!("{}", faults[0]),
        }
    }
}

#[test]
fn texts_without_a_contexts_name_are_shown_with_it() {
    let group = compile(
        Signal::Metrics,
        Some(Context::DataPoint),
        &[r#"metric.name == "x""#],
        &[r#"set(attributes[Concat([value_int], "")], metric.name)"#],
    );
    let Ok(group) = group else { return };
    assert_eq!(group.modified().len(), 1);
}

#[test]
fn conditions_may_leave_the_contexts_name_out() {
    let conditions =
        compile_conditions(Context::Metric, &[r#"name == "m" and metric.unit == "By""#, r#"resource.attributes["x"] == 1"#])
            .unwrap();
    let Batch::Metrics(mut metrics) = metrics() else { panic!("no metrics") };
    let group = &mut metrics.resources[0];
    let scoped = &mut group.scopes[0];
    let item = Item::Metric(&mut scoped.items[0]);
    let record = Record::new(&mut group.resource, &mut group.schema_url, Some((&mut scoped.scope, &mut scoped.schema_url)), item);
    let mut memo = conditions.memo();
    assert!(conditions.hold(&record, &mut memo, ErrorMode::Propagate, &mut Told::default()).unwrap());
}

mod sharing {
    use super::*;
    use proptest::prelude::*;

    const POOL: &[&str] = &[
        r#"set(attributes["instance"], resource.attributes["host"])"#,
        r#"set(attributes["hot"], true) where value_double > 1.0"#,
        r#"set(attributes["n"], 7) where attributes["queue"] == "q1""#,
        r#"set(attributes["m"], metric.name)"#,
        r#"set(attributes["copy"], attributes["queue"])"#,
        r#"set(value_double, value_double * 2.0) where metric.unit == "By""#,
        r#"set(attributes["deep"]["x"], attributes["queue"]) where resource.attributes["host"] == "a""#,
        r#"set(attributes["broken"], attributes["queue"]["x"]) where attributes["queue"] == "q2""#,
        r#"set(resource.attributes["host"], "b") where value_double > 3.0"#,
        r#"set(cache["q"], attributes["queue"])"#,
        r#"set(attributes["kind"], Concat([metric.name, attributes["queue"]], ":"))"#,
        r#"set(metric.unit, "x") where value_double > 4.0"#,
        r#"set(attributes["unit"], metric.unit)"#,
        r#"merge_maps(attributes, ExtractPatterns(attributes["queue"], "(?P<queue>q)(?P<digit>[0-9])"), "upsert")"#,
        r#"delete_key(attributes, "n") where flags == 0 and attributes["n"] != nil"#,
        r#"set(attributes["cached"], cache["q"])"#,
        r#"set(scope.name, attributes["queue"])"#,
        r#"set(attributes["scope"], scope.name)"#,
    ];

    /// Points of several metrics whose sets are shared or not, in two resources.
    fn batch(shape: &[(u8, u8, bool)]) -> Batch {
        let sets: Vec<Attrs> = (0..4).map(|i| Attrs::from([("queue", format!("q{i}"))])).collect();
        let metric = |name: &str| {
            let mut points = NumberPoints::default();
            for (set, value, shared) in shape {
                let set = &sets[usize::from(*set) % sets.len()];
                let attrs = if *shared { set.clone() } else { set.iter().cloned().collect() };
                points.push_plain(attrs, 0, 1, Number::Double(f64::from(*value)), 0);
            }
            Metric { name: name.into(), unit: "By".into(), data: Data::Gauge(points), ..Metric::default() }
        };
        let of = |host: &str| {
            let resource = Resource { attrs: Attrs::from([("host", host)]), dropped_attributes: 0 };
            Metrics::of(resource, Scope::default(), vec![metric("m1"), metric("m2")])
        };
        let mut metrics = of("a");
        metrics.resources.extend(of("c").resources);
        metrics.resources.extend(of("a").resources);
        Batch::Metrics(metrics)
    }

    proptest! {
        /// What is remembered for shared sets and for resources changes nothing in the result, and every failure is told.
        #[test]
        fn prop_remembering_changes_nothing(
            chosen in proptest::collection::vec(0usize..POOL.len(), 1..8),
            shape in proptest::collection::vec((0u8..4, 0u8..6, any::<bool>()), 0..12),
            again in proptest::collection::vec((0u8..4, 0u8..6, any::<bool>()), 0..12),
        ) {
            let statements: Vec<&str> = chosen.iter().map(|at| POOL[*at]).collect();
            let group = compile(Signal::Metrics, Some(Context::DataPoint), &[], &statements).unwrap();
            let mut memo = group.memo();
            for shape in [&shape, &again, &shape] {
                let (mut fast, mut plain) = (batch(shape), batch(shape));
                let mut told = Told::default();
                group.run(&mut fast, ErrorMode::Ignore, &mut memo, &mut told).unwrap();
                let mut counts = vec![Count::default(); statements.len()];
                // A memo that forgets everything at each record.
                group.each(&mut plain, &mut group.memo(), |record, _| {
                    group.step_through(record, &mut group.memo(), |_, at, ran| {
                        counts[at].matched += u64::from(ran == Ok(true));
                        counts[at].failed += u64::from(ran.is_err());
                    });
                    Ok::<(), ()>(())
                }).unwrap();
                prop_assert_eq!(&fast, &plain);
                prop_assert_eq!(told.0.len() as u64, counts.iter().map(|count| count.failed).sum::<u64>());
                let mut counted = vec![Count::default(); statements.len()];
                for (source, count) in memo.take_counts() {
                    let Source::Statement(at) = source else { panic!("{source:?}") };
                    counted[at] = count;
                }
                prop_assert_eq!(counted, counts);
            }
        }
    }
}

mod generated {
    use crate::generate::{ask, run};
    use proptest::prelude::*;

    #[test]
    fn generated_statements_and_conditions_mostly_compile() {
        let mut random = 1u64;
        let (mut statements, mut conditions) = (0, 0);
        for _ in 0..300 {
            let mut bytes = [0; 64];
            for byte in &mut bytes {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *byte = (random >> 56) as u8;
            }
            statements += run(&bytes);
            conditions += ask(&bytes);
        }
        assert!(statements > 200, "{statements}");
        assert!(conditions > 200, "{conditions}");
    }

    proptest! {
        #[test]
        fn prop_no_statement_or_condition_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            run(&bytes);
            ask(&bytes);
        }
    }
}

#[test]
fn what_is_probably_not_meant_is_told() {
    for (signal, context, statement, says) in [
        (
            Signal::Logs,
            Context::Log,
            r#"set(time_unix_nano, "x")"#,
            Some("the value is text and will be ignored: the target takes a whole number"),
        ),
        (Signal::Logs, Context::Log, r#"set(attributes["t"], time)"#, Some("a time cannot be stored here")),
        (Signal::Logs, Context::Log, r#"set(attributes["t"], trace_id.string)"#, None),
        (
            Signal::Logs,
            Context::Log,
            r#"set(body, "x") where severity_text == nil"#,
            Some("this comparison is never true: the left side is text, the right side nil"),
        ),
        (Signal::Logs, Context::Log, r#"set(body, "x") where trace_id != 0x00"#, Some("this comparison is always true")),
        (Signal::Logs, Context::Log, r#"set(body, "x") where attributes["a"] == 1.5 or severity_number > 1.5"#, None),
        (
            Signal::Logs,
            Context::Log,
            r#"set(resource.attributes["a"], "x")"#,
            Some("the resource is set again for each log below it"),
        ),
        (Signal::Logs, Context::Log, r#"set(resource.attributes["a"], body)"#, None),
        (Signal::Logs, Context::Log, r#"replace_pattern(body, "(a)b", "")"#, Some("`$1` is written `$$1`")),
        (Signal::Metrics, Context::Metric, r#"copy_metric(name="x")"#, Some("every metric is copied")),
        (Signal::Metrics, Context::DataPoint, r#"set(attributes["c"], bucket_counts)"#, None),
        (
            Signal::Metrics,
            Context::DataPoint,
            r#"set(value_int, value_double)"#,
            Some("the value is a fraction and will be ignored"),
        ),
        (Signal::Traces, Context::Span, r#"set(status.message, trace_state["a"])"#, None),
        (Signal::Logs, Context::Log, r#"set(body, nil)"#, Some("setting nil changes nothing")),
    ] {
        let group = compile(signal, Some(context), &[], &[statement]).unwrap_or_else(|faults| panic!("{}", faults[0]));
        let told: Vec<String> = group.warnings().iter().map(Fault::to_string).collect();
        match says {
            Some(says) => assert!(told.len() == 1 && told[0].contains(says), "{statement}: {told:?}"),
            None => assert!(told.is_empty(), "{statement}: {told:?}"),
        }
    }
}
