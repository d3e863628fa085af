//! What outlives a change of settings: the series, and since when they are watched.

use crate::identity::Identity;
use crate::series::Series;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use warren_component::BuildContext;
use warren_telemetry::Gauge;

/// What is known, shared between a processor and the one that takes over from it.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<State>>);

/// What is known.
pub(crate) struct State {
    pub(crate) series: Series,
    pub(crate) identity: Identity,
    /// When the first processor began, in nanoseconds since 1970.
    pub(crate) since: u64,
    count: Told,
    bytes: Told,
}

/// A gauge that several processors of one id share, and this one's part of it.
struct Told {
    gauge: Gauge,
    part: f64,
}

impl Shared {
    pub(crate) fn new(cx: &BuildContext, since: u64) -> Self {
        let id = cx.id.to_string();
        let told = |name, help| Told { gauge: cx.telemetry.registry.gauge(name, help, &[("processor", &id)]), part: 0.0 };
        Self(Arc::new(Mutex::new(State {
            series: Series::new(),
            identity: Identity::new(),
            since,
            count: told("warren_cumulativetodelta_series", "Series whose last point is remembered."),
            bytes: told("warren_cumulativetodelta_state_bytes", "Memory that what is remembered of series takes."),
        })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Tells how many series there are.
    pub(crate) fn tell(&mut self) {
        self.count.tell(self.series.len() as f64);
        self.bytes.tell(self.series.bytes() as f64);
    }
}

impl Told {
    fn tell(&mut self, part: f64) {
        self.gauge.add(part - std::mem::replace(&mut self.part, part));
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.tell(0.0);
    }
}
