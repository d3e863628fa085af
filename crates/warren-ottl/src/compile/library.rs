//! Which functions there are where.

use crate::editors::EDITORS;
use crate::function::{Converter, Editor, RecordConverter};
use crate::functions::{CONVERTERS, RECORD_CONVERTERS};
use crate::record::Context;

/// A function that statements can call.
#[derive(Clone, Copy)]
pub(super) enum Found {
    Converter(&'static Converter),
    OfRecord(&'static RecordConverter),
}

/// The editor of this name.
pub(super) fn editor(context: Context, name: &str) -> Option<&'static Editor> {
    editors(context).find(|editor| editor.name == name)
}

fn editors(context: Context) -> impl Iterator<Item = &'static Editor> {
    EDITORS.iter().copied().flatten().filter(move |editor| editor.contexts.is_empty() || editor.contexts.contains(&context))
}

/// The converter of this name.
pub(super) fn converter(context: Context, name: &str) -> Option<Found> {
    let plain = CONVERTERS.iter().copied().flatten().find(|converter| converter.name == name).map(Found::Converter);
    plain.or_else(|| {
        let mut of_record = RECORD_CONVERTERS.iter().filter(|converter| converter.contexts.contains(&context));
        of_record.find(|converter| converter.name == name).map(Found::OfRecord)
    })
}

/// Every name of an editor or a converter, for suggestions.
pub(super) fn names(context: Context, of_editors: bool) -> Vec<&'static str> {
    if of_editors {
        return editors(context).map(|editor| editor.name).collect();
    }
    let of_record = RECORD_CONVERTERS.iter().filter(|converter| converter.contexts.contains(&context));
    CONVERTERS
        .iter()
        .copied()
        .flatten()
        .map(|converter| converter.name)
        .chain(of_record.map(|converter| converter.name))
        .collect()
}

/// Functions that upstream added after v0.132.0.
const LATER: &[&str] = &[
    "Base64Encode",
    "Bool",
    "Coalesce",
    "CommunityID",
    "Index",
    "IsInCIDR",
    "ParseSeverity",
    "TrimPrefix",
    "TrimSuffix",
    "XXH3",
    "XXH128",
    "delete_index",
    "stringify_all",
];

/// What to say of a name that is no function here.
pub(super) fn suggestion(context: Context, name: &str) -> Option<String> {
    if LATER.contains(&name) {
        return Some(format!("`{name}` was added after v0.132.0"));
    }
    let of_editors = name.starts_with(|c: char| c.is_ascii_lowercase());
    if let Some(near) = warren_config::nearest(name, names(context, of_editors).into_iter()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let elsewhere = Context::ALL.into_iter().filter(|other| *other != context);
    let elsewhere = elsewhere.filter(|other| editor(*other, name).is_some() || converter(*other, name).is_some());
    let elsewhere: Vec<&str> = elsewhere.map(Context::name).collect();
    (!elsewhere.is_empty()).then(|| format!("`{name}` exists in the context {}", elsewhere.join(", ")))
}
