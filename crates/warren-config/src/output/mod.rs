//! Trees and findings as text: YAML and JSON for `print-config`, redaction, fingerprints, and findings for people and programs.

mod fingerprint;
mod json;
mod redact;
mod render;
#[cfg(test)]
mod tests;
mod yaml;

pub use fingerprint::fingerprint;
pub use json::{diagnostics_to_json, to_json};
pub use redact::{address_passwords, looks_secret, redact};
pub use render::render;
pub use yaml::to_yaml;

/// Characters that a reader of YAML refuses, takes for a line break, or does not show.
fn must_escape(c: char) -> bool {
    c.is_control() || matches!(c, '\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}
