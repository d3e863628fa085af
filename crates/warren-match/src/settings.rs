//! What users write: match blocks.

use warren_config::{Block, Fields, Node, Report};

/// `include` and `exclude`.
#[derive(Clone, Debug, Default)]
pub struct SelectionSettings {
    /// What is chosen; everything when absent.
    pub include: Option<MatchSettings>,
    /// What of it is not.
    pub exclude: Option<MatchSettings>,
}

impl Block for SelectionSettings {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.optional("include", &mut self.include);
        f.optional("exclude", &mut self.exclude);
    }
}

/// Properties that must all hold.
#[derive(Clone, Debug, Default)]
pub struct MatchSettings {
    /// `strict` or `regexp`.
    pub match_type: String,
    /// Caching of matches; accepted, matches are not cached.
    pub regexp: Option<RegexpSettings>,
    /// Names of services, of which one must match (spans).
    pub services: Vec<String>,
    /// Names of spans, of which one must match.
    pub span_names: Vec<String>,
    /// Kinds of spans, of which one must match.
    pub span_kinds: Vec<String>,
    /// Bodies of log records, of which one must match.
    pub log_bodies: Vec<String>,
    /// Severity texts of log records, of which one must match.
    pub log_severity_texts: Vec<String>,
    /// Least severity of log records.
    pub log_severity_number: Option<SeverityMatch>,
    /// Names of metrics, of which one must match.
    pub metric_names: Vec<String>,
    /// Attributes of the span or log record, which must all match.
    pub attributes: Vec<AttributeMatch>,
    /// Attributes of the resource, which must all match.
    pub resources: Vec<AttributeMatch>,
    /// Instrumentation scopes, which must all match.
    pub libraries: Vec<LibraryMatch>,
}

impl Block for MatchSettings {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("match_type", &mut self.match_type);
        f.optional("regexp", &mut self.regexp);
        f.list("services", &mut self.services);
        f.list("span_names", &mut self.span_names);
        f.list("span_kinds", &mut self.span_kinds);
        f.list("log_bodies", &mut self.log_bodies);
        f.list("log_severity_texts", &mut self.log_severity_texts);
        f.optional("log_severity_number", &mut self.log_severity_number);
        f.list("metric_names", &mut self.metric_names);
        f.blocks("attributes", &mut self.attributes);
        f.blocks("resources", &mut self.resources);
        f.blocks("libraries", &mut self.libraries);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if self.match_type == "expr" {
            let hint = "use match_type strict or regexp, or the filter and transform processors";
            report.error_with_hint("match_type", "unrecognized match_type: 'expr', valid types are: [regexp strict]", hint);
        }
    }
}

/// `regexp`: how matches would be cached.
#[derive(Clone, Debug, Default)]
pub struct RegexpSettings {
    cache_enabled: bool,
    cache_max_num_entries: i64,
}

impl Block for RegexpSettings {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("cacheenabled", &mut self.cache_enabled);
        f.scalar("cachemaxnumentries", &mut self.cache_max_num_entries);
    }
}

/// `log_severity_number`.
#[derive(Clone, Copy, Debug, Default)]
pub struct SeverityMatch {
    /// Least severity, 1 to 24.
    pub min: i32,
    /// Whether records without a severity match.
    pub match_undefined: bool,
}

impl Block for SeverityMatch {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("min", &mut self.min);
        f.scalar("match_undefined", &mut self.match_undefined);
    }
}

/// An attribute that must be there, and its value.
#[derive(Clone, Debug, Default)]
pub struct AttributeMatch {
    /// Its key.
    pub key: String,
    /// Its value, or a pattern for it; any when absent.
    pub value: Option<Node>,
}

impl Block for AttributeMatch {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("key", &mut self.key);
        f.any("value", &mut self.value);
    }
}

/// An instrumentation scope.
#[derive(Clone, Debug, Default)]
pub struct LibraryMatch {
    /// Its name.
    pub name: String,
    /// Its version; any when absent.
    pub version: Option<String>,
}

impl Block for LibraryMatch {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("name", &mut self.name);
        f.optional_scalar("version", &mut self.version);
    }
}
