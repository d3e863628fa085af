//! What pages say of metric families: type, help, unit.
//!
//! A family is remembered for ten pages after it was last described, so that a description that comes after the samples counts on the next
//! page.

use hashbrown::HashMap;
use warren_pdata::Text;

/// Families that are remembered for one target.
const FAMILIES_MAX: usize = 100_000;

/// Pages for which a family is remembered.
const KEPT_PAGES: u16 = 10;

/// Suffixes by which a sample's name may differ from its family's, in the order in which they are tried.
pub(crate) const SUFFIXES: [&str; 6] = ["_bucket", "_count", "_sum", "_total", "_info", "_created"];

/// The type that a page gives a family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// None was given, or it is `unknown` or `untyped`.
    #[default]
    Unknown,
    /// `counter`
    Counter,
    /// `gauge`
    Gauge,
    /// `histogram`
    Histogram,
    /// `gaugehistogram`
    GaugeHistogram,
    /// `summary`
    Summary,
    /// `info`
    Info,
    /// `stateset`
    StateSet,
}

impl Kind {
    /// The name, as it stands in a metric's metadata.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
        }
    }
}

/// One statement of a page on a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metadata<'a> {
    /// Its type.
    Kind(Kind),
    /// What it says, for people.
    Help(&'a str),
    /// Its unit.
    Unit(&'a str),
}

/// What is known of one family.
#[derive(Clone, Debug, Default)]
pub(crate) struct Family {
    pub(crate) kind: Kind,
    pub(crate) help: Text,
    pub(crate) unit: Text,
    seen: u16,
}

/// What is known of all families.
#[derive(Default)]
pub(crate) struct Families(HashMap<Text, Family>);

impl Families {
    /// Notes a statement. `true` when it tells something new.
    pub(crate) fn note(&mut self, name: &str, metadata: Metadata<'_>, page: u16) -> bool {
        let room = self.0.len() < FAMILIES_MAX;
        let family = match self.0.get_mut(name) {
            Some(family) => family,
            None if room => self.0.entry(Text::from(name)).or_default(),
            None => return false,
        };
        family.seen = page;
        match metadata {
            Metadata::Kind(kind) => std::mem::replace(&mut family.kind, kind) != kind,
            Metadata::Help(help) => replace_text(&mut family.help, help),
            Metadata::Unit(unit) => replace_text(&mut family.unit, unit),
        }
    }

    /// The family of a sample of this name, and the name of the metric it belongs to.
    pub(crate) fn of(&self, sample: &str) -> (String, Family) {
        if let Some(family) = self.0.get(sample) {
            return (sample.to_owned(), family.clone());
        }
        let stem = SUFFIXES
            .iter()
            .find_map(|suffix| sample.strip_suffix(suffix).filter(|stem| !stem.is_empty()).map(|stem| (stem, *suffix)));
        match stem.and_then(|(stem, suffix)| self.0.get(stem).map(|family| (stem, suffix, family))) {
            Some((stem, "_created", family)) if family.kind == Kind::Counter => (format!("{stem}_total"), family.clone()),
            Some((_, _, family)) if family.kind == Kind::Counter => (sample.to_owned(), family.clone()),
            Some((stem, _, family)) => (stem.to_owned(), family.clone()),
            None => (sample.to_owned(), Family::default()),
        }
    }

    /// Forgets families that have not been described for long.
    pub(crate) fn settle(&mut self, page: u16) {
        self.0.retain(|_, family| page.wrapping_sub(family.seen) <= KEPT_PAGES);
    }
}

fn replace_text(place: &mut Text, new: &str) -> bool {
    let differs = place != new;
    if differs {
        *place = Text::from(new);
    }
    differs
}
