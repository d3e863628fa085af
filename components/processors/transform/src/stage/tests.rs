use super::*;
use crate::groups::GroupPlace;
use warren_ottl::compile;
use warren_pdata::{Attrs, LogRecord, Logs, Resource, Scope, Value};

fn stage(statements: &[&str], mode: ErrorMode, flatten: bool) -> TransformStage {
    told_to(&Telemetry::discarded(), statements, mode, flatten)
}

fn told_to(telemetry: &Telemetry, statements: &[&str], mode: ErrorMode, flatten: bool) -> TransformStage {
    let group = compile(Signal::Logs, None, &[], statements).unwrap();
    let compiled = Compiled { group, mode, place: GroupPlace::block("log_statements", 0) };
    TransformStage::new(vec![compiled], flatten, Signal::Logs, "transform", telemetry)
}

fn batch() -> Arc<Batch> {
    let log = |body: &str| LogRecord { body: Value::from(body), ..LogRecord::default() };
    let resource = Resource { attrs: Attrs::from([("host", "a")]), dropped_attributes: 0 };
    Arc::new(Batch::Logs(Logs::of(resource, Scope::default(), vec![log("one"), log("two"), log("one")])))
}

fn logs(batch: &Batch) -> &Logs {
    match batch {
        Batch::Logs(logs) => logs,
        _ => panic!("no logs"),
    }
}

#[test]
fn a_failure_refuses_the_batch_or_is_passed_over() {
    let statements = [r#"set(log.attributes["x"], log.body["y"])"#, r#"set(log.severity_text, "done")"#];
    let refused = stage(&statements, ErrorMode::Propagate, false).process(batch()).unwrap_err();
    assert_eq!(
        refused.message,
        "failed to execute statement: set(log.attributes[\"x\"], log.body[\"y\"]), log bodies of type Str cannot be indexed"
    );
    for mode in [ErrorMode::Ignore, ErrorMode::Silent] {
        let after = stage(&statements, mode, false).process(batch()).unwrap().unwrap();
        assert!(logs(&after).iter().all(|(_, _, log)| log.severity_text == "done" && log.attrs.is_empty()));
    }
}

#[test]
fn what_each_statement_did_is_counted_once_a_batch() {
    let telemetry = Telemetry::discarded();
    let statements = [
        r#"set(log.attributes["x"], log.body) where log.body == "one""#,
        r#"set(log.attributes["y"], log.body["y"])"#,
        r#"delete_key(log.attributes, "none")"#,
    ];
    let mut stage = told_to(&telemetry, &statements, ErrorMode::Silent, false);
    for _ in 0..2 {
        stage.process(batch()).unwrap();
    }
    let total = |name: &str, index: usize| {
        let statement = format!("log_statements[0].statements[{index}]");
        telemetry.registry.total(name, &[("processor", "transform"), ("statement", &statement)])
    };
    let figures = |index| (total("warren_transform_matches_total", index), total("warren_transform_failures_total", index));
    assert_eq!([0, 1, 2].map(figures), [(4.0, 0.0), (0.0, 6.0), (6.0, 0.0)]);
}

#[test]
fn a_shared_batch_is_left_as_it_is() {
    let before = batch();
    let after = stage(&[r#"set(log.body, "x")"#], ErrorMode::Propagate, false).process(before.clone()).unwrap().unwrap();
    assert_eq!(before, batch());
    assert!(logs(&after).iter().all(|(_, _, log)| log.body == Value::from("x")));
}

#[test]
fn flattened_records_have_resources_of_their_own_and_are_put_together_again() {
    let statements = [r#"set(resource.attributes["body"], log.body)"#];
    let after = stage(&statements, ErrorMode::Propagate, true).process(batch()).unwrap().unwrap();
    let counts: Vec<(usize, String)> = logs(&after)
        .resources
        .iter()
        .map(|group| (group.scopes[0].items.len(), format!("{:?}", group.resource.attrs.get("body").unwrap())))
        .collect();
    assert_eq!(counts, [(2, "Str(\"one\")".to_owned()), (1, "Str(\"two\")".to_owned())]);
}
