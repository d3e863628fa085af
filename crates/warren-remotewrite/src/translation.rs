//! What is translated how, as far as the configuration decides it.

use warren_gotext::as_string;
use warren_pdata::{Attrs, Value};
use warren_promname::{MetricNamer, label_name};

/// How metrics become series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Translation {
    /// Names of metrics.
    pub namer: MetricNamer,
    /// Labels that every series gets unless it has a label of that name.
    pub external_labels: ExternalLabels,
    /// Whether each resource gives a series `target_info`.
    pub target_info: bool,
    /// Whether the attributes of a resource become labels of all its series.
    pub resource_attributes: bool,
}

/// Labels by valid names, none of which occurs twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExternalLabels(Vec<(String, String)>);

impl<N: AsRef<str>, V: Into<String>> FromIterator<(N, V)> for ExternalLabels {
    /// Cleans the names. Of two that become one, the last counts.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(labels: I) -> Self {
        let mut all = Vec::new();
        for (name, value) in labels {
            let name = label_name(name.as_ref()).into_owned();
            all.retain(|(known, _)| *known != name);
            all.push((name, value.into()));
        }
        Self(all)
    }
}

impl ExternalLabels {
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, (String, String)> {
        self.0.iter()
    }
}

impl Translation {
    /// The name of the series that tells about resources.
    pub(crate) fn target_info_name(&self) -> String {
        match self.namer.namespace.as_str() {
            "" => "target_info".to_owned(),
            namespace => format!("{namespace}_target_info"),
        }
    }
}

/// Attributes that identify a resource: they become `job` and `instance`.
pub(crate) const IDENTIFYING: [&str; 3] = ["service.namespace", "service.name", "service.instance.id"];

/// What all series of a resource have in common.
pub(crate) struct ResourceLabels<'a> {
    /// Its attributes.
    pub(crate) attrs: &'a Attrs,
    /// `job`: the service's name, with its namespace before it.
    pub(crate) job: Option<String>,
    /// `instance`: the id of the service's instance.
    pub(crate) instance: Option<String>,
}

impl<'a> ResourceLabels<'a> {
    pub(crate) fn new(attrs: &'a Attrs) -> Self {
        let [namespace, name, instance] = IDENTIFYING.map(|key| attrs.get(key).map(text));
        let job = match (namespace, name) {
            (Some(namespace), Some(name)) => Some(format!("{namespace}/{name}")),
            (_, name) => name,
        };
        Self { attrs, job, instance }
    }

    /// Attributes that `job` and `instance` do not tell.
    pub(crate) fn telling(&self) -> bool {
        self.attrs.iter().any(|entry| !IDENTIFYING.contains(&entry.key.as_str()))
    }
}

/// A value as text.
pub(crate) fn text(value: &Value) -> String {
    let mut out = String::new();
    as_string(&mut out, value);
    out
}
