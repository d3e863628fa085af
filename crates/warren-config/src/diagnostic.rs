//! What is wrong with a configuration: every finding with its path and place.

use std::collections::BTreeSet;
use std::fmt;

use arcstr::ArcStr;

use crate::nearest::nearest;
use crate::{ComponentId, Place};

/// How many findings are kept; a file that is wrong everywhere must not grow without bound.
const MAX_FINDINGS: usize = 1000;

/// How many sources are kept to show findings in them.
const MAX_TEXTS: usize = 64;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// The configuration is accepted, but probably does not mean what it says.
    Warning,
}

/// The step that found it. It decides the words in front of the message, which are upstream's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Reading, merging and expanding the sources.
    Resolve,
    /// Putting values into typed settings.
    Decode,
    /// Checking settings and references.
    Validate,
    /// Building pipelines and components.
    Build,
}

/// One finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The step that found it.
    pub stage: Stage,
    /// A fixed, machine-readable kind: `unknown-key`, `wrong-type`, `invalid-value`, `undefined-reference`, ...
    pub code: &'static str,
    /// What is wrong, in upstream's words where it has some.
    pub message: String,
    /// Upstream's path form, `exporters::otlphttp::endpoint`; empty for the whole file.
    pub path: String,
    /// The same as a JSON pointer, `/exporters/otlphttp/endpoint`.
    pub pointer: String,
    /// Where it stands, [`Place::none`] when no source holds it.
    pub place: Place,
    /// The component it belongs to.
    pub component: Option<ComponentId>,
    /// How to put it right.
    pub hint: Option<String>,
    /// Whether the value at fault is a secret, whose line must not be shown.
    pub sensitive: bool,
}

/// What kind of thing a setting refers to by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReferenceKind {
    /// An extension that authenticates: `auth.authenticator`.
    Authenticator,
    /// An extension that stores: `sending_queue.storage`.
    Storage,
    /// An extension that encodes: `encoding`.
    Encoding,
    /// An extension in the HTTP or gRPC path: `middlewares`.
    Middleware,
}

/// A setting that names another component; the service checks that it exists.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// What is referred to.
    pub kind: ReferenceKind,
    /// Its id.
    pub id: ComponentId,
    /// The component that refers.
    pub component: Option<ComponentId>,
    /// The path of the setting.
    pub path: String,
    /// The path as a JSON pointer.
    pub pointer: String,
    /// Where the reference stands.
    pub place: Place,
}

/// A file that a setting names and that must be readable, or a directory that must be there; `validate` looks, decoding does not.
#[derive(Clone, Debug, PartialEq)]
pub struct FileReference {
    /// The file's path as written.
    pub file: String,
    /// Whether it must be a directory.
    pub directory: bool,
    /// The component that needs it.
    pub component: Option<ComponentId>,
    /// The path of the setting.
    pub path: String,
    /// The path as a JSON pointer.
    pub pointer: String,
    /// Where the setting stands.
    pub place: Place,
}

/// Everything found in one configuration: findings, references to be checked, and keys that only Warren knows.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    findings: Vec<Diagnostic>,
    errors: u32,
    dropped: u32,
    /// References to other components.
    pub references: Vec<Reference>,
    /// Files that must be readable.
    pub files: Vec<FileReference>,
    /// Keys in use that upstream does not know: their paths and places (`validate --strict-upstream` refuses them).
    pub own_keys: Vec<(String, Place)>,
    /// Feature gates that are on: some settings need one.
    pub gates: std::sync::Arc<BTreeSet<String>>,
    /// The texts of the sources, to show findings in them.
    pub(crate) texts: Box<SourceTexts>,
}

/// Texts of sources by name. `Debug` does not show them.
#[derive(Clone, Default)]
pub(crate) struct SourceTexts(Box<[(ArcStr, ArcStr)]>);

impl SourceTexts {
    pub(crate) fn add(&mut self, name: &ArcStr, text: &ArcStr) {
        if self.0.len() < MAX_TEXTS && self.0.iter().all(|(known, _)| known != name) {
            let mut texts = std::mem::take(&mut self.0).into_vec();
            texts.push((name.clone(), text.clone()));
            self.0 = texts.into_boxed_slice();
        }
    }

    /// One line of a source, from 1.
    pub(crate) fn line(&self, name: &str, line: u32) -> Option<&str> {
        let (_, text) = self.0.iter().find(|(known, _)| known == name)?;
        text.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?)
    }
}

impl fmt::Debug for SourceTexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Diagnostics {
    /// Nothing found yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a finding. Beyond a thousand they are only counted. A value that did not decode is not also told to be invalid: it stands
    /// at its default then, which says nothing about the file.
    pub fn push(&mut self, finding: Diagnostic) {
        let decoded = |known: &Diagnostic| known.stage != Stage::Decode || known.severity != Severity::Error;
        if finding.stage == Stage::Validate
            && !finding.pointer.is_empty()
            && self.findings.iter().any(|known| known.pointer == finding.pointer && !decoded(known))
        {
            return;
        }
        self.errors = self.errors.saturating_add(u32::from(finding.severity == Severity::Error));
        if !self.is_full() {
            self.findings.push(finding);
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// Whether further findings are only counted: where they stand and what would put them right need not be looked for.
    pub fn is_full(&self) -> bool {
        self.findings.len() >= MAX_FINDINGS
    }

    /// The hint that names the known name that was meant, if any is near and the finding will be read.
    pub fn did_you_mean<'a>(&self, name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
        if self.is_full() {
            return None;
        }
        nearest(name, known).map(|near| format!("did you mean {near:?}?"))
    }

    /// Adds an error about the configuration as a whole.
    pub fn error(&mut self, stage: Stage, code: &'static str, message: impl Into<String>, place: Place) {
        self.push(Diagnostic::new(Severity::Error, stage, code, message, place));
    }

    /// Adds a warning about the configuration as a whole.
    pub fn warning(&mut self, stage: Stage, code: &'static str, message: impl Into<String>, place: Place) {
        self.push(Diagnostic::new(Severity::Warning, stage, code, message, place));
    }

    /// Takes over everything another step found.
    pub fn append(&mut self, other: Diagnostics) {
        let kept = other.errors().count();
        self.dropped = self.dropped.saturating_add(other.dropped);
        self.errors = self.errors.saturating_add(other.errors.saturating_sub(u32::try_from(kept).unwrap_or(u32::MAX)));
        other.findings.into_iter().for_each(|finding| self.push(finding));
        self.references.extend(other.references);
        self.files.extend(other.files);
        self.own_keys.extend(other.own_keys);
        other.texts.0.iter().for_each(|(name, text)| self.texts.add(name, text));
    }

    /// Whether the configuration must be refused.
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// How many errors there are, kept or not.
    pub fn error_count(&self) -> usize {
        self.errors as usize
    }

    /// How many findings were not kept.
    pub fn dropped(&self) -> usize {
        self.dropped as usize
    }

    /// All findings in the order they were made.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.findings.iter()
    }

    /// The errors.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.iter().filter(|finding| finding.severity == Severity::Error)
    }

    /// The warnings.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.iter().filter(|finding| finding.severity == Severity::Warning)
    }

    /// The ids referred to as one kind.
    pub fn referred(&self, kind: ReferenceKind) -> BTreeSet<&ComponentId> {
        self.references.iter().filter(|reference| reference.kind == kind).map(|reference| &reference.id).collect()
    }
}

impl Diagnostic {
    /// A finding about the configuration as a whole.
    pub fn new(severity: Severity, stage: Stage, code: &'static str, message: impl Into<String>, place: Place) -> Self {
        Self {
            severity,
            stage,
            code,
            message: message.into(),
            path: String::new(),
            pointer: String::new(),
            place,
            component: None,
            hint: None,
            sensitive: false,
        }
    }
}

impl fmt::Display for Diagnostic {
    /// One line: path, message, hint, place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        if self.place.is_known() {
            write!(f, " at {}", self.place)?;
        }
        Ok(())
    }
}

impl fmt::Display for Diagnostics {
    /// The errors, one a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, finding) in self.errors().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            finding.fmt(f)?;
        }
        if self.dropped > 0 {
            write!(f, "\nand {} more", self.dropped)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

impl fmt::Display for ReferenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authenticator => "authenticator",
            Self::Storage => "storage extension",
            Self::Encoding => "encoding extension",
            Self::Middleware => "middleware",
        })
    }
}
