//! What pages say of metric families: type, help, unit.
//!
//! A family is remembered for ten pages after it was last described, so that a description that comes after the samples counts on the next
//! page.

use hashbrown::HashMap;
use std::borrow::Cow;
use warren_exposition::{FamilyKind, FamilyText};
use warren_pdata::Text;

/// Families that are remembered for one target.
const FAMILIES_MAX: usize = 100_000;

/// Pages for which a family is remembered.
const KEPT_PAGES: u16 = 10;

/// Suffixes by which a sample's name may differ from its family's, in the order in which they are tried.
pub(crate) const SUFFIXES: [&str; 6] = ["_bucket", "_count", "_sum", "_total", "_info", "_created"];

/// Metrics that a scrape itself gives, and their help, which no page changes.
pub(crate) const OWN: [(&str, &str); 5] = [
    ("up", "The scraping was successful"),
    ("scrape_duration_seconds", "Duration of the scrape"),
    ("scrape_samples_scraped", "The number of samples the target exposed"),
    ("scrape_samples_post_metric_relabeling", "The number of samples remaining after metric relabeling was applied"),
    ("scrape_series_added", "The approximate number of new series in this scrape"),
];

/// What is known of one family.
#[derive(Clone, Debug, Default)]
pub(crate) struct Family {
    pub(crate) kind: FamilyKind,
    pub(crate) help: Text,
    pub(crate) unit: Text,
    seen: u16,
}

/// What a sample belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Belongs<'n> {
    /// The name under which its family is described.
    pub(crate) stem: &'n str,
    /// The name of its metric.
    pub(crate) metric: Cow<'n, str>,
    /// What is known of the family.
    pub(crate) family: Family,
}

/// What is known of all families.
#[derive(Default)]
pub(crate) struct Families(HashMap<Text, Family>);

impl Families {
    /// Notes a statement. `true` when it tells something new, and be it that there is such a family.
    pub(crate) fn note(&mut self, name: &str, text: FamilyText<'_>, page: u16) -> bool {
        let room = self.0.len() < FAMILIES_MAX;
        let (family, new) = match self.0.get_mut(name) {
            Some(family) => (family, false),
            None if room => (self.0.entry(Text::from(name)).or_default(), true),
            None => return false,
        };
        family.seen = page;
        let differs = match text {
            FamilyText::Kind(kind) => std::mem::replace(&mut family.kind, kind) != kind,
            FamilyText::Help(help) => replace_text(&mut family.help, help),
            FamilyText::Unit(unit) => replace_text(&mut family.unit, unit),
        };
        differs || new
    }

    /// What a sample of this name belongs to.
    pub(crate) fn of<'n>(&self, sample: &'n str) -> Belongs<'n> {
        if let Some((_, help)) = OWN.iter().find(|(name, _)| *name == sample) {
            let family = Family { kind: FamilyKind::Gauge, help: Text::from(*help), ..Family::default() };
            return Belongs { stem: sample, metric: Cow::Borrowed(sample), family };
        }
        if let Some(family) = self.0.get(sample) {
            return Belongs { stem: sample, metric: Cow::Borrowed(sample), family: family.clone() };
        }
        let stem = SUFFIXES.iter().find_map(|suffix| sample.strip_suffix(suffix).filter(|stem| !stem.is_empty()));
        let Some((stem, family)) = stem.and_then(|stem| Some((stem, self.0.get(stem)?))) else {
            return Belongs { stem: sample, metric: Cow::Borrowed(sample), family: Family::default() };
        };
        let metric = match family.kind {
            FamilyKind::Counter if sample.ends_with("_created") => Cow::Owned(format!("{stem}_total")),
            FamilyKind::Counter => Cow::Borrowed(sample),
            _ => Cow::Borrowed(stem),
        };
        Belongs { stem, metric, family: family.clone() }
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
