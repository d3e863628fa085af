//! Distributions: the series that together make one histogram or summary point.

use super::cache::Role;
use hashbrown::HashMap;
use warren_exposition::NativeHistogram;
use warren_pdata::{Attrs, Exemplar};

/// What is known of one distribution from page to page.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) metric: u32,
    pub(super) attrs: Attrs,
    /// Start time in milliseconds, `i64::MIN` while unknown.
    pub(super) start: i64,
    pub(super) count: f64,
    pub(super) sum: f64,
    seen: u16,
}

/// What one page says of a distribution.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    /// All its series are gone. One that lost a member alone goes on without it.
    pub(super) stale: bool,
    /// Milliseconds; the first member's.
    pub(super) time: Option<i64>,
    pub(super) count: Option<f64>,
    pub(super) sum: Option<f64>,
    /// Bound or quantile, and value.
    pub(super) bounds: Vec<(f64, f64)>,
    pub(super) exemplars: Vec<Exemplar>,
    /// The native histogram.
    pub(super) native: Option<NativeHistogram>,
    /// When it began to count, in milliseconds.
    pub(super) created: Option<i64>,
}

/// All distributions of a target. Indices stay as long as a distribution is known.
#[derive(Default)]
pub(super) struct Groups {
    groups: Vec<Option<Group>>,
    by_key: HashMap<(u32, Attrs), u32>,
}

impl Groups {
    /// The index of the distribution of this metric with these attributes.
    pub(super) fn of(&mut self, metric: u32, attrs: &Attrs, page: u16) -> u32 {
        let next = self.groups.len() as u32;
        let at = *self.by_key.entry((metric, attrs.clone())).or_insert(next);
        if at == next {
            self.groups.push(Some(Group { metric, attrs: attrs.clone(), start: i64::MIN, count: 0.0, sum: 0.0, seen: page }));
        }
        at
    }

    /// The distribution with this index.
    pub(super) fn get_mut(&mut self, at: u32, page: u16) -> Option<&mut Group> {
        let group = self.groups.get_mut(at as usize)?.as_mut()?;
        group.seen = page;
        Some(group)
    }

    /// Forgets distributions that have been gone for long. Their indices are not used again before the slots that held them are forgotten, too.
    pub(super) fn settle(&mut self, page: u16, forget_after: u16) {
        for slot in &mut self.groups {
            if slot.as_ref().is_some_and(|group| page.wrapping_sub(group.seen) > forget_after.saturating_add(1)) {
                *slot = None;
            }
        }
        while self.groups.last().is_some_and(Option::is_none) {
            self.groups.pop();
        }
        let groups = &self.groups;
        self.by_key.retain(|_, at| groups.get(*at as usize).is_some_and(Option::is_some));
    }

    /// Follows metrics that moved.
    pub(super) fn moved(&mut self, to: &[u32]) {
        for group in self.groups.iter_mut().flatten() {
            group.metric = to.get(group.metric as usize).copied().unwrap_or_default();
        }
        self.by_key = std::mem::take(&mut self.by_key)
            .into_iter()
            .map(|((metric, attrs), at)| ((to.get(metric as usize).copied().unwrap_or_default(), attrs), at))
            .collect();
    }

    /// The metrics in use.
    pub(super) fn metrics(&self) -> impl Iterator<Item = u32> + '_ {
        self.groups.iter().flatten().map(|group| group.metric)
    }
}

impl Group {
    /// Notes count and sum, and begins anew at this time if they fell. A summary's zeros say nothing.
    pub(super) fn count_on(&mut self, count: f64, sum: f64, time: i64, is_summary: bool) {
        let fell = |now: f64, before: f64| now < before && !(is_summary && (now == 0.0 || before == 0.0));
        if self.start == i64::MIN || fell(count, self.count) || fell(sum, self.sum) {
            self.start = time;
        }
        (self.count, self.sum) = (count, sum);
    }
}

impl Reading {
    /// Takes a member's value. A member at another time than the first is left out: `false`.
    pub(super) fn take(&mut self, role: Role, bound: f64, value: f64, time: i64) -> bool {
        if *self.time.get_or_insert(time) != time {
            return false;
        }
        match role {
            Role::Count => self.count = Some(value),
            Role::Sum => self.sum = Some(value),
            Role::Bound => self.bounds.push((bound, value)),
            Role::Dropped | Role::Ignored | Role::Number | Role::Native | Role::Created | Role::TargetInfo | Role::ScopeInfo => {}
        }
        true
    }
}
