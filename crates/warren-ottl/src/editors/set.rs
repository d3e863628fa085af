//! `set`.

use crate::function::{Changes, Edit, Editor, Kind, param};

pub(super) const EDITORS: &[Editor] = &[Editor {
    name: "set",
    params: &[param("target", Kind::Target), param("value", Kind::Any)],
    contexts: &[],
    changes: Changes::Target,
    bind: |_| Ok(Edit::new(|place, args| place.set(args.get(1).clone()))),
}];
