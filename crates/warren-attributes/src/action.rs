//! Actions, compiled: what is done to one attribute set.

use warren_component::ClientInfo;
use warren_match::{text, written};
use warren_pdata::{Attrs, Text, Value};
use warren_regex::{Captures, Regex};
use warren_telemetry::{Field, Logger};

use crate::ActionSettings;
use crate::convert::{Target, converted, hashed};

/// Why an action cannot be used; the texts are upstream's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ActionError {
    message: String,
    /// How to put it right.
    pub hint: Option<String>,
}

/// A list of actions, applied in order.
#[derive(Debug, Clone)]
pub struct Actions {
    steps: Box<[Step]>,
}

#[derive(Debug, Clone)]
enum Step {
    Insert { key: Text, source: Source },
    Update { key: Text, source: Source },
    Upsert { key: Text, source: Source },
    Delete { key: Text, pattern: Option<Regex> },
    Hash { key: Text, pattern: Option<Regex> },
    Extract { key: Text, pattern: Regex, names: Box<[Text]> },
    Convert { key: Text, target: Target },
}

/// Where a new value comes from.
#[derive(Debug, Clone)]
enum Source {
    Written(Value),
    Attribute(Text),
    ClientAddress,
    ClientMetadata(String),
    ClientIdentity(String),
}

impl Actions {
    /// Compiles actions.
    ///
    /// # Errors
    /// The first fault of each faulty action, with its index.
    pub fn new(actions: &[ActionSettings]) -> Result<Self, Vec<(usize, ActionError)>> {
        let mut errors = Vec::new();
        let mut steps = Vec::with_capacity(actions.len());
        for (index, action) in actions.iter().enumerate() {
            match Step::new(action, index) {
                Ok(step) => steps.push(step),
                Err((message, hint)) => errors.push((index, ActionError { message, hint })),
            }
        }
        if errors.is_empty() { Ok(Self { steps: steps.into() }) } else { Err(errors) }
    }

    /// Whether the outcome depends on who sent the data.
    pub(crate) fn depends_on_client(&self) -> bool {
        self.steps.iter().any(|step| match step {
            Step::Insert { source, .. } | Step::Update { source, .. } | Step::Upsert { source, .. } => source.is_client(),
            _ => false,
        })
    }

    /// Applies the actions. A set that they leave as it is, is not copied.
    pub(crate) fn apply(&self, attrs: &mut Attrs, client: Option<&ClientInfo>, log: &Logger) {
        for step in &self.steps {
            step.apply(attrs, client, log);
        }
    }
}

/// A message, and how to put it right.
type Fault = (String, Option<String>);

fn fault(message: String) -> Fault {
    (message, None)
}

impl Step {
    fn new(settings: &ActionSettings, index: usize) -> Result<Self, Fault> {
        let name = settings.action.to_lowercase();
        let key: Text = settings.key.as_str().into();
        match name.as_str() {
            "delete" | "hash" if settings.key.is_empty() && settings.pattern.is_empty() => Err(fault(format!(
                "error creating AttrProc due to missing required field (at least one of \"key\" and \"pattern\" have to be used) at \
                 the {index}-th actions"
            ))),
            "delete" | "hash" => {
                let pattern = key_pattern(settings, &name, index)?;
                Ok(if name == "delete" { Self::Delete { key, pattern } } else { Self::Hash { key, pattern } })
            }
            _ if settings.key.is_empty() => {
                Err(fault(format!("error creating AttrProc due to missing required field \"key\" at the {index}-th actions")))
            }
            "insert" => Ok(Self::Insert { key, source: source(settings, &name, index)? }),
            "update" => Ok(Self::Update { key, source: source(settings, &name, index)? }),
            "upsert" => Ok(Self::Upsert { key, source: source(settings, &name, index)? }),
            "extract" => extract(settings, key, &name, index),
            "convert" => convert(settings, key, &name, index),
            _ => Err((
                format!("error creating AttrProc due to unsupported action {name:?} at the {index}-th actions"),
                Some("one of insert, update, upsert, delete, hash, extract, convert".to_owned()),
            )),
        }
    }

    fn apply(&self, attrs: &mut Attrs, client: Option<&ClientInfo>, log: &Logger) {
        match self {
            Self::Insert { key, source } => {
                if let (Some(value), None) = (source.value(attrs, client), attrs.get(key)) {
                    attrs.upsert(key.clone(), value);
                }
            }
            Self::Update { key, source } => {
                if let (Some(value), Some(_)) = (source.value(attrs, client), attrs.get(key)) {
                    set(attrs, key, value);
                }
            }
            Self::Upsert { key, source } => {
                if let Some(value) = source.value(attrs, client) {
                    set(attrs, key, value);
                }
            }
            Self::Delete { key, pattern } => delete(attrs, key, pattern.as_ref()),
            Self::Hash { key, pattern } => hash(attrs, key, pattern.as_ref()),
            Self::Extract { key, pattern, names } => extract_groups(attrs, key, pattern, names),
            Self::Convert { key, target } => {
                let Some(value) = attrs.get(key) else { return };
                match converted(value, *target) {
                    Some(value) => set(attrs, key, value),
                    None => tell_unconverted(key, value, *target, log),
                }
            }
        }
    }
}

/// Sets a value; a set that already has it is not copied.
fn set(attrs: &mut Attrs, key: &Text, value: Value) {
    if attrs.get(key) != Some(&value) {
        attrs.upsert(key.clone(), value);
    }
}

/// Removes the attribute, the last one taking its place, then those whose keys match, in order.
fn delete(attrs: &mut Attrs, key: &str, pattern: Option<&Regex>) {
    if let Some(index) = attrs.iter().position(|entry| entry.key == key) {
        attrs.edit().swap_remove(index);
    }
    let matches = |key: &str| pattern.is_some_and(|pattern| pattern.is_match(key));
    if attrs.iter().any(|entry| matches(&entry.key)) {
        attrs.edit().retain(|entry| !matches(&entry.key));
    }
}

/// Hashes the attribute, then those whose keys match: one that is both is hashed twice.
fn hash(attrs: &mut Attrs, key: &Text, pattern: Option<&Regex>) {
    if let Some(value) = attrs.get(key).map(hashed) {
        set(attrs, key, value);
    }
    let matches = |key: &str| pattern.is_some_and(|pattern| pattern.is_match(key));
    if attrs.iter().any(|entry| matches(&entry.key)) {
        for entry in attrs.edit().iter_mut().filter(|entry| matches(&entry.key)) {
            entry.value = hashed(&entry.value);
        }
    }
}

/// Sets one attribute for each group; a group that took no part becomes empty text.
fn extract_groups(attrs: &mut Attrs, key: &str, pattern: &Regex, names: &[Text]) {
    let Some(Value::Str(text)) = attrs.get(key).cloned() else { return };
    let mut captures = Captures::default();
    if pattern.captures(&text, &mut captures) {
        for (group, name) in names.iter().enumerate() {
            let found = captures.get(&text, group + 1).unwrap_or_default();
            set(attrs, name, Value::from(found));
        }
    }
}

fn tell_unconverted(key: &str, value: &Value, target: Target, log: &Logger) {
    let kind = match (target, value) {
        (Target::String, Value::Str(_)) | (Target::Int, Value::Int(_)) | (Target::Double, Value::Double(_)) => return,
        (Target::Int, Value::Str(_)) => "String could not be converted to int",
        (Target::Double, Value::Str(_)) => "String could not be converted to double",
        _ => "Unable to convert type",
    };
    log.debug(kind, &[("key", Field::Str(key)), ("value", Field::Str(&text(value)))]);
}

impl Source {
    fn is_client(&self) -> bool {
        matches!(self, Self::ClientAddress | Self::ClientMetadata(_) | Self::ClientIdentity(_))
    }

    fn value(&self, attrs: &Attrs, client: Option<&ClientInfo>) -> Option<Value> {
        match self {
            Self::Written(value) => Some(value.clone()),
            Self::Attribute(key) => attrs.get(key).cloned(),
            Self::ClientAddress => {
                let address = client.and_then(|client| client.address);
                Some(Value::from(address.map(|address| address.to_string()).unwrap_or_default()))
            }
            Self::ClientMetadata(key) => {
                let values: Vec<_> = client?.metadata(key).collect();
                (!values.is_empty()).then(|| Value::from(values.join(";")))
            }
            Self::ClientIdentity(name) => {
                let attributes = &client?.identity.attributes;
                attributes.iter().find(|(known, _)| known == name).map(|(_, value)| Value::from(value.as_str()))
            }
        }
    }

    fn context(key: &str) -> Self {
        if key == "client.address" {
            Self::ClientAddress
        } else if let Some(name) = key.strip_prefix("auth.") {
            Self::ClientIdentity(name.to_owned())
        } else {
            Self::ClientMetadata(key.strip_prefix("metadata.").unwrap_or(key).to_owned())
        }
    }
}

/// Where the value of `insert`, `update` and `upsert` comes from.
fn source(settings: &ActionSettings, name: &str, index: usize) -> Result<Source, Fault> {
    if value_sources(settings) == 0 {
        return Err(fault(format!(
            "error creating AttrProc. Either field \"value\", \"from_attribute\" or \"from_context\" setting must be specified for \
             {index}-th action"
        )));
    }
    if value_sources(settings) > 1 {
        return Err(fault(format!("error creating AttrProc due to multiple value sources being set at the {index}-th actions")));
    }
    if !settings.pattern.is_empty() {
        return Err(fault(format!(
            "error creating AttrProc. Action \"{name}\" does not use the \"pattern\" field. This must not be specified for \
             {index}-th action"
        )));
    }
    no_converted_type(settings, name, index)?;
    match &settings.value {
        Some(node) => match written(node) {
            Some(value) => Ok(Source::Written(value)),
            None => {
                Err(("<Invalid value type time.Time>".to_owned(), Some("put the value in quotes to make it text".to_owned())))
            }
        },
        None if !settings.from_attribute.is_empty() => Ok(Source::Attribute(settings.from_attribute.as_str().into())),
        None => Ok(Source::context(&settings.from_context)),
    }
}

/// The pattern on keys of `delete` and `hash`.
fn key_pattern(settings: &ActionSettings, name: &str, index: usize) -> Result<Option<Regex>, Fault> {
    if settings.value.is_some() || !settings.from_attribute.is_empty() {
        return Err(fault(format!(
            "error creating AttrProc. Action \"{name}\" does not use \"value\" or \"from_attribute\" field. These must not be \
             specified for {index}-th action"
        )));
    }
    let pattern = if settings.pattern.is_empty() { None } else { Some(compile(settings, index)?) };
    no_converted_type(settings, name, index)?;
    Ok(pattern)
}

fn extract(settings: &ActionSettings, key: Text, name: &str, index: usize) -> Result<Step, Fault> {
    if value_sources(settings) > 0 {
        return Err(fault(format!(
            "error creating AttrProc. Action \"{name}\" does not use a value source field. These must not be specified for \
             {index}-th action"
        )));
    }
    if settings.pattern.is_empty() {
        return Err(fault(format!(
            "error creating AttrProc due to missing required field \"pattern\" for action \"{name}\" at the {index}-th action"
        )));
    }
    no_converted_type(settings, name, index)?;
    let pattern = compile(settings, index)?;
    let names: Vec<Option<Text>> = pattern.names().skip(1).map(|name| name.map(Text::from)).collect();
    if names.is_empty() {
        return Err(fault(format!(
            "error creating AttrProc. Field \"pattern\" contains no named matcher groups at the {index}-th actions"
        )));
    }
    let Some(names) = names.into_iter().collect::<Option<Box<[Text]>>>() else {
        return Err((
            format!(
                "error creating AttrProc. Field \"pattern\" contains at least one unnamed matcher group at the {index}-th actions"
            ),
            Some("name it, (?P<name>…), or make it (?:…)".to_owned()),
        ));
    };
    Ok(Step::Extract { key, pattern, names })
}

fn convert(settings: &ActionSettings, key: Text, name: &str, index: usize) -> Result<Step, Fault> {
    if value_sources(settings) > 0 || !settings.pattern.is_empty() {
        return Err(fault(format!(
            "error creating AttrProc. Action \"{name}\" does not use value sources or \"pattern\" field. These must not be specified \
             for {index}-th action"
        )));
    }
    let target = &settings.converted_type;
    if target.is_empty() {
        return Err(fault(format!(
            "error creating AttrProc due to missing required field \"converted_type\" for action \"{name}\" at the {index}-th action"
        )));
    }
    match Target::from_name(target) {
        Some(target) => Ok(Step::Convert { key, target }),
        None => Err((
            format!(
                "error creating AttrProc due to invalid value \"{target}\" in field \"converted_type\" for action \"{name}\" at the \
                 {index}-th action"
            ),
            Some("one of int, double, string".to_owned()),
        )),
    }
}

fn compile(settings: &ActionSettings, index: usize) -> Result<Regex, Fault> {
    Regex::new(&settings.pattern).map_err(|error| {
        let message = format!(
            "error creating AttrProc. Field \"pattern\" has invalid pattern: \"{}\" to be set at the {index}-th actions",
            settings.pattern
        );
        (message, Some(error.to_string()))
    })
}

fn no_converted_type(settings: &ActionSettings, name: &str, index: usize) -> Result<(), Fault> {
    if settings.converted_type.is_empty() {
        return Ok(());
    }
    Err(fault(format!(
        "error creating AttrProc. Action \"{name}\" does not use the \"converted_type\" field. This must not be specified for \
         {index}-th action"
    )))
}

/// How many of `value`, `from_attribute` and `from_context` are given.
fn value_sources(settings: &ActionSettings) -> usize {
    [settings.value.is_some(), !settings.from_attribute.is_empty(), !settings.from_context.is_empty()]
        .into_iter()
        .filter(|given| *given)
        .count()
}

#[cfg(test)]
mod tests;
