//! Labels: what a set of attributes becomes, in the order in which labels are shown.
//!
//! A [`Context`] is what all points of a resource and scope have in common. A [`Layout`] answers, for sets of one sequence of keys in a
//! context, which labels there are; only their values differ then. A series holds a layout and its set of attributes.

use crate::translation::Translation;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use warren_gotext::as_string;
use warren_pdata::{Attrs, Scope, Text, Value};

/// Attributes of a resource that say which target it is.
const NAME: &str = "service.name";
const NAMESPACE: &str = "service.namespace";
const INSTANCE: &str = "service.instance.id";

/// What all points of a resource and scope have in common.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Context {
    job: Option<String>,
    instance: Option<String>,
    /// Attributes of the resource that become labels; none unless that is wanted.
    resource: Attrs,
    scope: Scope,
    schema_url: Text,
}

impl Context {
    pub(crate) fn new(resource: &Attrs, scope: &Scope, schema_url: &Text, translation: &Translation) -> Self {
        let wanted = translation.resource_attributes;
        Self {
            job: job(resource),
            instance: resource.get(INSTANCE).map(text),
            resource: if wanted { resource.clone() } else { Attrs::EMPTY },
            scope: scope.clone(),
            schema_url: schema_url.clone(),
        }
    }

    /// About so many bytes, whoever else holds the sets.
    pub(crate) fn bytes(&self) -> usize {
        let Scope { name, version, attrs, .. } = &self.scope;
        let target = [&self.job, &self.instance].into_iter().flatten().map(String::len).sum::<usize>();
        let sets = self.resource.whole_bytes() + attrs.whole_bytes();
        size_of::<Self>() + 64 + target + sets + name.len() + version.len() + self.schema_url.len()
    }
}

impl Hash for Context {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.job, &self.instance, &self.resource, &self.schema_url).hash(state);
        (&self.scope.name, &self.scope.version, &self.scope.attrs).hash(state);
    }
}

/// The name of a job: that of the service, behind its namespace.
fn job(resource: &Attrs) -> Option<String> {
    let name = text(resource.get(NAME)?);
    Some(match resource.get(NAMESPACE) {
        Some(namespace) => format!("{}/{name}", text(namespace)),
        None => name,
    })
}

/// Which target a resource is: job and instance, if it has both.
pub(crate) fn target(resource: &Attrs) -> Option<(String, String)> {
    let target = (job(resource)?, text(resource.get(INSTANCE)?));
    (!target.0.is_empty() && !target.1.is_empty()).then_some(target)
}

/// Which labels sets with one sequence of keys become, by name.
#[derive(Debug)]
pub(crate) struct Layout {
    /// Whose points they are; none for `target_info`.
    context: Option<Arc<Context>>,
    slots: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    name: String,
    source: Source,
}

/// Where a label's value comes from.
#[derive(Debug)]
enum Source {
    Fixed(String),
    Attribute(usize),
    /// Attributes whose keys become the same name: their values, joined.
    Joined(Vec<Source>),
}

impl Layout {
    /// The layout of points with the keys of `set`. The label `taken` belongs to the metric's kind.
    pub(crate) fn for_points(context: &Arc<Context>, set: &Attrs, taken: Option<&str>, translation: &Translation) -> Self {
        let mut pieces: Vec<(Cow<'_, str>, Source)> = Vec::with_capacity(set.len() + context.scope.attrs.len());
        pieces.extend(set.iter().enumerate().map(|(at, entry)| (Cow::Borrowed(entry.key.as_str()), Source::Attribute(at))));
        for entry in &context.resource {
            let value = Source::Fixed(text(&entry.value));
            match pieces.iter_mut().find(|(key, _)| *key == entry.key.as_str()) {
                Some((_, piece)) => *piece = value,
                None => pieces.push((Cow::Borrowed(&entry.key), value)),
            }
        }
        pieces.extend(
            context
                .scope
                .attrs
                .iter()
                .map(|entry| (Cow::Owned(format!("otel_scope_{}", entry.key)), Source::Fixed(text(&entry.value)))),
        );
        let scope = [
            ("otel_scope_name", context.scope.name.to_string()),
            ("otel_scope_version", context.scope.version.to_string()),
            ("otel_scope_schema_url", context.schema_url.to_string()),
        ];
        let target = [("job", context.job.clone()), ("instance", context.instance.clone())];
        let target = target.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let constant = translation.constant.iter().map(|(name, value)| (name.as_str(), value.clone()));
        let slots = slots(pieces, scope.into_iter().chain(target).chain(constant), taken, translation);
        Self { context: Some(Arc::clone(context)), slots }
    }

    /// The layout of `target_info` for a resource.
    pub(crate) fn for_target(resource: &Attrs, translation: &Translation) -> Self {
        let telling = resource.iter().enumerate().filter(|(_, entry)| ![NAME, NAMESPACE, INSTANCE].contains(&entry.key.as_str()));
        let pieces = telling.map(|(at, entry)| (Cow::Borrowed(entry.key.as_str()), Source::Attribute(at))).collect();
        let (job, instance) = target(resource).unwrap_or_default();
        Self { context: None, slots: slots(pieces, [("job", job), ("instance", instance)].into_iter(), None, translation) }
    }

    /// Whether these are points of this context, which is known by its place in memory.
    pub(crate) fn is_of(&self, context: &Arc<Context>) -> bool {
        self.context.as_ref().is_some_and(|own| Arc::ptr_eq(own, context))
    }

    /// About so many bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        let texts =
            self.slots.iter().map(|slot| slot.name.len() + if let Source::Fixed(text) = &slot.source { text.len() } else { 0 });
        size_of::<Self>() + self.slots.len() * (size_of::<Slot>() + 32) + texts.sum::<usize>()
    }
}

/// Labels by name. Those that are `fixed` take the place of attributes with the same name, the later ones that of earlier ones.
fn slots<'a>(
    mut pieces: Vec<(Cow<'_, str>, Source)>,
    fixed: impl Iterator<Item = (&'a str, String)>,
    taken: Option<&str>,
    translation: &Translation,
) -> Vec<Slot> {
    pieces.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut slots: BTreeMap<String, Source> = BTreeMap::new();
    for (key, source) in pieces {
        let Some(name) = translation.label(&key).filter(|name| taken != Some(name)) else { continue };
        match slots.get_mut(&*name) {
            Some(before) => before.join(source),
            None => drop(slots.insert(name.into_owned(), source)),
        }
    }
    slots.extend(fixed.map(|(name, value)| (name.to_owned(), Source::Fixed(value))));
    slots.into_iter().map(|(name, source)| Slot { name, source }).collect()
}

impl Source {
    fn join(&mut self, more: Self) {
        if let Self::Joined(parts) = self {
            return parts.push(more);
        }
        let first = std::mem::replace(self, Self::Fixed(String::new()));
        *self = Self::Joined(vec![first, more]);
    }
}

/// The labels of one series.
#[derive(Clone, Debug)]
pub(crate) struct Labels {
    pub(crate) layout: Arc<Layout>,
    pub(crate) attrs: Attrs,
}

impl Labels {
    /// The labels, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        self.layout.slots.iter().map(|slot| (slot.name.as_str(), self.value(&slot.source)))
    }

    /// In the order in which series are shown: by the number of labels, then by their values. Equal are the same labels alone.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        let (mine, theirs) = (&self.layout.slots, &other.layout.slots);
        let by_length = mine.len().cmp(&theirs.len());
        if by_length != Ordering::Equal {
            return by_length;
        }
        let same = Arc::ptr_eq(&self.layout, &other.layout);
        for (mine, theirs) in mine.iter().zip(theirs) {
            if same && matches!(mine.source, Source::Fixed(_)) {
                continue;
            }
            let by_value = self.value(&mine.source).cmp(&other.value(&theirs.source));
            if by_value != Ordering::Equal {
                return by_value;
            }
        }
        if same {
            return Ordering::Equal;
        }
        mine.iter().map(|slot| &slot.name).cmp(theirs.iter().map(|slot| &slot.name))
    }

    fn value<'a>(&'a self, source: &'a Source) -> Cow<'a, str> {
        match source {
            Source::Fixed(value) => Cow::Borrowed(value),
            Source::Attribute(at) => match self.attrs.as_slice().get(*at).map(|entry| &entry.value) {
                Some(Value::Str(text)) => Cow::Borrowed(text.as_str()),
                Some(value) => Cow::Owned(text(value)),
                None => Cow::Borrowed(""),
            },
            Source::Joined(parts) => {
                let values: Vec<_> = parts.iter().map(|part| self.value(part)).collect();
                Cow::Owned(values.join(";"))
            }
        }
    }
}

/// A value as Go prints it.
pub(crate) fn text(value: &Value) -> String {
    let mut out = String::new();
    as_string(&mut out, value);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_pdata::KeyValue;

    fn labels(resource: &Attrs, set: Attrs, translation: &Translation) -> Labels {
        let scope = Scope { name: "lib".into(), attrs: Attrs::from([("k.x", "v")]), ..Scope::default() };
        let context = Arc::new(Context::new(resource, &scope, &Text::new(), translation));
        Labels { layout: Arc::new(Layout::for_points(&context, &set, Some("le"), translation)), attrs: set }
    }

    fn shown(labels: &Labels) -> String {
        labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn labels_come_from_the_point_the_scope_the_target_and_the_settings() {
        let translation = Translation { constant: [("c".to_owned(), "1".to_owned())].into(), ..Translation::default() };
        let resource = Attrs::from([(NAME, "s"), (NAMESPACE, "n"), (INSTANCE, "i"), ("host.name", "h")]);
        let set = Attrs::new(vec![
            KeyValue::new("b.b", true),
            KeyValue::new("a", "x"),
            KeyValue::new("le", "y"),
            KeyValue::new("__z", "z"),
        ]);
        let own =
            "a=x,b_b=true,c=1,instance=i,job=n/s,otel_scope_k_x=v,otel_scope_name=lib,otel_scope_schema_url=,otel_scope_version=";
        assert_eq!(shown(&labels(&resource, set.clone(), &translation)), own);
        let converted = shown(&labels(&resource, set, &Translation { resource_attributes: true, ..translation }));
        assert_eq!(
            converted.replace("host_name=h,", "").replace("service_instance_id=i,service_name=s,service_namespace=n", ""),
            format!("{own},")
        );
    }

    #[test]
    fn keys_that_meet_in_one_label_are_joined_and_fixed_labels_replace() {
        let translation = Translation::default();
        let resource = Attrs::from([(NAME, "s")]);
        let joined = labels(&resource, Attrs::from([("a.b", "1"), ("a-b", "0"), ("job", "mine")]), &translation);
        assert!(shown(&joined).starts_with("a_b=0;1,job=s,otel"), "{}", shown(&joined));
    }

    #[test]
    fn series_are_ordered_by_the_number_of_labels_then_by_values() {
        let translation = Translation::default();
        let make = |set| labels(&Attrs::EMPTY, set, &translation);
        let one = make(Attrs::from([("z", "z")]));
        let (ab, ba) = (make(Attrs::from([("a", "a"), ("b", "b")])), make(Attrs::from([("b", "b"), ("a", "a")])));
        assert_eq!(one.order(&ab), Ordering::Less);
        assert_eq!(ab.order(&ba), Ordering::Equal);
        assert_eq!(ab.order(&make(Attrs::from([("a", "b"), ("b", "a")]))), Ordering::Less);
        assert_eq!(make(Attrs::from([("a", "x")])).order(&make(Attrs::from([("b", "x")]))), Ordering::Less);
    }
}
