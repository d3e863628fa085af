//! Texts that last: values that so many records hold at once that nobody needs to count them any longer.

use crate::Text;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A text that more hold at once is met again and again.
const HOLDERS_MIN: usize = 1_024;

/// Longer ones are no names.
const TEXT_BYTES_MAX: usize = 64;

/// So many texts last; they are those that come first.
const TEXTS_MAX: usize = 4_096;

/// Another holder of a text. One that very many hold is never freed from then on: to hold it and to let it go takes no counting, which is what a
/// short-lived attribute set mostly costs. That are at most 4,096 texts of up to 64 bytes.
#[inline]
pub fn share(text: &Text) -> Text {
    if Text::strong_count(text).is_some_and(|holders| holders > HOLDERS_MIN) {
        static LASTING: AtomicUsize = AtomicUsize::new(0);
        last(text, &LASTING);
    }
    text.clone()
}

#[cold]
fn last(text: &Text, lasting: &AtomicUsize) {
    let more = |count: usize| (count < TEXTS_MAX).then_some(count + 1);
    if text.len() <= TEXT_BYTES_MAX && lasting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok() {
        text.leak();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(text: &Text, holders: usize) -> Vec<Text> {
        (1..holders).map(|_| share(text)).collect()
    }

    #[test]
    fn what_very_many_hold_lasts() {
        let (many, few, long) = (Text::from("/"), Text::from("orders"), Text::from("x".repeat(TEXT_BYTES_MAX + 1)));
        let holders = [held(&many, HOLDERS_MIN + 2), held(&few, HOLDERS_MIN), held(&long, HOLDERS_MIN + 2)];
        assert_eq!([&many, &few, &long].map(Text::is_static), [true, false, false]);
        drop(holders);
        assert_eq!(many, "/");
        assert_eq!(Text::strong_count(&few), Some(1));
    }

    #[test]
    fn no_more_last_than_the_bound() {
        let lasting = AtomicUsize::new(0);
        let texts: Vec<Text> = (0..TEXTS_MAX + 10).map(|number| Text::from(number.to_string())).collect();
        texts.iter().for_each(|text| last(text, &lasting));
        assert_eq!(texts.iter().filter(|text| Text::is_static(text)).count(), TEXTS_MAX);
    }
}
