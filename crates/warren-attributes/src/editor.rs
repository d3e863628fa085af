//! Applying actions to attribute sets, each shared set once.
//!
//! A set that only the batch holds is edited in place. One that others hold too (the series cache of a scrape, other points) is
//! edited as a copy, and the copy is remembered as long as the original lives: the next batch that brings the same set gets it back.

use std::sync::Arc;

use hashbrown::HashMap;
use warren_component::{BuildError, ClientInfo, MemoryBound};
use warren_pdata::Attrs;
use warren_telemetry::{Counter, Telemetry};

use crate::{ActionSettings, Actions};

/// Most results that are remembered; sets beyond are edited anew each time and counted.
pub(crate) const REMEMBERED_MAX: usize = 131_072;

/// Most bytes of them, originals included; beyond it is the same.
pub(crate) const REMEMBERED_BYTES_MAX: usize = 64 << 20;

/// Results of sets that nobody else holds any more are forgotten every so many batches.
const BATCHES_BETWEEN_SWEEPS: u32 = 64;

/// Applies one list of actions.
pub struct Editor {
    actions: Actions,
    telemetry: Telemetry,
    /// By the identity of the original.
    results: HashMap<usize, Edited>,
    /// Bytes of all results, and of the originals they hold.
    bytes: usize,
    /// The result for the empty set.
    empty: Option<Attrs>,
    /// The original and the result of the last look-up: equal sets often stand in a row.
    last: Option<Edited>,
    /// Who sent the data at hand, where the actions ask.
    client: Option<Arc<ClientInfo>>,
    remembers: bool,
    batches: u32,
    full: Counter,
}

/// A set before and after. Holding the original keeps its identity from being given to another set.
#[derive(Clone)]
struct Edited {
    original: Attrs,
    result: Attrs,
    bytes: usize,
}

impl Editor {
    /// An editor that applies these actions.
    ///
    /// # Errors
    /// What is wrong with the actions.
    pub fn build(actions: &[ActionSettings], telemetry: Telemetry) -> Result<Self, BuildError> {
        let actions = Actions::new(actions).map_err(|errors| {
            let texts: Vec<_> = errors.iter().map(|(_, error)| error.to_string()).collect();
            BuildError::new(texts.join("; "))
        })?;
        Ok(Self::new(actions, telemetry))
    }

    fn new(actions: Actions, telemetry: Telemetry) -> Self {
        let full = telemetry.registry.counter(
            "warren_attributes_uncached_total",
            "Shared attribute sets that were edited anew because too many results are remembered.",
            &[],
        );
        let remembers = !actions.depends_on_client();
        Self {
            actions,
            telemetry,
            results: HashMap::new(),
            bytes: 0,
            empty: None,
            last: None,
            client: None,
            remembers,
            batches: 0,
            full,
        }
    }

    /// What is remembered at most.
    pub fn memory() -> Vec<MemoryBound> {
        vec![MemoryBound::new("edited attribute sets", REMEMBERED_BYTES_MAX as u64)]
    }

    /// To be called before the sets of a batch are edited, in the call that brought the batch.
    pub fn begin_batch(&mut self) {
        if !self.remembers {
            self.client = ClientInfo::current();
        }
        self.last = None;
        self.batches += 1;
        if self.batches == BATCHES_BETWEEN_SWEEPS {
            self.batches = 0;
            self.forget_gone();
        }
    }

    /// Edits one set.
    pub fn edit(&mut self, attrs: &mut Attrs) {
        if !self.remembers || attrs.holders() == 1 {
            return self.actions.apply(attrs, self.client.as_deref(), &self.telemetry.log);
        }
        if attrs.holders() == 0 {
            let (actions, log) = (&self.actions, &self.telemetry.log);
            let result = self.empty.get_or_insert_with(|| {
                let mut result = Attrs::EMPTY;
                actions.apply(&mut result, None, log);
                result
            });
            *attrs = result.clone();
            return;
        }
        if let Some(last) = self.last.as_ref().filter(|last| last.original.same(attrs)) {
            *attrs = last.result.clone();
            return;
        }
        let edited = match self.results.get(&attrs.id()) {
            Some(edited) => edited.clone(),
            None => self.edit_and_remember(attrs),
        };
        *attrs = edited.result.clone();
        self.last = Some(edited);
    }

    fn edit_and_remember(&mut self, original: &Attrs) -> Edited {
        let mut result = original.clone();
        self.actions.apply(&mut result, None, &self.telemetry.log);
        let bytes = original.whole_bytes() + result.whole_bytes() + 2 * size_of::<(usize, Edited)>();
        let edited = Edited { original: original.clone(), result, bytes };
        if self.results.len() < REMEMBERED_MAX && self.bytes + bytes <= REMEMBERED_BYTES_MAX {
            self.bytes += bytes;
            self.results.insert(original.id(), edited.clone());
        } else {
            self.full.add(1);
        }
        edited
    }

    /// Forgets results whose originals live nowhere else, and gives memory back after a large page.
    fn forget_gone(&mut self) {
        self.results.retain(|_, edited| {
            // A result that is the original itself counts as a holder.
            let own = if edited.original.same(&edited.result) { 2 } else { 1 };
            let used = edited.original.holders() > own;
            self.bytes -= if used { 0 } else { edited.bytes };
            used
        });
        if self.results.capacity() > 4 * self.results.len() {
            self.results.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests;
