//! The metrics that series belong to.

use super::metadata::{Families, Family, SUFFIXES};
use hashbrown::HashMap;
use warren_exposition::FamilyKind;
use warren_pdata::{Attrs, Data, Metric, Text};

/// One metric of one origin.
#[derive(Clone, Debug)]
pub(crate) struct MetricEntry {
    pub(crate) origin: u32,
    pub(crate) name: Text,
    /// Name by which the family is described.
    pub(crate) family: Text,
    pub(crate) kind: FamilyKind,
    pub(crate) help: Text,
    pub(crate) unit: Text,
    metadata: Attrs,
}

/// All metrics of a target.
#[derive(Default)]
pub(crate) struct MetricTable {
    entries: Vec<MetricEntry>,
    by_name: HashMap<(u32, Text), u32>,
}

impl MetricTable {
    /// The index of the metric of this name and origin, made if it is new.
    pub(crate) fn of(&mut self, origin: u32, family: &str, name: &str, known: Family) -> u32 {
        let name = Text::from(name);
        let key = (origin, name);
        if let Some(at) = self.by_name.get(&key) {
            if let Some(entry) = self.entries.get_mut(*at as usize) {
                entry.describe(known);
            }
            return *at;
        }
        let at = self.entries.len() as u32;
        let mut entry = MetricEntry {
            origin,
            name: key.1.clone(),
            family: family.into(),
            kind: FamilyKind::Unknown,
            help: Text::new(),
            unit: Text::new(),
            metadata: Attrs::EMPTY,
        };
        entry.describe(known);
        self.entries.push(entry);
        self.by_name.insert(key, at);
        at
    }

    /// The metric with this index.
    pub(crate) fn get(&self, at: u32) -> Option<&MetricEntry> {
        self.entries.get(at as usize)
    }

    /// The metrics whose meaning may change with what was said of this family.
    pub(crate) fn touched_by(&self, family: &str) -> Vec<u32> {
        let names: Vec<String> =
            std::iter::once(family.to_owned()).chain(SUFFIXES.iter().map(|suffix| format!("{family}{suffix}"))).collect();
        let fits = |entry: &MetricEntry| entry.family == family || names.iter().any(|name| entry.family == *name);
        self.entries.iter().enumerate().filter(|(_, entry)| fits(entry)).map(|(at, _)| at as u32).collect()
    }

    /// The origins in use.
    pub(crate) fn origins(&self) -> impl Iterator<Item = u32> + '_ {
        self.entries.iter().map(|entry| entry.origin)
    }

    /// Follows origins that moved.
    pub(crate) fn moved(&mut self, to: &[u32]) {
        for entry in &mut self.entries {
            entry.origin = to.get(entry.origin as usize).copied().unwrap_or_default();
        }
        self.index();
    }

    fn index(&mut self) {
        let keys = self.entries.iter().enumerate().map(|(at, entry)| ((entry.origin, entry.name.clone()), at as u32));
        self.by_name = keys.collect();
    }

    /// How many metrics there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Keeps the metrics that are used, and says where each went.
    pub(crate) fn compact(&mut self, used: &[bool]) -> Vec<u32> {
        let moved = super::origin::places(self.entries.len(), used);
        let mut index = 0;
        self.entries.retain(|_| {
            index += 1;
            used.get(index - 1).copied().unwrap_or_default()
        });
        self.entries.shrink_to_fit();
        self.index();
        moved
    }

    /// Takes over what families say of themselves now, where only words changed.
    pub(crate) fn describe(&mut self, family: &str, families: &Families) {
        for entry in self.entries.iter_mut().filter(|entry| entry.family == family) {
            entry.describe(families.of(family).family);
        }
    }
}

impl MetricEntry {
    fn describe(&mut self, known: Family) {
        if self.metadata.is_empty() || self.kind != known.kind {
            self.metadata = Attrs::from([("prometheus.type", known.kind.name())]);
        }
        self.kind = known.kind;
        self.help = known.help;
        self.unit = ucum(&known.unit);
    }

    /// Whether its number points have start times.
    pub(crate) fn is_cumulative(&self) -> bool {
        matches!(self.kind, FamilyKind::Counter | FamilyKind::Info | FamilyKind::StateSet)
    }

    /// The metric with this data.
    pub(crate) fn metric(&self, data: Data) -> Metric {
        Metric {
            name: self.name.clone(),
            description: self.help.clone(),
            unit: self.unit.clone(),
            metadata: self.metadata.clone(),
            data,
        }
    }
}

/// A unit word of OpenMetrics as UCUM spells it; `x_per_y` as a fraction. What is not known stays.
fn ucum(unit: &Text) -> Text {
    let main = |word: &str| match word {
        "days" => "d",
        "hours" => "h",
        "minutes" => "min",
        "seconds" => "s",
        "milliseconds" => "ms",
        "microseconds" => "us",
        "nanoseconds" => "ns",
        "bytes" => "By",
        "kibibytes" => "KiBy",
        "mebibytes" => "MiBy",
        "gibibytes" => "GiBy",
        "tibibytes" => "TiBy",
        "kilobytes" => "KBy",
        "megabytes" => "MBy",
        "gigabytes" => "GBy",
        "terabytes" => "TBy",
        "meters" => "m",
        "volts" => "V",
        "amperes" => "A",
        "joules" => "J",
        "watts" => "W",
        "grams" => "g",
        "celsius" => "Cel",
        "hertz" => "Hz",
        "ratio" => "1",
        "percent" => "%",
        _ => "",
    };
    let per = |word: &str| match word {
        "second" => "s",
        "minute" => "m",
        "hour" => "h",
        "day" => "d",
        "week" => "w",
        "month" => "mo",
        "year" => "y",
        _ => "",
    };
    let or = |mapped: &'static str, word: &str| if mapped.is_empty() { word.to_owned() } else { mapped.to_owned() };
    match unit.split_once("_per_") {
        Some((word, rate)) => format!("{}/{}", or(main(word), word), or(per(rate), rate)).into(),
        None => or(main(unit), unit).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_words_become_ucum() {
        for (word, expected) in
            [("seconds", "s"), ("bytes", "By"), ("bytes_per_second", "By/s"), ("ratio", "1"), ("apples", "apples"), ("", "")]
        {
            assert_eq!(ucum(&word.into()), expected);
        }
    }

    #[test]
    fn compacting_keeps_what_is_used_and_says_where_it_went() {
        let mut table = MetricTable::default();
        for name in ["a", "b", "c"] {
            table.of(0, name, name, Family::default());
        }
        assert_eq!(table.compact(&[true, false, true]), [0, 1, 1]);
        assert_eq!(table.len(), 2);
        assert_eq!(table.of(0, "c", "c", Family::default()), 1);
        assert_eq!(table.of(0, "b", "b", Family::default()), 2);
    }
}
