//! `include` and `exclude`: what is not chosen is dropped.

use warren_config::{Block, Fields, Report};
use warren_match::{
    AttributeMatch, Attributes, Expression, MatchSettings, Names, RegexpSettings, SelectionSettings, Selector, SeverityMatch,
};
use warren_pdata::names::{SEVERITIES, SEVERITY_PREFIX};
use warren_pdata::{Metric, Resource, Signal};

/// Properties of metrics and of their resources.
#[derive(Clone, Debug, Default)]
pub struct MetricProperties {
    /// `strict`, `regexp` or `expr`.
    pub match_type: String,
    /// Caching of matches; accepted, matches are not cached.
    pub regexp: Option<RegexpSettings>,
    /// Names or patterns, of which one must match.
    pub metric_names: Vec<String>,
    /// Expressions, of which one must hold for a point of the metric.
    pub expressions: Vec<String>,
    /// Attributes of the resource, which must all match.
    pub resource_attributes: Vec<AttributeMatch>,
}

impl Block for MetricProperties {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("match_type", &mut self.match_type);
        f.optional("regexp", &mut self.regexp);
        f.list("metric_names", &mut self.metric_names);
        f.list("expressions", &mut self.expressions);
        f.blocks("resource_attributes", &mut self.resource_attributes);
    }
}

/// Properties of log records and of their resources, which must all hold.
#[derive(Clone, Debug, Default)]
pub struct LogProperties {
    /// `strict` or `regexp`.
    pub match_type: String,
    /// Attributes of the resource, which must all match.
    pub resource_attributes: Vec<AttributeMatch>,
    /// Attributes of the record, which must all match.
    pub record_attributes: Vec<AttributeMatch>,
    /// Texts of severities, of which one must match.
    pub severity_texts: Vec<String>,
    /// The least severity.
    pub severity_number: Option<LeastSeverity>,
    /// Bodies, of which one must match.
    pub bodies: Vec<String>,
}

/// `severity_number`.
#[derive(Clone, Debug, Default)]
pub struct LeastSeverity {
    /// A name of a severity in any case, or its number.
    pub min: String,
    /// Whether records without a severity match.
    pub match_undefined: bool,
}

impl Block for LogProperties {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("match_type", &mut self.match_type);
        f.blocks("resource_attributes", &mut self.resource_attributes);
        f.blocks("record_attributes", &mut self.record_attributes);
        f.list("severity_texts", &mut self.severity_texts);
        f.optional("severity_number", &mut self.severity_number);
        f.list("bodies", &mut self.bodies);
    }
}

impl Block for LeastSeverity {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("min", &mut self.min);
        f.scalar("match_undefined", &mut self.match_undefined);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if !self.min.is_empty() && severity(&self.min) == 0 {
            report.warning("min", format!("'{}' is not a valid severity: every severity matches", self.min));
        }
    }
}

/// The number of a severity; zero if there is none of that name.
fn severity(name: &str) -> i32 {
    let upper = name.to_uppercase();
    let is_meant =
        |known: &str, number: i32| known.strip_prefix(SEVERITY_PREFIX) == Some(upper.as_str()) || upper == number.to_string();
    SEVERITIES.iter().skip(1).find(|(known, number)| is_meant(known, *number)).map_or(0, |(_, number)| *number)
}

/// Chooses log records; `None` if nothing is asked for.
pub(crate) fn log_selector(include: Option<&LogProperties>, exclude: Option<&LogProperties>) -> Result<Option<Selector>, String> {
    let block = |properties: &LogProperties| {
        let number = properties.severity_number.as_ref();
        let settings = MatchSettings {
            match_type: properties.match_type.clone(),
            resources: properties.resource_attributes.clone(),
            attributes: properties.record_attributes.clone(),
            log_severity_texts: properties.severity_texts.clone(),
            log_bodies: properties.bodies.clone(),
            log_severity_number: number
                .map(|number| SeverityMatch { min: severity(&number.min), match_undefined: number.match_undefined }),
            ..MatchSettings::default()
        };
        let lists =
            settings.resources.len() + settings.attributes.len() + settings.log_severity_texts.len() + settings.log_bodies.len();
        (lists > 0 || settings.log_severity_number.is_some()).then_some(settings)
    };
    let settings = SelectionSettings { include: include.and_then(block), exclude: exclude.and_then(block) };
    selector(&settings, Signal::Logs).map_err(|error| format!("failed to build skip matcher: {error}"))
}

/// Chooses items of a signal; `None` if nothing is asked for.
pub(crate) fn selector(settings: &SelectionSettings, signal: Signal) -> Result<Option<Selector>, String> {
    let selector = Selector::new(settings, signal).map_err(|error| format!("{}: {error}", error.key))?;
    Ok((!selector.chooses_all()).then_some(selector))
}

/// Chooses metrics.
pub(crate) struct MetricSelector {
    include: Properties,
    exclude: Properties,
}

/// Compiled properties; what is absent is not asked for. Names and resources are asked for independently of each other.
#[derive(Default)]
struct Properties {
    names: Option<Named>,
    resources: Option<Attributes>,
}

enum Named {
    Names(Names),
    Expressions(Vec<Expression>),
}

impl MetricSelector {
    /// `None` if nothing is asked for.
    pub(crate) fn new(include: Option<&MetricProperties>, exclude: Option<&MetricProperties>) -> Result<Option<Self>, String> {
        let compiled = |key: &str, properties: Option<&MetricProperties>| match properties {
            None => Ok(Properties::default()),
            Some(properties) => Properties::new(properties).map_err(|error| format!("{key}: {error}")),
        };
        let selector = Self { include: compiled("include", include)?, exclude: compiled("exclude", exclude)? };
        let asks = |properties: &Properties| properties.names.is_some() || properties.resources.is_some();
        Ok((asks(&selector.include) || asks(&selector.exclude)).then_some(selector))
    }

    /// Whether metrics of a resource may be chosen.
    pub(crate) fn chooses_resource(&self, resource: &Resource) -> bool {
        let matches = |properties: &Properties| properties.resources.as_ref().map(|wanted| wanted.match_all(&resource.attrs));
        matches(&self.include) != Some(false) && matches(&self.exclude) != Some(true)
    }

    /// Whether a metric of a chosen resource is chosen.
    pub(crate) fn chooses(&self, metric: &Metric) -> bool {
        let matches = |properties: &Properties| properties.names.as_ref().map(|names| names.matches(metric));
        matches(&self.include) != Some(false) && matches(&self.exclude) != Some(true)
    }
}

impl Properties {
    fn new(properties: &MetricProperties) -> Result<Self, String> {
        let MetricProperties { match_type, metric_names, expressions, resource_attributes, .. } = properties;
        let names = match match_type.as_str() {
            "expr" if expressions.is_empty() => None,
            "expr" => {
                let compiled: Result<_, _> = expressions.iter().map(|text| Expression::new(text)).collect();
                Some(Named::Expressions(compiled.map_err(|error| error.to_string())?))
            }
            _ if metric_names.is_empty() => None,
            _ => Some(Named::Names(Names::new(match_type, metric_names)?)),
        };
        let resources = match resource_attributes.as_slice() {
            [] => None,
            attributes => Some(Attributes::new(match_type, attributes)?),
        };
        Ok(Self { names, resources })
    }
}

impl Named {
    fn matches(&self, metric: &Metric) -> bool {
        match self {
            Self::Names(names) => names.matches(&metric.name),
            Self::Expressions(expressions) => expressions.iter().any(|expression| expression.matches(metric)),
        }
    }
}
