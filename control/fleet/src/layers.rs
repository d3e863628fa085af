//! Layers: each may change what the ones before it set. What a leaf's last word came from is remembered.

use crate::model::{Fault, Server};
use crate::settings::Settings;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// How servers of a kind are to be run, in one immutable version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// From the general to the particular.
    pub overlays: Vec<Overlay>,
}

/// What holds for some servers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// Its name.
    pub name: String,
    /// Which servers.
    #[serde(default)]
    pub when: Selector,
    /// A merge patch (RFC 7396) of [`Settings`].
    #[serde(default)]
    #[schema(value_type = Object)]
    pub settings: Value,
    /// A merge patch of the document itself, for what settings cannot say.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub config: Value,
    /// Whether it is laid over what tenants, clusters and servers say, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub over: bool,
}

/// Which servers: all that fit every list that is not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Selector {
    /// Providers.
    pub provider: Vec<String>,
    /// Regions.
    pub region: Vec<String>,
    /// Plans; `bunny` is all plans that begin so: `bunny-1`, `bunny-3`.
    pub plan: Vec<String>,
    /// Kinds of brokers.
    pub broker: Vec<String>,
    /// Versions of brokers by what they begin with: `3.13` is `3.13.7` but not `3.130`.
    pub version: Vec<String>,
    /// Tenants.
    pub tenant: Vec<String>,
    /// Servers.
    pub server: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

impl Selector {
    /// Whether it holds for a server.
    pub fn fits(&self, server: &Server) -> bool {
        let is = |list: &[String], value: &str| list.is_empty() || list.iter().any(|item| item == value);
        let begins = |list: &[String], value: &str, separator: char| {
            let fits = |item: &String| {
                value.strip_prefix(item.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(separator))
            };
            list.is_empty() || list.iter().any(fits)
        };
        is(&self.provider, &server.provider)
            && is(&self.region, &server.region)
            && begins(&self.plan, &server.plan, '-')
            && is(&self.broker, server.broker.kind.name())
            && begins(&self.version, &server.broker.version, '.')
            && is(&self.tenant, &server.tenant)
            && is(&self.server, &server.id)
            && self.labels.iter().all(|(name, value)| server.labels.get(name) == Some(value))
    }
}

/// A layer that applies: where it came from, and what it says.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Such as `profile:region eu` or `server`.
    pub origin: String,
    /// A merge patch of [`Settings`].
    pub settings: Value,
    /// A merge patch of the document.
    pub config: Value,
}

impl Layer {
    /// Whether it holds in an emergency: over everything else.
    pub fn is_emergency(&self) -> bool {
        self.origin.starts_with("emergency")
    }
}

impl Profile {
    /// The layers that apply to a server: those laid under what it, its cluster and its tenant say, or those laid over that.
    pub fn layers(&self, server: &Server, over: bool) -> Vec<Layer> {
        let fits = self.overlays.iter().filter(|overlay| overlay.over == over && overlay.when.fits(server));
        fits.map(|overlay| Layer {
            origin: format!("profile:{}", overlay.name),
            settings: overlay.settings.clone(),
            config: overlay.config.clone(),
        })
        .collect()
    }
}

/// The settings that come of layers, and where each leaf that is no default came from, by its pointer.
///
/// # Errors
/// What no settings are, with the layer that it came from.
pub fn layered(layers: &[Layer]) -> Result<(Settings, BTreeMap<String, String>), Vec<Fault>> {
    let mut value = serde_json::to_value(Settings::default()).unwrap_or_default();
    let (mut origins, mut faults) = (BTreeMap::new(), Vec::new());
    for layer in layers.iter().filter(|layer| !layer.settings.is_null()) {
        let before = value.clone();
        merge(&mut value, &layer.settings, "", &mut |pointer| drop(origins.insert(pointer.to_owned(), layer.origin.clone())));
        if let Err(error) = serde_json::from_value::<Settings>(value.clone()) {
            faults.push(Fault::new(format!("{}/settings", layer.origin), error.to_string()));
            value = before;
        }
    }
    match serde_json::from_value(value) {
        Ok(settings) if faults.is_empty() => Ok((settings, origins)),
        Ok(_) => Err(faults),
        Err(error) => Err(vec![Fault::new("", error.to_string())]),
    }
}

/// The JSON pointer of a key of what another points to.
pub fn below(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// Applies a merge patch, and tells the pointer of every leaf that it sets or removes.
pub fn merge(target: &mut Value, patch: &Value, pointer: &str, told: &mut dyn FnMut(&str)) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return told(pointer);
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else { return };
    for (key, patch) in patch {
        let pointer = below(pointer, key);
        if patch.is_null() {
            target.remove(key);
            told(&pointer);
        } else {
            merge(target.entry(key).or_insert(Value::Null), patch, &pointer, told);
        }
    }
}

/// Puts one patch over another: a `null` in it stays, since it takes away what layers before set.
pub fn laid_over(below: &mut Value, above: &Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (key, value) in above {
                laid_over(below.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (below, above) => *below = above.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn layer(origin: &str, settings: Value) -> Layer {
        Layer { origin: origin.into(), settings, config: Value::Null }
    }

    #[test]
    fn later_layers_win_and_each_leaf_knows_its_own() {
        let layers = [
            layer("profile:base", json!({"scrape": {"interval": "30s"}, "tags": {"a": "1"}})),
            layer("server", json!({"scrape": {"interval": "10s"}, "tags": {"a": null, "b": "2"}})),
        ];
        let (settings, origins) = layered(&layers).unwrap();
        assert_eq!(settings.scrape.interval, "10s");
        assert_eq!(settings.tags, BTreeMap::from([("b".to_owned(), "2".to_owned())]));
        assert_eq!(origins["/scrape/interval"], "server");
        assert_eq!(settings.scrape.endpoint, "localhost:15692");
    }

    #[test]
    fn a_layer_that_says_nonsense_is_named() {
        let faults = layered(&[layer("server", json!({"scrape": {"intervall": "10s"}}))]).unwrap_err();
        assert_eq!(faults[0].pointer, "server/settings");
        assert!(faults[0].message.contains("intervall"), "{faults:?}");
    }

    #[test]
    fn a_patch_over_a_patch_keeps_what_takes_away() {
        let mut below = json!({"a": {"b": 1}, "c": 2});
        laid_over(&mut below, &json!({"a": {"b": null, "d": 3}}));
        assert_eq!(below, json!({"a": {"b": null, "d": 3}, "c": 2}));
    }

    #[test]
    fn a_merge_patch_takes_away_and_puts_in() {
        let (mut value, mut told) = (json!({"a": {"b": 1, "c": 2}}), Vec::new());
        merge(&mut value, &json!({"a": {"b": null}, "d": {"e": 3}}), "", &mut |pointer| told.push(pointer.to_owned()));
        assert_eq!(value, json!({"a": {"c": 2}, "d": {"e": 3}}));
        assert_eq!(told, ["/a/b", "/d/e"]);
    }

    #[test]
    fn plans_and_versions_are_selected_by_what_they_begin_with() {
        let mut server = Server { plan: "bunny-3".into(), ..Server::default() };
        server.broker.version = "3.13.7".into();
        let selector = |plan: &str, version: &str| Selector {
            plan: vec![plan.into()],
            version: vec![version.into()],
            ..Selector::default()
        };
        assert!(selector("bunny", "3.13").fits(&server));
        assert!(!selector("bun", "3.13").fits(&server) && !selector("bunny", "3.1").fits(&server));
    }
}
