//! A sorted list of numbers whose order only their owner knows.
//!
//! Kept as short runs, so that a number among hundreds of thousands is put in without moving the others.

use std::cmp::Ordering;

/// Numbers in one run; a run that grows beyond is cut in two.
const RUN_MAX: usize = 256;

/// The list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    runs: Vec<Vec<u32>>,
}

/// A place in an [`Order`]; valid until the order changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    run: usize,
    at: usize,
}

impl Order {
    /// Where the number stands that `compare` finds equal, or where it belongs. `compare` says how a listed number compares to the wanted.
    pub(crate) fn find(&self, mut compare: impl FnMut(u32) -> Ordering) -> Result<(Place, u32), Place> {
        // The last run whose first number is not greater is the only one that can hold it.
        let after = self.runs.partition_point(|run| run.first().is_some_and(|first| compare(*first) != Ordering::Greater));
        let run = after.saturating_sub(1);
        let Some(numbers) = self.runs.get(run) else { return Err(Place::default()) };
        match numbers.binary_search_by(|number| compare(*number)) {
            Ok(at) => Ok((Place { run, at }, numbers.get(at).copied().unwrap_or_default())),
            Err(at) => Err(Place { run, at }),
        }
    }

    /// Puts a number where [`Order::find`] said that it belongs.
    pub(crate) fn insert(&mut self, place: Place, number: u32) {
        let Some(run) = self.runs.get_mut(place.run) else { return self.runs.push(vec![number]) };
        run.insert(place.at.min(run.len()), number);
        if run.len() > RUN_MAX {
            let rest = run.split_off(run.len() / 2);
            run.shrink_to_fit();
            self.runs.insert(place.run + 1, rest);
        }
    }

    /// Takes out the number at a place.
    pub(crate) fn remove(&mut self, place: Place) {
        let Some(run) = self.runs.get_mut(place.run) else { return };
        if place.at < run.len() {
            run.remove(place.at);
        }
        if run.is_empty() {
            self.runs.remove(place.run);
        }
    }

    /// Keeps the numbers that `keep` accepts.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(u32) -> bool) {
        self.runs.iter_mut().for_each(|run| run.retain(|number| keep(*number)));
        self.runs.retain(|run| !run.is_empty());
    }

    /// The number at a place, or the next one behind it, with its place.
    pub(crate) fn at(&self, mut place: Place) -> Option<(Place, u32)> {
        while let Some(run) = self.runs.get(place.run) {
            if let Some(number) = run.get(place.at) {
                return Some((place, *number));
            }
            place = Place { run: place.run + 1, at: 0 };
        }
        None
    }
}

impl Place {
    /// The place behind.
    pub(crate) fn next(self) -> Self {
        Self { run: self.run, at: self.at + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn listed(order: &Order) -> Vec<u32> {
        let (mut place, mut out) = (Place::default(), Vec::new());
        while let Some((here, number)) = order.at(place) {
            out.push(number);
            place = here.next();
        }
        out
    }

    proptest! {
        #[test]
        fn prop_numbers_come_out_sorted_and_are_found(numbers in prop::collection::vec(0u32..2000, 0..1500), without in 0u32..7) {
            let mut order = Order::default();
            let mut model = std::collections::BTreeSet::new();
            for number in &numbers {
                match order.find(|other| other.cmp(number)) {
                    Ok((place, found)) => {
                        prop_assert_eq!(found, *number);
                        order.remove(place);
                        model.remove(number);
                    }
                    Err(place) => {
                        order.insert(place, *number);
                        model.insert(*number);
                    }
                }
            }
            prop_assert_eq!(listed(&order), model.iter().copied().collect::<Vec<_>>());
            order.retain(|number| number % 7 != without);
            model.retain(|number| number % 7 != without);
            prop_assert_eq!(listed(&order), model.iter().copied().collect::<Vec<_>>());
            for number in &model {
                prop_assert!(order.find(|other| other.cmp(number)).is_ok());
            }
        }
    }
}
