//! The translation once more, plainly: every point's series into one map by its labels. Written after `FromMetrics` of
//! `pkg/translator/prometheusremotewrite` v0.132.0, to compare the encoder with.

use crate::Translation;
use crate::translation::text;
use std::collections::BTreeMap;
use warren_pdata::{Attrs, Data, Metrics, Temporality};
use warren_promname::label_name;

/// Labels by name.
pub(super) type Labels = BTreeMap<String, String>;

/// Samples of a series: time and the value's bits.
pub(super) type Samples = Vec<(i64, u64)>;

/// All series of a batch with their samples, and how many native histograms and exemplars each has.
pub(super) fn series(batch: &Metrics, translation: &Translation) -> BTreeMap<Labels, (Samples, usize, usize)> {
    let mut model = Model { translation, series: BTreeMap::new() };
    for group in &batch.resources {
        let resource = &group.resource.attrs;
        let mut newest = 0;
        for metric in group.scopes.iter().flat_map(|scope| &scope.items) {
            newest = newest.max(model.metric(metric, resource));
        }
        model.target_info(resource, newest);
    }
    model.series.values_mut().for_each(|(samples, ..)| samples.sort_by_key(|(time, _)| *time));
    model.series
}

struct Model<'a> {
    translation: &'a Translation,
    series: BTreeMap<Labels, (Samples, usize, usize)>,
}

impl Model<'_> {
    fn metric(&mut self, metric: &warren_pdata::Metric, resource: &Attrs) -> u64 {
        let name = self.translation.namer.name(&metric.name, &metric.unit, crate::family::kind(&metric.data));
        let valid = metric.data.temporality().is_none_or(|temporality| temporality == Temporality::CUMULATIVE);
        let mut newest = 0;
        for at in 0..metric.data.len() {
            let labels = |name: &str, extra: Option<(&str, String)>| {
                let mut labels = self.labels(metric.data.attrs(at), resource, &[]);
                labels.insert("__name__".to_owned(), name.to_owned());
                labels.extend(extra.map(|(name, value)| (name.to_owned(), value)));
                labels
            };
            let mut made = Vec::new();
            let (time, flags) = match &metric.data {
                Data::Empty => continue,
                Data::Gauge(points) | Data::Sum(warren_pdata::Sum { points, .. }) => {
                    let exemplars = if matches!(metric.data, Data::Sum(_)) { points.exemplars(at).len() } else { 0 };
                    made.push((labels(&name, None), Some(points.value(at).as_f64()), 0, exemplars));
                    (points.time.get(at), points.flags.get(at))
                }
                Data::Histogram { points, .. } => {
                    let point = &points[at];
                    if let Some(sum) = point.sum {
                        made.push((labels(&format!("{name}_sum"), None), Some(sum), 0, 0));
                    }
                    made.push((labels(&format!("{name}_count"), None), Some(point.count as f64), 0, 0));
                    let mut total = 0;
                    for (bound, count) in point.bounds.iter().zip(&point.counts) {
                        total += count;
                        let extra = Some(("le", format!("{bound}").replace("inf", "+Inf")));
                        made.push((labels(&format!("{name}_bucket"), extra), Some(total as f64), 0, 0));
                    }
                    let extra = Some(("le", "+Inf".to_owned()));
                    made.push((labels(&format!("{name}_bucket"), extra), Some(point.count as f64), 0, 0));
                    (point.time, point.flags)
                }
                Data::Summary(points) => {
                    let point = &points[at];
                    made.push((labels(&format!("{name}_sum"), None), Some(point.sum), 0, 0));
                    made.push((labels(&format!("{name}_count"), None), Some(point.count as f64), 0, 0));
                    for quantile in &point.quantiles {
                        let extra = Some(("quantile", format!("{}", quantile.quantile)));
                        made.push((labels(&name, extra), Some(quantile.value), 0, 0));
                    }
                    (point.time, point.flags)
                }
                Data::ExponentialHistogram { points, .. } => {
                    made.push((labels(&name, None), None, 1, points[at].exemplars.len()));
                    (points[at].time, points[at].flags)
                }
            };
            newest = newest.max(time);
            for (labels, value, histograms, exemplars) in made.into_iter().filter(|_| valid) {
                let series = self.series.entry(labels).or_default();
                let value = value.map(|value| if flags & 1 != 0 { f64::from_bits(0x7ff0_0000_0000_0002) } else { value });
                // Zeros have no sign on the wire.
                series.0.extend(value.map(|value| (time as i64 / 1_000_000, if value == 0.0 { 0 } else { value.to_bits() })));
                series.1 += histograms;
                series.2 += exemplars;
            }
        }
        newest
    }

    fn target_info(&mut self, resource: &Attrs, time: u64) {
        let identifying = ["service.name", "service.namespace", "service.instance.id"];
        if !self.translation.target_info || time == 0 || resource.iter().all(|entry| identifying.contains(&entry.key.as_str())) {
            return;
        }
        let mut labels = self.labels(resource, resource, &identifying);
        if labels.contains_key("job") || labels.contains_key("instance") {
            let namespace = &self.translation.namer.namespace;
            let name = if namespace.is_empty() { "target_info".to_owned() } else { format!("{namespace}_target_info") };
            labels.insert("__name__".to_owned(), name);
            self.series.entry(labels).or_default().0.push((time as i64 / 1_000_000, 1f64.to_bits()));
        }
    }

    fn labels(&self, set: &Attrs, resource: &Attrs, ignored: &[&str]) -> Labels {
        let mut set = set.clone();
        if self.translation.resource_attributes && ignored.is_empty() {
            resource.iter().for_each(|entry| set.upsert(entry.key.clone(), entry.value.clone()));
        }
        let mut entries: Vec<(&str, String)> = set
            .iter()
            .filter(|entry| !ignored.contains(&entry.key.as_str()) && !entry.key.is_empty())
            .map(|entry| (entry.key.as_str(), text(&entry.value)))
            .collect();
        entries.sort_by_key(|(key, _)| *key);
        let mut labels = Labels::new();
        for (key, value) in entries {
            let known = labels.entry(label_name(key).into_owned());
            known
                .and_modify(|known| {
                    if *known != value {
                        *known = format!("{known};{value}")
                    }
                })
                .or_insert(value);
        }
        if let Some(name) = resource.get("service.name") {
            let name = text(name);
            let job = resource.get("service.namespace").map_or(name.clone(), |namespace| format!("{}/{name}", text(namespace)));
            labels.insert("job".to_owned(), job);
        }
        if let Some(instance) = resource.get("service.instance.id") {
            labels.insert("instance".to_owned(), text(instance));
        }
        for (name, value) in self.translation.external_labels.iter() {
            labels.entry(name.clone()).or_insert_with(|| value.clone());
        }
        labels
    }
}
