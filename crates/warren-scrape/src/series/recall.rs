//! What was found out for one series and holds for the next: most series of a page have the name of the one before them and labels that stood
//! behind another name already.
//!
//! Where no rule looks at names and labels together, the text behind a name says by itself which attributes a series has. It is taken apart for
//! the first name alone. What is recalled is forgotten with the page.

use super::Rules;
use super::cache::Role;
use super::classify::Place;
use super::metadata::OWN;
use hashbrown::HashTable;
use std::hash::BuildHasher;
use warren_exposition::{FamilyKind, SeriesText};
use warren_pdata::Attrs;

/// Label texts that are recalled at most; more, and they are learnt anew.
const TEXTS_MAX: usize = 65_536;

/// What placing series has taught.
pub(super) struct Recall {
    /// Whether the rules allow to recall at all.
    enabled: bool,
    /// The name placed last.
    last: Option<Name>,
    /// Attributes and origin by the hash of the text behind a name.
    texts: HashTable<(u64, Attrs, u32)>,
    hasher: foldhash::quality::RandomState,
}

/// A name whose series are plain numbers.
struct Name {
    sample: String,
    metric: u32,
    origin: u32,
}

impl Recall {
    pub(super) fn new(rules: &Rules) -> Self {
        let limits = &rules.limits;
        let limited = limits.labels > 0 || limits.label_name_length > 0 || limits.label_value_length > 0;
        Self {
            enabled: rules.relabel.is_empty() && rules.external_labels.is_empty() && !rules.legacy_names && !limited,
            last: None,
            texts: HashTable::new(),
            hasher: foldhash::quality::RandomState::default(),
        }
    }

    /// The place of a series, if its name was placed last and its labels were met before.
    pub(super) fn place(&self, series: &SeriesText<'_>) -> Option<Place> {
        let name = self.last.as_ref().filter(|_| !series.histogram)?;
        let labels = behind(series, &name.sample)?;
        let hash = self.hasher.hash_one(labels);
        let (_, attrs, origin) = self.texts.find(hash, |(known, ..)| *known == hash)?;
        (*origin == name.origin).then(|| Place { role: Role::Number, metric: name.metric, attrs: attrs.clone(), bound: 0.0 })
    }

    /// Learns from a series that was placed. `sample` is its name as it was placed.
    pub(super) fn learn(&mut self, series: &SeriesText<'_>, sample: &str, place: &Place, origin: u32, kind: FamilyKind) {
        let plain = place.role == Role::Number && !matches!(kind, FamilyKind::Histogram | FamilyKind::Summary);
        // Of a name that the scrape itself has, labels decide whose it is.
        let own = OWN.iter().any(|(name, _)| *name == sample);
        if !self.enabled || !plain || own {
            self.last = None;
            return;
        }
        if self.last.as_ref().is_none_or(|last| last.sample != sample) {
            self.last = Some(Name { sample: sample.to_owned(), metric: place.metric, origin });
        }
        let Some(labels) = behind(series, sample) else { return };
        let hash = self.hasher.hash_one(labels);
        if self.texts.find(hash, |(known, ..)| *known == hash).is_none() {
            if self.texts.len() >= TEXTS_MAX {
                self.texts.clear();
            }
            self.texts.insert_unique(hash, (hash, place.attrs.clone(), origin), |(known, ..)| *known);
        }
    }

    /// What a family is has changed.
    pub(super) fn forget_name(&mut self) {
        self.last = None;
    }

    /// The page has ended.
    pub(super) fn forget(&mut self) {
        self.last = None;
        self.texts = HashTable::new();
    }
}

/// The text behind the name of a series, if that stands first and means itself.
fn behind<'a>(series: &SeriesText<'a>, name: &str) -> Option<&'a [u8]> {
    let (_, first) = series.labels.first()?;
    if first != name { None } else { series.text.strip_prefix(name.as_bytes()) }
}
