//! From the labels of a series to its place: dropped, or a metric, an attribute set and a role. Done once per series.

use super::cache::Role;
use super::metadata::{Belongs, Families, OWN};
use super::metric::MetricTable;
use super::origin::Origins;
use super::recall::Recall;
use super::{PageError, Rules};
use crate::labels::Labels;
use crate::relabel::Verdict;
use warren_exposition::{FamilyKind, SeriesText, parse_number};
use warren_pdata::{Attrs, AttrsPool, KeyValue, TextPool};

/// The label that holds a series' name.
const NAME: &str = "__name__";

/// Labels that never become attributes.
const UNUSED: [&str; 5] = [NAME, "job", "instance", "__scheme__", "__metrics_path__"];

/// Labels of the scope.
const SCOPE: [&str; 3] = ["otel_scope_name", "otel_scope_version", "otel_scope_schema_url"];

/// Where a series belongs.
pub(super) struct Place {
    pub(super) role: Role,
    pub(super) metric: u32,
    pub(super) attrs: Attrs,
    /// Upper bound or quantile.
    pub(super) bound: f64,
}

impl Place {
    /// Nowhere: dropped by relabelling.
    const DROPPED: Self = Self { role: Role::Dropped, metric: 0, attrs: Attrs::EMPTY, bound: 0.0 };
}

/// Everything that places series.
pub(super) struct Classifier {
    pub(super) families: Families,
    pub(super) origins: Origins,
    /// Attributes that `up` and its like carry.
    pub(super) own_attrs: Attrs,
    texts: TextPool,
    sets: AttrsPool,
    entries: Vec<KeyValue>,
    pub(super) recall: Recall,
}

impl Classifier {
    pub(super) fn new(rules: &Rules) -> Self {
        let mut own = Labels::new();
        // Labels of a target were bounded when it was made.
        let _ = rules.target_labels.iter().chain(&rules.external_labels).try_for_each(|(name, value)| own.set(name, value));
        own.sort();
        let kept = own.iter().filter(|(name, _)| !UNUSED.contains(name));
        Self {
            families: Families::default(),
            origins: Origins::default(),
            own_attrs: kept.map(|(name, value)| KeyValue::new(name, value)).collect(),
            texts: TextPool::default(),
            sets: AttrsPool::default(),
            entries: Vec::new(),
            recall: Recall::new(rules),
        }
    }

    /// Places a series. The labels are room for its labels.
    pub(super) fn place(
        &mut self,
        rules: &Rules,
        metrics: &mut MetricTable,
        labels: &mut Labels,
        series: &SeriesText<'_>,
    ) -> Result<Place, PageError> {
        if series.histogram && !rules.native_histograms {
            return Ok(Place::DROPPED);
        }
        labels.clear();
        series.labels.iter().try_for_each(|(name, value)| labels.push(name, value))?;
        add_target_labels(rules, labels)?;
        if !rules.relabel.is_empty() && rules.relabel.apply(labels)? == Verdict::Drop {
            return Ok(Place::DROPPED);
        }
        labels.retain(|_, value| !value.is_empty());
        if labels.get(NAME).is_empty() {
            return Err(PageError::NoName);
        }
        if rules.legacy_names {
            check_names(labels)?;
        }
        check_limits(rules, labels)?;
        for (name, value) in &rules.external_labels {
            labels.set(name, value)?;
        }
        labels.sort();
        if let Some(name) = labels.duplicate() {
            return Err(PageError::DuplicateLabel(name.to_owned()));
        }
        self.assign(rules, metrics, labels, series)
    }

    /// Finds family, origin, role and attribute set.
    fn assign(
        &mut self,
        rules: &Rules,
        metrics: &mut MetricTable,
        labels: &Labels,
        series: &SeriesText<'_>,
    ) -> Result<Place, PageError> {
        let histogram = series.histogram;
        let sample = labels.get(NAME);
        let or = |name: &str, fallback: &str| Some(labels.get(name)).filter(|own| !own.is_empty()).unwrap_or(fallback).to_owned();
        let (job, instance) = (or("job", &rules.job), or("instance", &rules.instance));
        let scope = SCOPE.map(|label| labels.get(label));
        let origin = self.origins.of(rules, &job, &instance, scope).ok_or(PageError::Origins)?;
        let belongs = self.families.of(sample);
        let kind = belongs.family.kind;
        let (role, bound) = if histogram { (Role::Native, 0.0) } else { role_of(sample, &belongs, labels) };
        let left_out = match (kind, histogram) {
            (FamilyKind::Histogram, _) | (_, true) => "le",
            (FamilyKind::Summary, _) => "quantile",
            _ => NAME,
        };
        self.entries.clear();
        for (label, value) in labels.iter() {
            if !UNUSED.contains(&label) && label != left_out && !SCOPE.contains(&label) {
                self.entries.push(KeyValue::pooled(&mut self.texts, label, value));
            }
        }
        let attrs = self.sets.get(&self.entries);
        // What the scrape tells of itself stands for a series of the page with the same labels.
        let own = OWN.iter().any(|(name, _)| *name == sample) && attrs == self.own_attrs;
        let role = if own && job == rules.job && instance == rules.instance { Role::Ignored } else { role };
        let metric = if rules.trim_metric_suffixes {
            let shown = trimmed(&belongs.metric, kind, &belongs.family.unit);
            metrics.of(origin, belongs.stem, &shown, belongs.family)
        } else {
            metrics.of(origin, belongs.stem, &belongs.metric, belongs.family)
        };
        let place = Place { role, metric, attrs, bound };
        self.recall.learn(series, sample, &place, origin, kind);
        Ok(place)
    }

    /// Forgets text and sets that no series uses any more.
    pub(super) fn settle(&mut self, page: u16, moved: bool) {
        self.families.settle(page);
        self.recall.forget();
        if moved {
            self.sets.shrink();
            self.texts.shrink();
        }
    }
}

/// What samples of this name mean, and the bound they are for.
fn role_of(sample: &str, belongs: &Belongs<'_>, labels: &Labels) -> (Role, f64) {
    let is_created = sample.strip_suffix("_created") == Some(belongs.stem);
    match (sample, belongs.family.kind) {
        ("target_info", _) => (Role::TargetInfo, 0.0),
        ("otel_scope_info", _) => (Role::ScopeInfo, 0.0),
        (_, FamilyKind::Histogram | FamilyKind::Summary) if sample.ends_with("_sum") => (Role::Sum, 0.0),
        (_, FamilyKind::Histogram | FamilyKind::Summary) if sample.ends_with("_count") => (Role::Count, 0.0),
        (_, FamilyKind::Unknown | FamilyKind::Gauge | FamilyKind::GaugeHistogram) => (Role::Number, 0.0),
        _ if is_created => (Role::Created, 0.0),
        (_, FamilyKind::Histogram) => bound(labels.get("le")),
        (_, FamilyKind::Summary) => bound(labels.get("quantile")),
        (_, FamilyKind::Counter | FamilyKind::Info | FamilyKind::StateSet) => (Role::Number, 0.0),
    }
}

/// A sample of a bucket or quantile. Without a bound it is left out; the page stands.
fn bound(text: &str) -> (Role, f64) {
    parse_number(text.as_bytes()).map_or((Role::Ignored, 0.0), |bound| (Role::Bound, bound))
}

/// Under the legacy scheme the names of metric and labels are letters, digits and underscores, and colons for the metric.
fn check_names(labels: &Labels) -> Result<(), PageError> {
    let is_word = |name: &str, colon: bool| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || (colon && byte == b':');
        name.bytes().all(fits) && !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit())
    };
    let bad = labels.iter().find(|(name, value)| if *name == NAME { !is_word(value, true) } else { !is_word(name, false) });
    bad.map_or(Ok(()), |_| Err(PageError::InvalidName(format!("{labels:?}"))))
}

/// Adds the target's labels; on a clash the scraped label is renamed `exported_…`, or wins if labels are honoured.
fn add_target_labels(rules: &Rules, labels: &mut Labels) -> Result<(), PageError> {
    let mut clashes: Vec<(String, String)> = Vec::new();
    for (name, value) in &rules.target_labels {
        let scraped = labels.get(name);
        if scraped.is_empty() {
            if !(rules.honor_labels && labels.iter().any(|(own, _)| own == name)) {
                labels.set(name, value)?;
            }
        } else if !rules.honor_labels {
            clashes.push((name.clone(), scraped.to_owned()));
            labels.set(name, value)?;
        }
    }
    clashes.sort_by_key(|(name, _)| name.len());
    for (name, value) in clashes {
        let mut renamed = format!("exported_{name}");
        while !labels.get(&renamed).is_empty() {
            renamed.insert_str(0, "exported_");
        }
        labels.set(&renamed, &value)?;
    }
    Ok(())
}

fn check_limits(rules: &Rules, labels: &Labels) -> Result<(), PageError> {
    let limits = &rules.limits;
    let number = labels.len() as u64;
    let metric = || labels.get(NAME).chars().take(50).collect::<String>();
    if limits.labels > 0 && number > limits.labels {
        return Err(PageError::Labels { metric: metric(), number, limit: limits.labels });
    }
    if limits.label_name_length == 0 && limits.label_value_length == 0 {
        return Ok(());
    }
    for (name, value) in labels.iter() {
        let shown = |text: &str| text.chars().take(50).collect::<String>();
        if limits.label_name_length > 0 && name.len() as u64 > limits.label_name_length {
            return Err(PageError::LabelName {
                metric: metric(),
                name: shown(name),
                length: name.len(),
                limit: limits.label_name_length,
            });
        }
        if limits.label_value_length > 0 && value.len() as u64 > limits.label_value_length {
            let (name, length) = (shown(name), value.len());
            return Err(PageError::LabelValue {
                metric: metric(),
                name,
                value: shown(value),
                length,
                limit: limits.label_value_length,
            });
        }
    }
    Ok(())
}

/// The name without `_total` (of a counter) and without the words of its unit, as `trim_metric_suffixes` asks.
fn trimmed(name: &str, kind: FamilyKind, unit: &str) -> String {
    let mut words: Vec<&str> = name.split('_').collect();
    if kind == FamilyKind::Counter && words.last() == Some(&"total") && words.len() > 1 {
        words.pop();
    }
    for part in unit.split('_').rev().filter(|part| !part.is_empty()) {
        if words.last() == Some(&part) && words.len() > 1 {
            words.pop();
        }
    }
    words.join("_")
}
