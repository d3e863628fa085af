//! Names of months, days and halves of the day in other languages.

use super::locale_names::LANGUAGES;

/// A language's names.
#[derive(Debug)]
pub(super) struct Language {
    /// Its tags, separated by spaces.
    pub(super) tags: &'static str,
    /// Short days, long days, short months, long months, halves of the day; separated by `|`, empty where the language has none.
    pub(super) names: [&'static str; 5],
}

/// Which names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    ShortDay,
    LongDay,
    ShortMonth,
    LongMonth,
    Half,
}

/// A language in which times are read.
#[derive(Debug)]
pub struct Locale {
    tag: Box<str>,
    names: [Vec<&'static str>; 5],
}

impl Locale {
    /// The language with this BCP 47 tag.
    ///
    /// # Errors
    /// In upstream's words, when it is not among those that are known.
    pub fn new(tag: &str) -> Result<Self, String> {
        let language = LANGUAGES
            .iter()
            .find(|language| language.tags.split(' ').any(|known| known == tag))
            .ok_or_else(|| format!("unsupported locale '{tag}', value must be a supported BCP 47 language tag"))?;
        Ok(Self {
            tag: tag.into(),
            names: language.names.map(|names| names.split('|').filter(|name| !name.is_empty()).collect()),
        })
    }

    /// The index of the longest name that the text begins with, in any case, and its length.
    pub(super) fn find(&self, kind: Kind, text: &[u8]) -> Option<(usize, usize)> {
        let same = |name: &str| {
            let start = text.get(..name.len()).and_then(|start| std::str::from_utf8(start).ok());
            start.is_some_and(|start| {
                start == name || start.chars().flat_map(char::to_lowercase).eq(name.chars().flat_map(char::to_lowercase))
            })
        };
        let found = self.of(kind).iter().enumerate().filter(|(_, name)| same(name));
        // Of equal lengths the first.
        found.map(|(index, name)| (index, name.len())).reduce(|best, other| if other.1 > best.1 { other } else { best })
    }

    /// What upstream says of a text that does not hold the name that this piece of a layout asks for; `None` for other pieces.
    pub(super) fn explain(&self, wanted: &str, text: &str) -> Option<String> {
        let kind = match wanted {
            "Mon" => Kind::ShortDay,
            "Monday" => Kind::LongDay,
            "Jan" => Kind::ShortMonth,
            "January" => Kind::LongMonth,
            "PM" | "pm" => Kind::Half,
            _ => return None,
        };
        Some(if self.of(kind).is_empty() {
            format!("layout element \"{wanted}\" is not support by the language \"{}\"", self.tag)
        } else {
            format!("value \"{text}\" does not match the layout element \"{wanted}\"")
        })
    }

    fn of(&self, kind: Kind) -> &[&'static str] {
        let [short_days, long_days, short_months, long_months, halves] = &self.names;
        match kind {
            Kind::ShortDay => short_days,
            Kind::LongDay => long_days,
            Kind::ShortMonth => short_months,
            Kind::LongMonth => long_months,
            Kind::Half => halves,
        }
    }
}
