//! What is remembered of things of one kind from tick to tick: devices, interfaces, processors.

use std::collections::HashMap;
use std::hash::Hash;

/// What is remembered, by key. A thing that was not met in a tick is forgotten at its end, so that there are never more than the kernel tells of.
pub(crate) struct Known<K, V> {
    things: HashMap<K, Thing<V>>,
    tick: u64,
    met: usize,
}

struct Thing<V> {
    value: V,
    met: u64,
}

impl<K, V> Default for Known<K, V> {
    fn default() -> Self {
        Self { things: HashMap::new(), tick: 0, met: 0 }
    }
}

impl<K: Hash + Eq, V> Known<K, V> {
    /// Meets a thing: what is remembered of it, else what `new` makes. A thing is remembered under the key that `own` makes.
    pub(crate) fn meet<Q: ?Sized + Hash + Eq>(&mut self, key: &Q, own: impl FnOnce() -> K, new: impl FnOnce() -> V) -> &mut V
    where
        K: std::borrow::Borrow<Q>,
    {
        if !self.things.contains_key(key) {
            self.things.insert(own(), Thing { value: new(), met: u64::MAX });
        }
        let (tick, met) = (self.tick, &mut self.met);
        // It was put there if it was not there.
        let thing = self.things.get_mut(key);
        match thing {
            Some(thing) => {
                *met += usize::from(std::mem::replace(&mut thing.met, tick) != tick);
                &mut thing.value
            }
            None => unreachable!("inserted above"),
        }
    }

    /// Ends the tick: forgets what was not met in it.
    pub(crate) fn end_tick(&mut self) {
        if self.met < self.things.len() {
            self.things.retain(|_, thing| thing.met == self.tick);
            if self.things.capacity() > 4 * self.things.len().max(64) {
                self.things.shrink_to_fit();
            }
        }
        self.tick += 1;
        self.met = 0;
    }
}

impl<V> Known<Box<str>, V> {
    /// Meets a thing with a name.
    pub(crate) fn named(&mut self, name: &str, new: impl FnOnce() -> V) -> &mut V {
        self.meet(name, || name.into(), new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_met_in_a_tick_is_forgotten() {
        let mut known: Known<Box<str>, u32> = Known::default();
        assert_eq!(*known.named("sda", || 1), 1);
        assert_eq!(*known.named("sda", || 9), 1);
        *known.named("sdb", || 2) = 3;
        known.end_tick();
        assert_eq!(*known.named("sdb", || 9), 3);
        known.end_tick();
        assert_eq!(*known.named("sda", || 7), 7, "it was forgotten");
        assert_eq!(known.things.len(), 2);
        known.end_tick();
        known.end_tick();
        assert!(known.things.is_empty());
    }
}
