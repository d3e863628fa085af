//! `relabel_configs` and `metric_relabel_configs`.

use warren_config::{Node, Report, nearest};

use super::yaml::{Mapping, mismatch};
use crate::relabel::{Action, Program, Rule};

/// Reads and compiles the rules under `key`; `what` they are for is used in messages. Faulty ones are told and left out.
pub(super) fn program(m: &mut Mapping<'_, '_>, key: &'static str, what: &str) -> (Program, Vec<Rule>) {
    let Some(node) = m.node(key).filter(|node| !node.is_null()) else { return Default::default() };
    let mut report = m.report().at_key(key, node);
    let Some(list) = node.as_list() else {
        mismatch(node, "[]*relabel.Config", &mut report);
        return Default::default();
    };
    let mut rules = Vec::with_capacity(list.len());
    for (index, node) in list.iter().enumerate() {
        let mut report = report.at_index(index, node);
        if node.is_null() {
            let kind = if what == "target" { "target relabeling" } else { "metric relabeling" };
            report.error("", format!("empty or null {kind} rule in scrape config"));
        } else if let Some(rule) = rule(node, &mut report) {
            rules.push(rule);
        }
    }
    (Program::new(&rules).unwrap_or_default(), rules)
}

/// Reads one rule; `None` when anything about it is wrong, which is told.
fn rule(node: &Node, report: &mut Report<'_>) -> Option<Rule> {
    let mut rule = Rule::default();
    let mut known = true;
    let mut m = Mapping::of(node, report, "relabel.plain")?;
    rule.source_labels = m.optional::<Option<Vec<String>>>("source_labels").flatten();
    m.field("separator", &mut rule.separator);
    // A regex that is null is the empty one, not the default.
    rule.regex = m.optional("regex");
    m.field("modulus", &mut rule.modulus);
    m.field("target_label", &mut rule.target_label);
    m.field("replacement", &mut rule.replacement);
    if let Some(name) = m.optional::<String>("action") {
        rule.action = Action::from_name(&name);
        if rule.action.is_none() && !name.is_empty() {
            let hint = match nearest(&name, Action::names()) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("one of {}", Action::names().collect::<Vec<_>>().join(", ")),
            };
            m.report().error_with_hint("action", format!("unknown relabel action {name:?}"), hint);
            known = false;
            // Its other faults are found as those of an action that asks for nothing.
            rule.action = Some(Action::Drop);
        }
    }
    if rule.source_labels.iter().flatten().any(String::is_empty) {
        m.report().error("source_labels", "\"\" is not a valid label name");
    }
    let fault = Program::new(std::slice::from_ref(&rule)).err();
    if let Some((_, error)) = fault.as_ref().and_then(|errors| errors.first()) {
        let key = if matches!(error, crate::relabel::RuleError::Regex(_)) { "regex" } else { "" };
        m.report().error(key, error.to_string());
    }
    m.finish(|_| false);
    (known && fault.is_none()).then_some(rule)
}
