//! Exemplars: which of a point's belong to which of its series, and their labels.

use crate::points::Sample;
use crate::translation::text;
use std::collections::HashMap;
use std::fmt::Write;
use warren_pdata::{Exemplar, HistogramPoint};

/// Characters that the labels of an exemplar may have in total (OpenMetrics 1.0); beyond that only the ids are kept.
const EXEMPLAR_CHARACTERS_MAX: usize = 128;

/// The exemplars of one series, and what is known of points looked at before.
#[derive(Default)]
pub(crate) struct Exemplars<'a> {
    found: Vec<&'a Exemplar>,
    /// Exemplars of a point by the rank of their bucket, for points of the family at hand, known by their address.
    by_point: HashMap<usize, Vec<(u32, &'a Exemplar)>>,
}

impl<'a> Exemplars<'a> {
    /// Forgets what was found for a series.
    pub(crate) fn clear(&mut self) {
        self.found.clear();
    }

    /// Forgets all points.
    pub(crate) fn forget_points(&mut self) {
        self.by_point.clear();
    }

    /// All of a point's.
    pub(crate) fn all(&mut self, exemplars: &'a [Exemplar]) {
        self.found.extend(exemplars);
    }

    /// Those of a bucket: each exemplar belongs to the bucket with the least bound that is not below its value.
    pub(crate) fn of_bucket(&mut self, point: &'a HistogramPoint, buckets: usize, rank: usize) {
        if point.exemplars.is_empty() {
            return;
        }
        let address = std::ptr::from_ref(point).addr();
        let assigned = self.by_point.entry(address).or_insert_with(|| assign(point, buckets));
        let start = assigned.partition_point(|(bucket, _)| (*bucket as usize) < rank);
        let mine = assigned.iter().skip(start).take_while(|(bucket, _)| *bucket as usize == rank);
        self.found.extend(mine.map(|(_, exemplar)| *exemplar));
    }

    /// What was found.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'a Exemplar> + '_ {
        self.found.iter().copied()
    }
}

fn assign(point: &HistogramPoint, buckets: usize) -> Vec<(u32, &Exemplar)> {
    let finite = point.bounds.iter().take(buckets).enumerate().map(|(rank, bound)| (*bound, rank as u32));
    let mut bounds: Vec<(f64, u32)> = finite.filter(|(bound, _)| !bound.is_nan()).collect();
    bounds.push((f64::INFINITY, buckets as u32));
    bounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    let bucket_of = |value: f64| bounds.get(bounds.partition_point(|(bound, _)| *bound < value)).map(|(_, rank)| *rank);
    let valued = point.exemplars.iter().filter(|exemplar| !exemplar.value.as_f64().is_nan());
    let mut assigned: Vec<(u32, &Exemplar)> =
        valued.filter_map(|exemplar| Some((bucket_of(exemplar.value.as_f64())?, exemplar))).collect();
    assigned.sort_by_key(|(rank, _)| *rank);
    assigned
}

/// The value and time of an exemplar.
pub(crate) fn sample(exemplar: &Exemplar) -> Sample {
    let timed = !matches!(exemplar.value, warren_pdata::Number::Empty);
    let time = if timed { (exemplar.time as i64).div_euclid(1_000_000) } else { 0 };
    Sample { value: exemplar.value.as_f64(), time }
}

/// Shows the labels of an exemplar: ids in hexadecimal, then its attributes if all together are not too long.
pub(crate) fn labels(exemplar: &Exemplar, mut show: impl FnMut(&str, &str)) {
    let mut characters = 0;
    if !exemplar.trace_id.is_empty() {
        let id = hex(&exemplar.trace_id.0);
        characters += "trace_id".len() + id.len();
        show("trace_id", &id);
    }
    if !exemplar.span_id.is_empty() {
        let id = hex(&exemplar.span_id.0);
        characters += "span_id".len() + id.len();
        show("span_id", &id);
    }
    let attributes: Vec<(&str, String)> = exemplar.attrs.iter().map(|entry| (entry.key.as_str(), text(&entry.value))).collect();
    characters += attributes.iter().map(|(name, value)| name.chars().count() + value.chars().count()).sum::<usize>();
    if characters <= EXEMPLAR_CHARACTERS_MAX {
        attributes.iter().for_each(|(name, value)| show(name, value));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_pdata::{Attrs, Number, TraceId};

    fn exemplar(value: f64) -> Exemplar {
        Exemplar { value: Number::Double(value), ..Exemplar::default() }
    }

    #[test]
    fn an_exemplar_belongs_to_the_first_bucket_that_holds_its_value() {
        let values = [5.0, 0.5, 1.0, 99.0, f64::NAN, 1.5];
        let point = HistogramPoint {
            bounds: vec![1.0, 10.0, 2.0].into(),
            counts: vec![1, 1, 1, 1],
            exemplars: values.map(exemplar).to_vec(),
            ..HistogramPoint::default()
        };
        let of = |rank| {
            let mut exemplars = Exemplars::default();
            exemplars.of_bucket(&point, 3, rank);
            exemplars.iter().map(|exemplar| exemplar.value.as_f64()).collect::<Vec<_>>()
        };
        assert_eq!([of(0), of(1), of(2), of(3)], [vec![0.5, 1.0], vec![5.0], vec![1.5], vec![99.0]]);
    }

    /// `getPromExemplars` of `pkg/translator/prometheusremotewrite` v0.132.0.
    #[test]
    fn attributes_are_left_out_when_labels_get_too_long() {
        let shown = |attrs: Attrs| {
            let mut shown = Vec::new();
            labels(&Exemplar { attrs, trace_id: TraceId([1; 16]), ..Exemplar::default() }, |name, value| {
                shown.push((name.to_owned(), value.to_owned()));
            });
            shown
        };
        let id = ("trace_id".to_owned(), "01".repeat(16));
        assert_eq!(shown(Attrs::from([("k", 7)])), [id.clone(), ("k".to_owned(), "7".to_owned())]);
        assert_eq!(shown(Attrs::from([("k", "é".repeat(87))])).len(), 2);
        assert_eq!(shown(Attrs::from([("k", "é".repeat(88))])), [id]);
    }
}
