//! `set`.

use crate::function::{Changes, Editor, Kind, param};

pub(super) const EDITORS: &[Editor] = &[Editor {
    name: "set",
    params: &[param("target", Kind::Target), param("value", Kind::Any)],
    contexts: &[],
    changes: Changes::Target,
    bind: |_| Ok(Box::new(|place, args| place.set(args.get(1).clone()))),
}];
