//! Choosing items: `include` and `exclude`.

use warren_pdata::names::SPAN_KINDS;
use warren_pdata::{LogRecord, Metric, Resource, Scope, Signal, Span};

use crate::matching::{Attributes, Names};
use crate::settings::{MatchSettings, SelectionSettings, SeverityMatch};
use crate::value::text;

/// Why a match block cannot be used for a signal; the texts are upstream's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SelectError {
    /// `include` or `exclude`.
    pub key: &'static str,
    message: String,
}

/// Says which items of one signal are chosen.
#[derive(Debug, Clone, Default)]
pub struct Selector {
    include: Option<Properties>,
    exclude: Option<Properties>,
}

/// Compiled properties; what is absent holds for everything.
#[derive(Debug, Clone, Default)]
struct Properties {
    services: Option<Names>,
    span_names: Option<Names>,
    span_kinds: Option<Names>,
    bodies: Option<Names>,
    severity_texts: Option<Names>,
    severity: Option<SeverityMatch>,
    metric_names: Option<Names>,
    attributes: Attributes,
    resources: Attributes,
    libraries: Box<[(Names, Option<Names>)]>,
}

impl Selector {
    /// Compiles the settings for one signal.
    ///
    /// # Errors
    /// Properties that the signal does not have, none that it has, and faulty ones.
    pub fn new(settings: &SelectionSettings, signal: Signal) -> Result<Self, SelectError> {
        let compile = |key, settings: &Option<MatchSettings>| match settings {
            None => Ok(None),
            Some(settings) => Properties::new(settings, signal).map_err(|message| SelectError { key, message }),
        };
        Ok(Self { include: compile("include", &settings.include)?, exclude: compile("exclude", &settings.exclude)? })
    }

    /// Whether everything is chosen.
    pub fn chooses_all(&self) -> bool {
        self.include.is_none() && self.exclude.is_none()
    }

    /// Whether a span is chosen.
    pub fn chooses_span(&self, span: &Span, resource: &Resource, scope: &Scope) -> bool {
        self.chooses(|properties| {
            let service = || match resource.attrs.get("service.name") {
                Some(name) => text(name),
                None => "<nil-service-name>".into(),
            };
            let kind = || usize::try_from(span.kind).ok().and_then(|kind| SPAN_KINDS.get(kind)).map_or("", |(name, _)| *name);
            holds(&properties.services, || service().to_string())
                && holds(&properties.span_names, || span.name.as_str())
                && holds(&properties.span_kinds, kind)
                && properties.frame_holds(&span.attrs, resource, scope)
        })
    }

    /// Whether a log record is chosen.
    pub fn chooses_log(&self, record: &LogRecord, resource: &Resource, scope: &Scope) -> bool {
        self.chooses(|properties| {
            let severe = properties.severity.is_none_or(|severity| match record.severity_number {
                0 => severity.match_undefined,
                number => number >= severity.min,
            });
            severe
                && holds(&properties.bodies, || text(&record.body).to_string())
                && holds(&properties.severity_texts, || record.severity_text.as_str())
                && properties.frame_holds(&record.attrs, resource, scope)
        })
    }

    /// Whether a metric is chosen. Upstream checks `resources` of metrics and then does not look at them; so it is here.
    pub fn chooses_metric(&self, metric: &Metric) -> bool {
        self.chooses(|properties| holds(&properties.metric_names, || metric.name.as_str()))
    }

    fn chooses(&self, holds: impl Fn(&Properties) -> bool) -> bool {
        self.include.as_ref().is_none_or(&holds) && !self.exclude.as_ref().is_some_and(holds)
    }
}

/// Whether a property holds; its text is only made when it is asked for.
fn holds<T: AsRef<str>>(names: &Option<Names>, text: impl FnOnce() -> T) -> bool {
    names.as_ref().is_none_or(|names| names.matches(text().as_ref()))
}

impl Properties {
    /// Compiled for a signal; `None` when nothing in it says anything about the signal's items.
    fn new(settings: &MatchSettings, signal: Signal) -> Result<Option<Self>, String> {
        match signal {
            Signal::Traces => check_spans(settings)?,
            Signal::Logs => check_logs(settings)?,
            Signal::Metrics => check_metrics(settings)?,
        }
        let kind = settings.match_type.as_str();
        let names = |list: &[String]| if list.is_empty() { Ok(None) } else { Names::new(kind, list).map(Some) };
        if signal == Signal::Metrics {
            let metric_names = names(&settings.metric_names)?;
            return Ok(metric_names.map(|names| Self { metric_names: Some(names), ..Self::default() }));
        }
        let named = |list: &[String], what: &str| names(list).map_err(|error| format!("error creating {what} filters: {error}"));
        let libraries = settings.libraries.iter().map(|library| {
            let name =
                Names::new(kind, [&library.name]).map_err(|error| format!("error creating library name filters: {error}"))?;
            let version = library.version.as_ref().map(|version| Names::new(kind, [version])).transpose();
            Ok((name, version.map_err(|error| format!("error creating library version filters: {error}"))?))
        });
        let attributes =
            |list, what: &str| Attributes::new(kind, list).map_err(|error| format!("error creating {what} filters: {error}"));
        Ok(Some(Self {
            libraries: libraries.collect::<Result<_, String>>()?,
            attributes: attributes(&settings.attributes, "attribute")?,
            resources: attributes(&settings.resources, "resource")?,
            services: named(&settings.services, "service name")?,
            span_names: named(&settings.span_names, "span name")?,
            span_kinds: named(&settings.span_kinds, "span kind")?,
            bodies: named(&settings.log_bodies, "log record body")?,
            severity_texts: named(&settings.log_severity_texts, "log record severity text")?,
            severity: settings.log_severity_number,
            metric_names: None,
        }))
    }

    /// What spans and log records have in common.
    fn frame_holds(&self, attrs: &warren_pdata::Attrs, resource: &Resource, scope: &Scope) -> bool {
        let library = |(name, version): &(Names, Option<Names>)| {
            name.matches(&scope.name) && version.as_ref().is_none_or(|version| version.matches(&scope.version))
        };
        self.libraries.iter().all(library) && self.resources.match_all(&resource.attrs) && self.attributes.match_all(attrs)
    }
}

fn check_spans(settings: &MatchSettings) -> Result<(), String> {
    let foreign = [
        ("log_bodies", !settings.log_bodies.is_empty()),
        ("log_severity_texts", !settings.log_severity_texts.is_empty()),
        ("log_severity_number", settings.log_severity_number.is_some()),
        ("metric_names", !settings.metric_names.is_empty()),
    ];
    if let Some((name, _)) = foreign.iter().find(|(_, given)| *given) {
        return Err(format!("{name} should not be specified for trace spans"));
    }
    let nothing = settings.services.is_empty() && settings.span_names.is_empty() && settings.span_kinds.is_empty();
    if nothing && lacks_frame(settings) {
        return Err("at least one of \"attributes\", \"libraries\",  or \"resources\" field must be specified".to_owned());
    }
    let mut standard: Vec<&str> = SPAN_KINDS.iter().skip(1).map(|(name, _)| *name).collect();
    if settings.match_type == "strict" && settings.span_kinds.iter().any(|kind| !standard.contains(&kind.as_str())) {
        standard.sort_unstable();
        let standard = standard.join(" ");
        return Err(format!("span_kinds string must match one of the standard span kinds when match_type=strict: [{standard}]"));
    }
    Ok(())
}

fn check_logs(settings: &MatchSettings) -> Result<(), String> {
    let foreign = [&settings.span_names, &settings.services, &settings.span_kinds, &settings.metric_names];
    if foreign.iter().any(|list| !list.is_empty()) {
        return Err("services, span_names, span_kinds and metric_names are not valid for log records".to_owned());
    }
    let nothing = settings.log_bodies.is_empty() && settings.log_severity_texts.is_empty();
    if nothing && settings.log_severity_number.is_none() && lacks_frame(settings) {
        return Err("at least one of \"attributes\", \"libraries\", \"span_kinds\", \"resources\", \"log_bodies\", \
                    \"log_severity_texts\" or \"log_severity_number\" field must be specified"
            .to_owned());
    }
    Ok(())
}

fn check_metrics(settings: &MatchSettings) -> Result<(), String> {
    let foreign =
        [&settings.log_bodies, &settings.log_severity_texts, &settings.span_names, &settings.services, &settings.span_kinds];
    let foreign = foreign.iter().any(|list| !list.is_empty())
        || !settings.attributes.is_empty()
        || !settings.libraries.is_empty()
        || settings.log_severity_number.is_some();
    if foreign {
        return Err(
            "\"span_names\", \"span_kinds\", \"log_bodies\", \"log_severity_texts\", \"log_severity_number\", \"services\", \
                    \"attributes\" and \"libraries\" are not valid for metrics"
                .to_owned(),
        );
    }
    if settings.metric_names.is_empty() && settings.resources.is_empty() {
        return Err("at least one of \"metric_names\" or \"resources\" field must be specified".to_owned());
    }
    Ok(())
}

/// Whether nothing is said about attributes, resource and scope.
fn lacks_frame(settings: &MatchSettings) -> bool {
    settings.attributes.is_empty() && settings.libraries.is_empty() && settings.resources.is_empty()
}

#[cfg(test)]
mod tests;
