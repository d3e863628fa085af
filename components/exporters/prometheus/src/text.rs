//! Lines of a page.

use crate::accept::{Accepted, Escaping, Format, is_plain};
use crate::family::{Kind, Series};
use crate::labels::Labels;
use crate::value::{Held, Histogram, Summary};
use std::fmt::Write;
use warren_gotext::{Float, float};
use warren_pdata::Exemplar;

/// How lines are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub(crate) accepted: Accepted,
    /// Whether each value is shown with its time.
    pub(crate) timestamps: bool,
}

/// The name of a family as a page shows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Name {
    /// In comments.
    described: String,
    /// Before the suffixes of its lines.
    shown: String,
    quoted: bool,
}

impl Style {
    fn is_open(self) -> bool {
        matches!(self.accepted.format, Format::OpenMetrics(_))
    }

    pub(crate) fn name(self, name: &str, kind: Kind) -> Name {
        let shown = self.accepted.escaping.apply(name).into_owned();
        let quoted = self.accepted.escaping == Escaping::Quoted && !is_plain(&shown);
        let described = match shown.strip_suffix("_total") {
            Some(stem) if kind == Kind::Counter && self.is_open() => stem.to_owned(),
            _ => shown.clone(),
        };
        let described = if quoted { quote(&described) } else { described };
        Name { described, shown, quoted }
    }

    /// The comments before a family's lines.
    pub(crate) fn head(self, out: &mut String, name: &Name, kind: Kind, help: &str) {
        let open = self.is_open();
        out.push_str("# HELP ");
        out.push_str(&name.described);
        out.push(' ');
        escaped(out, help, open);
        out.push_str("\n# TYPE ");
        out.push_str(&name.described);
        out.push(' ');
        let unfit = open && kind == Kind::Counter && !name.shown.ends_with("_total");
        out.push_str(if unfit { "unknown" } else { kind.name() });
        out.push('\n');
    }

    /// The lines of a series. `scratch` is reused between calls. Gives the number of lines.
    pub(crate) fn series(self, out: &mut String, scratch: &mut String, name: &Name, series: &Series) -> usize {
        scratch.clear();
        self.labels(scratch, &series.labels);
        let time = (self.timestamps && series.time != 0).then_some(series.time / 1_000_000);
        let lines = Lines { style: self, name, labels: scratch, time };
        match &series.value {
            Held::Number(value, exemplar) => {
                lines.line(out, "", None, Shown::Float(value.as_f64()), exemplar.as_deref());
                1
            }
            Held::Histogram(histogram) => lines.histogram(out, histogram),
            Held::Summary(summary) => lines.summary(out, summary),
        }
    }

    fn labels(self, out: &mut String, labels: &Labels) {
        for (name, value) in labels.iter() {
            if !out.is_empty() {
                out.push(',');
            }
            if is_plain(name) {
                out.push_str(name);
            } else if self.accepted.escaping == Escaping::Quoted {
                out.push_str(&quote(name));
            } else {
                out.push_str(&self.accepted.escaping.apply(name));
            }
            out.push_str("=\"");
            escaped(out, &value, true);
            out.push('"');
        }
    }

    fn number(self, out: &mut String, value: f64) {
        // Most are small whole numbers.
        if value.fract() == 0.0 && value.abs() < 1e6 {
            out.push_str(itoa::Buffer::new().format(value as i64));
            if self.is_open() {
                out.push_str(".0");
            }
            return;
        }
        let start = out.len();
        float(out, value, Float::General);
        let whole = value.is_finite() && !out.get(start..).unwrap_or_default().contains(['.', 'e']);
        if self.is_open() && whole {
            out.push_str(".0");
        }
    }
}

/// A value of a line.
#[derive(Clone, Copy)]
enum Shown {
    Float(f64),
    Count(u64),
}

/// The lines of one series.
struct Lines<'a> {
    style: Style,
    name: &'a Name,
    labels: &'a str,
    /// Milliseconds since 1970.
    time: Option<u64>,
}

impl Lines<'_> {
    fn histogram(&self, out: &mut String, histogram: &Histogram) -> usize {
        let buckets = histogram.buckets();
        // Each exemplar belongs to the bucket with the least bound that is not below its value; of several the last is shown.
        let exemplar = |above: Option<f64>, bound: f64| {
            let mine = |exemplar: &&Exemplar| {
                let value = exemplar.value.as_f64();
                value <= bound && above.is_none_or(|above| value > above)
            };
            histogram.exemplars.iter().rev().find(mine)
        };
        let mut above = None;
        for (bound, count) in &buckets {
            self.line(out, "_bucket", Some(("le", *bound)), Shown::Count(*count), exemplar(above, *bound));
            above = Some(*bound);
        }
        let infinite = above == Some(f64::INFINITY);
        if !infinite {
            self.line(out, "_bucket", Some(("le", f64::INFINITY)), Shown::Count(histogram.count), exemplar(above, f64::INFINITY));
        }
        self.line(out, "_sum", None, Shown::Float(histogram.sum), None);
        self.line(out, "_count", None, Shown::Count(histogram.count), None);
        buckets.len() + 2 + usize::from(!infinite)
    }

    fn summary(&self, out: &mut String, summary: &Summary) -> usize {
        let mut quantiles = summary.quantiles.clone();
        quantiles.sort_by(|a, b| a.quantile.total_cmp(&b.quantile));
        // Of equal quantiles the one that was given last counts.
        quantiles.reverse();
        quantiles.dedup_by(|later, first| later.quantile == first.quantile);
        for quantile in quantiles.iter().rev() {
            self.line(out, "", Some(("quantile", quantile.quantile)), Shown::Float(quantile.value), None);
        }
        self.line(out, "_sum", None, Shown::Float(summary.sum), None);
        self.line(out, "_count", None, Shown::Count(summary.count), None);
        quantiles.len() + 2
    }

    fn line(&self, out: &mut String, suffix: &str, extra: Option<(&str, f64)>, value: Shown, exemplar: Option<&Exemplar>) {
        let Name { shown, quoted, .. } = self.name;
        let has_labels = !self.labels.is_empty() || extra.is_some();
        if *quoted {
            out.push('{');
            out.push_str(&quote(&format!("{shown}{suffix}")));
            out.push_str(if has_labels { "," } else { "" });
        } else {
            out.push_str(shown);
            out.push_str(suffix);
            out.push_str(if has_labels { "{" } else { "" });
        }
        out.push_str(self.labels);
        if let Some((name, value)) = extra {
            out.push_str(if self.labels.is_empty() { "" } else { "," });
            out.push_str(name);
            out.push_str("=\"");
            self.style.number(out, value);
            out.push('"');
        }
        out.push_str(if has_labels || *quoted { "} " } else { " " });
        match value {
            Shown::Float(value) => self.style.number(out, value),
            Shown::Count(count) if self.style.is_open() => out.push_str(itoa::Buffer::new().format(count)),
            Shown::Count(count) => self.style.number(out, count as f64),
        }
        if let Some(time) = self.time {
            out.push(' ');
            match self.style.is_open() {
                true => self.style.number(out, time as f64 / 1000.0),
                false => out.push_str(itoa::Buffer::new().format(time)),
            }
        }
        if let Some(exemplar) = exemplar.filter(|_| self.style.is_open()) {
            self.exemplar(out, exemplar);
        }
        out.push('\n');
    }

    fn exemplar(&self, out: &mut String, exemplar: &Exemplar) {
        let ids = [("trace_id", hex(&exemplar.trace_id.0)), ("span_id", hex(&exemplar.span_id.0))];
        let mut before = " # {";
        for (name, id) in ids.iter().filter(|(_, id)| id.bytes().any(|digit| digit != b'0')) {
            let _ = write!(out, "{before}{name}=\"{id}\"");
            before = ",";
        }
        if before == "," {
            out.push_str("} ");
            self.style.number(out, exemplar.value.as_f64());
            if exemplar.time != 0 {
                out.push(' ');
                self.style.number(out, exemplar.time as f64 / 1e9);
            }
        }
    }
}

fn hex(id: &[u8]) -> String {
    id.iter().fold(String::with_capacity(id.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn quote(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 2);
    out.push('"');
    escaped(&mut out, name, true);
    out.push('"');
    out
}

/// Text with backslashes and line breaks escaped, and quotes if it stands in quotes.
fn escaped(out: &mut String, text: &str, quotes: bool) {
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '\n', '"']) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        out.push_str(match special.as_bytes().first() {
            Some(b'\\') => "\\\\",
            Some(b'\n') => "\\n",
            _ if quotes => "\\\"",
            _ => "\"",
        });
        rest = special.get(1..).unwrap_or_default();
    }
    out.push_str(rest);
}
