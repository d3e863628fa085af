//! Times that may be negative in configurations.

use std::time::Duration;
use warren_config::{Fields, GoDuration};

/// A time to wait. A negative one means that there is none, as for Go's clients and servers.
pub(crate) fn wait(f: &mut Fields<'_>, key: &'static str, target: &mut Duration) {
    let mut signed = GoDuration(i64::try_from(target.as_nanos()).unwrap_or(i64::MAX));
    f.scalar(key, &mut signed);
    *target = signed.as_duration().unwrap_or_default();
}
