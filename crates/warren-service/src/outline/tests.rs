//! What counts as a change, and what does not.

use super::*;
use crate::plan::{Change, Plan};
use crate::tests::outlined;

const BEFORE: &str = "
receivers: {source: {interval: 60s}, source/b: , source/unused: }
processors: {pass: }
exporters: {sink: {auth: badge}, sink/b: , sink/unused: }
extensions: {badge: {name: me}, badge/b: }
service:
  extensions: [badge, badge/b]
  pipelines:
    logs: {receivers: [source, source/b], processors: [pass], exporters: [sink, sink/b]}
    metrics: {receivers: [source], exporters: [sink]}
";

fn plan(before: &str, after: &str) -> Plan {
    Plan::between(&outlined(before).1, &outlined(after).1)
}

/// The plan from [`BEFORE`] with one text in it replaced, in lines.
fn edit(from: &str, to: &str) -> Vec<String> {
    assert!(BEFORE.contains(from), "{from}");
    plan(BEFORE, &BEFORE.replace(from, to)).to_string().lines().map(str::to_owned).collect()
}

#[test]
fn order_comments_spelling_defaults_and_what_no_pipeline_uses_change_nothing() {
    let other = r#"{"service": {"pipelines": {
        "metrics": {"exporters": ["sink"], "receivers": ["source"], "processors": []},
        "logs": {"receivers": ["source", "source/b"], "exporters": ["sink", "sink/b"], "processors": ["pass"]}},
        "extensions": ["badge", "badge/b"]},
      "extensions": {"badge/b": {"name": "guest"}, "badge": {"name": "me"}},
      "exporters": {"sink/b": {}, "sink": {"auth": "badge"}},
      "receivers": {"source/b": {"interval": "0s"}, "source": {"interval": "1m"}}, "processors": {"pass": {}}}"#;
    let plan = plan(BEFORE, other);
    assert!(plan.is_empty(), "{plan}");
    assert_eq!(plan.to_string(), "nothing changes; 8 components stay as they are\n");
    assert_eq!(outlined(BEFORE).1.hash(), outlined(other).1.hash());
    assert_ne!(outlined(BEFORE).1.hash(), outlined(&BEFORE.replace("60s", "61s")).1.hash());
}

#[test]
fn a_setting_touches_its_component_alone() {
    assert_eq!(edit("60s", "30s"), ["replace receiver source: its settings changed", "7 components stay as they are"],);
}

#[test]
fn an_extension_takes_its_users_along_and_nobody_else() {
    assert_eq!(
        edit("name: me", "name: you"),
        [
            "replace extension badge: its settings changed",
            "replace exporter sink (logs): extension badge, which it uses, changed",
            "replace exporter sink (metrics): extension badge, which it uses, changed",
            "5 components stay as they are",
        ],
    );
}

#[test]
fn nodes_come_and_go_and_those_before_them_are_relinked() {
    assert_eq!(
        edit("processors: [pass], exporters: [sink, sink/b]", "exporters: [sink]"),
        [
            "relink  receiver source: what follows it changes; itself it goes on",
            "relink  receiver source/b: what follows it changes; itself it goes on",
            "remove  exporter sink/b (logs)",
            "remove  processor pass (logs)",
            "4 components stay as they are",
        ],
    );
    assert_eq!(
        edit("metrics: {receivers: [source]", "metrics/b: {receivers: [source/b]"),
        [
            "replace receiver source: pipelines want other signals of it",
            "replace receiver source/b: pipelines want other signals of it",
            "6 components stay as they are",
        ],
    );
}

#[test]
fn the_process_s_own_settings_touch_components_only_when_they_are_built_with_them() {
    let with = |telemetry: &str| format!("{BEFORE}  telemetry: {telemetry}\n");
    let log = plan(BEFORE, &with("{logs: {level: debug}}"));
    assert!(log.telemetry && log.changes.is_empty(), "{log}");
    let detail = plan(BEFORE, &with("{metrics: {level: detailed}}"));
    let all = detail.changes.iter().all(|(_, change)| *change == Change::Replace(vec![Why::Process]));
    assert!(all && detail.changes.len() == 8, "{detail}");
}

#[test]
fn a_file_that_changed_is_a_change_of_whoever_names_it() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "a").unwrap();
    let text = BEFORE.replace("name: me", &format!("name: me, file: {}", file.path().display()));
    let before = outlined(&text).1;
    assert!(Plan::between(&before, &outlined(&text).1).is_empty());
    std::fs::write(file.path(), "b").unwrap();
    let plan = Plan::between(&before, &outlined(&text).1);
    assert_eq!(plan.changes.first().map(|(_, change)| change.clone()), Some(Change::Replace(vec![Why::Files])));
    assert_eq!(plan.changes.len(), 3, "{plan}");
}
