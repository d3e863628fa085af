//! Findings for people.

use std::fmt::Write;

use super::looks_secret;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, Stage};

/// How many characters of a line are shown on either side of a finding.
const CONTEXT: usize = 60;

/// All errors of a configuration as a text: grouped by the step that found them under upstream's words for it, each with its path, its
/// place, the nearest valid name, and the line where it stands. Lines that look like holding a secret are not shown.
pub fn render(diagnostics: &Diagnostics) -> String {
    let mut out = String::new();
    for stage in [Stage::Resolve, Stage::Decode, Stage::Validate, Stage::Build] {
        let mut findings = diagnostics.errors().filter(|finding| finding.stage == stage).peekable();
        if findings.peek().is_none() {
            continue;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        if stage == Stage::Decode {
            out.push_str(
                "failed to get config: cannot unmarshal the configuration: decoding failed due to the following error(s):\n\n",
            );
        }
        for finding in findings {
            write_finding(&mut out, finding, diagnostics);
        }
    }
    if diagnostics.dropped() > 0 {
        let _ = writeln!(out, "\nand {} more", diagnostics.dropped());
    }
    out
}

/// One finding: what is wrong, then where.
fn write_finding(out: &mut String, finding: &Diagnostic, diagnostics: &Diagnostics) {
    out.push_str(&headline(finding));
    if let Some(hint) = &finding.hint {
        let _ = write!(out, " ({hint})");
    }
    out.push('\n');
    let place = &finding.place;
    if !place.is_known() {
        return;
    }
    let _ = write!(out, "  --> {place}");
    if !finding.path.is_empty() && finding.stage != Stage::Validate {
        let _ = write!(out, " ({})", finding.path);
    }
    out.push('\n');
    if !finding.sensitive
        && let Some(line) = diagnostics.texts.line(place.source(), place.line())
    {
        write_line(out, line, place.line(), place.column());
    }
}

/// What upstream prints for the finding.
fn headline(finding: &Diagnostic) -> String {
    let message = &finding.message;
    match (finding.stage, &finding.component) {
        (Stage::Resolve, _) if message.starts_with("failed to create") || message.starts_with("at least one") => message.clone(),
        (Stage::Resolve, _) => format!("failed to get config: cannot resolve the configuration: {message}"),
        (Stage::Decode, Some(id)) => {
            let section = finding.path.split("::").next().unwrap_or_default();
            format!("'{section}' error reading configuration for \"{id}\": {message}")
        }
        (Stage::Validate, _) if !finding.path.is_empty() => format!("{}: {message}", finding.path),
        _ => message.clone(),
    }
}

/// The line with a mark under the column. Only the surroundings of the column are shown of a long line.
fn write_line(out: &mut String, line: &str, number: u32, column: u32) {
    let column = usize::try_from(column.saturating_sub(1)).unwrap_or_default();
    let start = column.saturating_sub(CONTEXT);
    let shown: String = line.chars().skip(start).take(2 * CONTEXT).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if shown.trim().is_empty() || looks_secret(&shown) || shown.contains('@') {
        return;
    }
    let number = number.to_string();
    let margin = " ".repeat(number.len());
    let _ = writeln!(out, "  {number} | {}", shown.trim_end());
    let _ = writeln!(out, "  {margin} | {}^", " ".repeat(column - start));
}

/// Warnings, one a line, for a log.
impl Diagnostics {
    /// Each warning as one line for the log.
    pub fn warning_lines(&self) -> impl Iterator<Item = String> {
        self.iter().filter(|finding| finding.severity == Severity::Warning).map(ToString::to_string)
    }
}
