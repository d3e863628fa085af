//! Where sources come from: files, variables, literal YAML, HTTP.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use arcstr::ArcStr;

use crate::diagnostic::{Diagnostic, Diagnostics, Severity, Stage};
use crate::reader::{self, Fault, MAX_SOURCE, ReadError};
use crate::{Map, Node, Place, Value};

/// Gets a source from the network. This crate has no HTTP client; whoever loads a configuration brings one.
pub trait Fetch {
    /// The body of `uri`, which begins with `http:` or `https:`. More than `limit` bytes are an error.
    ///
    /// # Errors
    /// A text for the user, without secrets.
    fn fetch(&self, uri: &str, limit: usize) -> Result<Vec<u8>, String>;
}

/// A URI taken apart.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Location {
    scheme: Scheme,
    opaque: String,
    /// What the user calls it, in places.
    name: ArcStr,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Scheme {
    File,
    Env,
    Yaml,
    Http,
}

/// A retrieved text with its value.
pub(super) struct Retrieved {
    pub(super) node: Node,
    /// The text as it was, for fields that are text.
    pub(super) original: ArcStr,
    /// How many values it holds.
    pub(super) nodes: usize,
    /// Why the text is no YAML as a whole: it was taken as plain text, or ends in something that belongs to nothing.
    invalid: Option<ReadError>,
}

/// Why nothing was retrieved: a text for the user, where it stands if not at the reference, and a remedy.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) message: String,
    pub(super) place: Option<Place>,
    pub(super) hint: Option<String>,
}

impl Failure {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), place: None, hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl Location {
    /// A value of `--config`: a path, or `scheme:rest`.
    pub(super) fn of_config(uri: &str) -> Result<Self, Box<Diagnostic>> {
        let drive_letter = matches!(uri.as_bytes(), [b'A'..=b'z', b':', ..]);
        if drive_letter || !uri.contains(':') {
            return Ok(Self { scheme: Scheme::File, opaque: uri.to_owned(), name: uri.into() });
        }
        let failed = |message: String, hint: Option<String>| {
            let message = format!("failed to create new resolver: {message}");
            let mut finding = Diagnostic::new(Severity::Error, Stage::Resolve, "invalid-source", message, Place::new(uri, 0, 0));
            finding.hint = hint;
            Box::new(finding)
        };
        let as_file = Path::new(uri).exists().then(|| format!("write file:{uri} for a file with a colon in its name"));
        match split_scheme(uri) {
            None => Err(failed(format!("invalid uri: {uri:?}"), as_file)),
            Some((scheme, opaque)) => match Scheme::of(scheme) {
                Some(scheme) => Ok(Self { scheme, opaque: opaque.to_owned(), name: config_name(scheme, uri, opaque) }),
                None => Err(failed(format!("unsupported scheme on URI {uri:?}"), as_file)),
            },
        }
    }

    /// A value of `--set`: `a.b=value` in which the value is YAML.
    pub(super) fn of_set(set: &str) -> Result<Self, Box<Diagnostic>> {
        let Some((key, value)) = set.split_once('=') else {
            let message = format!("invalid argument {set:?} for \"--set\" flag: missing equal sign");
            return Err(Box::new(Diagnostic::new(Severity::Error, Stage::Resolve, "invalid-set", message, Place::none())));
        };
        let key = key.trim();
        let opaque = format!("{}: {}", key.replace('.', "::"), value.trim());
        Ok(Self { scheme: Scheme::Yaml, opaque, name: format!("--set {key}").into() })
    }

    /// The inside of a `${...}` reference; without a scheme it is a variable.
    pub(super) fn of_reference(inside: &str) -> Result<Self, Failure> {
        let uri = if inside.contains(':') { inside.to_owned() } else { format!("env:{inside}") };
        let needs_env = || match uri.split_once(":-") {
            Some((name, _)) if is_variable(name) => Some(format!("a default needs the scheme: ${{env:{uri}}}")),
            _ => None,
        };
        let failure = |message: String| Failure { hint: needs_env(), ..Failure::new(message) };
        let (scheme, opaque) = split_scheme(&uri).ok_or_else(|| failure(format!("invalid uri: {uri:?}")))?;
        if opaque.contains('$') {
            return Err(Failure::new(format!("the uri {uri:?} contains unsupported characters ('$')")));
        }
        let known = Scheme::of(scheme).ok_or_else(|| failure(format!("scheme {scheme:?} is not supported for uri {uri:?}")))?;
        Ok(Self { scheme: known, opaque: opaque.to_owned(), name: config_name(known, &uri, opaque) })
    }
}

impl Scheme {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "file" => Self::File,
            "env" => Self::Env,
            "yaml" => Self::Yaml,
            "http" | "https" => Self::Http,
            _ => return None,
        })
    }
}

/// What a source is called in places. Literal YAML is not repeated: it may hold secrets.
fn config_name(scheme: Scheme, uri: &str, opaque: &str) -> ArcStr {
    match scheme {
        Scheme::File => opaque.into(),
        Scheme::Env => format!("env:{}", opaque.split_once(":-").map_or(opaque, |(name, _)| name)).into(),
        Scheme::Yaml => arcstr::literal!("yaml:"),
        Scheme::Http => without_query(uri).into(),
    }
}

/// An address without user, password and query.
fn without_query(uri: &str) -> String {
    let base = uri.split(['?', '#']).next().unwrap_or_default();
    match base.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = authority.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}{path}")
        }
        None => base.to_owned(),
    }
}

/// `scheme:opaque`, where the scheme has at least two characters: `[A-Za-z][A-Za-z0-9+.-]+`.
fn split_scheme(uri: &str) -> Option<(&str, &str)> {
    let (scheme, opaque) = uri.split_once(':')?;
    let mut bytes = scheme.bytes();
    let valid = bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && bytes.len() >= 1
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'.' | b'-'));
    valid.then_some((scheme, opaque))
}

/// `^[a-zA-Z_][a-zA-Z0-9_]*$`
fn is_variable(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_') && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Retrieves sources, and remembers which files it read and which variables it missed.
pub(super) struct Providers<'a> {
    env: &'a dyn Fn(&str) -> Option<String>,
    fetch: &'a dyn Fetch,
    files: BTreeSet<PathBuf>,
    unset: BTreeSet<String>,
}

impl<'a> Providers<'a> {
    pub(super) fn new(env: &'a dyn Fn(&str) -> Option<String>, fetch: &'a dyn Fetch) -> Self {
        Self { env, fetch, files: BTreeSet::new(), unset: BTreeSet::new() }
    }

    pub(super) fn into_files(self) -> Vec<PathBuf> {
        self.files.into_iter().collect()
    }

    /// A whole source as a mapping; nothing for one without content. What is wrong is told.
    pub(super) fn retrieve_config(&mut self, location: &Location, diagnostics: &mut Diagnostics) -> Option<Map> {
        let here = Place::new(location.name.clone(), 0, 0);
        let error = |diagnostics: &mut Diagnostics, message: String, place: Place, hint: Option<String>| {
            let mut finding = Diagnostic::new(Severity::Error, Stage::Resolve, "unreadable-source", message, place);
            finding.hint = hint;
            diagnostics.push(finding);
        };
        let retrieved = match self.retrieve(location, diagnostics, &here) {
            Ok(retrieved) => retrieved,
            Err(failure) => {
                let message = format!("cannot retrieve the configuration: {}", failure.message);
                error(diagnostics, message, failure.place.unwrap_or(here), failure.hint);
                return None;
            }
        };
        match (retrieved.node.value, retrieved.invalid) {
            (Value::Map(map), None) => Some(map),
            (Value::Null, None) => None,
            (value, None) => {
                let message = format!("retrieved value (type={}) cannot be used as a Conf", value.go_type());
                error(diagnostics, message, retrieved.node.place, Some("a configuration is a mapping of sections".to_owned()));
                None
            }
            (value, Some(reason)) => {
                let message = format!(
                    "retrieved value (type=string) cannot be used as a Conf: assuming string type since contents are not valid YAML: {}",
                    reason.message
                );
                let hint = matches!(value, Value::Map(_))
                    .then(|| "this line belongs to nothing above it: check its indentation".to_owned());
                error(diagnostics, message, reason.place, hint);
                None
            }
        }
    }

    /// The text at a location, as the value that YAML sees in it. `here` is where the reference stands.
    pub(super) fn retrieve(
        &mut self,
        location: &Location,
        diagnostics: &mut Diagnostics,
        here: &Place,
    ) -> Result<Retrieved, Failure> {
        let text = match location.scheme {
            Scheme::File => self.file(location)?,
            Scheme::Env => self.variable(&location.opaque, diagnostics, here)?,
            Scheme::Yaml => location.opaque.clone(),
            Scheme::Http => {
                let uri = &location.name;
                let bytes = self.fetch.fetch(&full_uri(location), MAX_SOURCE).map_err(Failure::new)?;
                if bytes.len() > MAX_SOURCE {
                    return Err(too_large(uri));
                }
                text_of(uri, &bytes)?
            }
        };
        let retrieved = interpret(&location.name, text)?;
        // Variables and `--set` are not shown again: what they hold is likely to be secret.
        if matches!(location.scheme, Scheme::File | Scheme::Http) {
            diagnostics.texts.add(&location.name, &retrieved.original);
        }
        Ok(retrieved)
    }

    fn file(&mut self, location: &Location) -> Result<String, Failure> {
        let path = clean(&location.opaque);
        let failure = |operation: &str, error: &std::io::Error| {
            let text = format!(
                "unable to read the file file:{}: {operation} {}: {}",
                location.opaque,
                path.display(),
                system_text(error)
            );
            Failure::new(text)
        };
        self.files.insert(path.clone());
        let file = std::fs::File::open(&path).map_err(|error| failure("open", &error))?;
        let mut bytes = Vec::new();
        file.take(MAX_SOURCE as u64 + 1).read_to_end(&mut bytes).map_err(|error| failure("read", &error))?;
        if bytes.len() > MAX_SOURCE {
            return Err(too_large(&location.name));
        }
        text_of(&location.name, &bytes)
    }

    fn variable(&mut self, opaque: &str, diagnostics: &mut Diagnostics, here: &Place) -> Result<String, Failure> {
        let (name, default) = match opaque.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (opaque, None),
        };
        if !is_variable(name) {
            let pattern = "^[a-zA-Z_][a-zA-Z0-9_]*$";
            return Err(Failure::new(format!("environment variable {name:?} has invalid name: must match regex {pattern}")));
        }
        if let Some(value) = (self.env)(name).or_else(|| default.map(str::to_owned)) {
            return Ok(value);
        }
        if self.unset.insert(name.to_owned()) {
            let message = format!("Configuration references unset environment variable {name:?}");
            diagnostics.warning(Stage::Resolve, "unset-variable", message, here.clone());
        }
        Ok(String::new())
    }
}

/// The URI as it was written, user and query included.
fn full_uri(location: &Location) -> String {
    let scheme = if location.name.starts_with("https:") { "https" } else { "http" };
    format!("{scheme}:{}", location.opaque)
}

fn too_large(name: &str) -> Failure {
    Failure::new(format!("{name} is larger than {} MiB", MAX_SOURCE >> 20)).hint("split the configuration, or generate less")
}

fn text_of(name: &ArcStr, bytes: &[u8]) -> Result<String, Failure> {
    reader::decode_bytes(name, bytes).map(|text| text.into_owned()).map_err(|error| Failure {
        message: format!("{name}: {}", error.message),
        place: Some(error.place),
        hint: None,
    })
}

/// What YAML sees in a text. Text that YAML takes for a string, or cannot read, stays as it is to the last character.
fn interpret(name: &ArcStr, text: String) -> Result<Retrieved, Failure> {
    let unsupported = |kind: &str| {
        Failure::new(format!("unsupported type={kind} for retrieved config, ensure that values are wrapped in quotes"))
    };
    let original = ArcStr::from(text);
    let verbatim = |invalid: Option<ReadError>| {
        let node = Node::new(Value::String(original.to_string()), Place::new(name.clone(), 1, 1));
        Retrieved { node, original: original.clone(), nodes: 1, invalid }
    };
    match reader::read(name, &original) {
        Ok(document) => match document.node.value {
            Value::String(_) => Ok(verbatim(None)),
            Value::Uint(_) => Err(unsupported("uint64")),
            Value::Map(_) if document.untyped_keys => Err(unsupported("map[interface {}]interface {}")),
            _ => Ok(Retrieved { node: document.node, original, nodes: document.nodes, invalid: document.rest }),
        },
        Err(error) if error.kind == Fault::Limit => {
            Err(Failure { message: format!("{name}: {}", error.message), place: Some(error.place), hint: None })
        }
        Err(error) => Ok(verbatim(Some(error))),
    }
}

/// A path without `.` and needless parents, as Go cleans it.
fn clean(path: &str) -> PathBuf {
    use std::path::Component;
    let mut out = PathBuf::new();
    for part in Path::new(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            Component::ParentDir if out.has_root() => {}
            other => out.push(other),
        }
    }
    if out.as_os_str().is_empty() { PathBuf::from(".") } else { out }
}

/// A system error in the words of Go.
fn system_text(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => "no such file or directory".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        ErrorKind::IsADirectory => "is a directory".to_owned(),
        ErrorKind::NotADirectory => "not a directory".to_owned(),
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or_default().to_lowercase()
        }
    }
}
