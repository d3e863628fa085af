//! `doctor`: what this host lacks before a collector can do its work.

use super::args::Examination;
use std::process::ExitCode;
use warren_doctor::{Host, State};

/// Looks at everything, mends what is asked to be mended and looks again. Fails while anything is wrong.
pub(super) fn examine(examination: &Examination) -> ExitCode {
    let host = Host::default();
    let mut findings = warren_doctor::examine(&host, &examination.options);
    if examination.fix {
        for (command, mended) in warren_doctor::mend(&findings) {
            match mended {
                Ok(()) => eprint(&format!("mended: {command}\n")),
                Err(reason) => eprint(&format!("not mended: {command}\n{reason}\n")),
            }
        }
        findings = warren_doctor::examine(&host, &examination.options);
    }
    let text = if examination.json { format!("{:#}\n", warren_doctor::json(&findings)) } else { warren_doctor::text(&findings) };
    super::print(&text);
    let wrong = findings.iter().any(|finding| finding.state == State::Wrong);
    if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn eprint(text: &str) {
    use std::io::Write;
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
