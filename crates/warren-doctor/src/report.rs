//! Findings, for people and for programs.

use crate::{Finding, State};
use serde_json::{Value, json};

/// A line for each finding, and below it what mends it.
pub fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        text.push_str(&format!("{:<6} {:<15} {}\n", word(finding.state), finding.check, finding.message));
        let Some(remedy) = &finding.remedy else { continue };
        let how = if remedy.safe { "mend:" } else { "look:" };
        text.push_str(&format!("       {how:<15} {}\n", remedy.command));
        if !remedy.afterwards.is_empty() {
            text.push_str(&format!("       {:<15} {}\n", "then:", remedy.afterwards));
        }
    }
    text
}

/// A list of objects.
pub fn json(findings: &[Finding]) -> Value {
    let one = |finding: &Finding| {
        let remedy = finding
            .remedy
            .as_ref()
            .map(|remedy| json!({"command": remedy.command, "safe": remedy.safe, "afterwards": remedy.afterwards}));
        json!({"check": finding.check, "state": word(finding.state), "message": finding.message, "remedy": remedy})
    };
    Value::Array(findings.iter().map(one).collect())
}

fn word(state: State) -> &'static str {
    match state {
        State::Good => "good",
        State::Doubtful => "doubt",
        State::Wrong => "wrong",
    }
}
