//! Emergencies: `warren emergency …`.

use crate::api::Api;
use crate::commands::{Shown, given, list, now};
use crate::table::{ago, cell, table};
use clap::Subcommand;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What to do with emergencies.
#[derive(Debug, Subcommand)]
pub(crate) enum Emergency {
    /// Has settings hold for some servers for a while, over everything else and without stages.
    Set {
        /// A merge patch of the settings as JSON: text, @FILE, or - for standard input.
        settings: String,
        /// For which servers, KEY=VALUE[,VALUE…]: provider, region, plan, broker, version, tenant, server, or label.NAME; those
        /// for which everything fits that is given.
        #[arg(long = "where", required_unless_present = "everywhere")]
        when: Vec<String>,
        /// For all servers.
        #[arg(long, conflicts_with = "when")]
        everywhere: bool,
        /// How long, such as 30m or 2h; at most 7d.
        #[arg(long)]
        expires: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// A merge patch of the configuration itself, for what settings cannot say.
        #[arg(long)]
        config: Option<String>,
    },
    /// All of them, newest first.
    List,
    /// Ends one before its time.
    Clear {
        /// Its number.
        number: i64,
    },
}

/// Asks, and gives the answer.
pub(crate) async fn emergency(api: &Api, command: Emergency) -> Result<Shown, String> {
    match command {
        Emergency::Set { settings, when, everywhere: _, expires, reason, config } => {
            let config = config.as_deref().map(given).transpose()?.unwrap_or(Value::Null);
            let body = json!({
                "where": selector(&when)?, "settings": given(&settings)?, "config": config, "expires": expires, "reason": reason,
            });
            let body = api.post("/emergencies", &body).await?.body;
            let text = format!("emergency {} holds for {} servers", cell(&body, "/number"), cell(&body, "/fitting"));
            Ok(Shown::new(body, text))
        }
        Emergency::List => {
            let body = api.get("/emergencies").await?.body;
            let row = |entry: &Value| {
                let left = entry.get("expires").and_then(Value::as_i64).map_or(0, |expires| (expires - now()) / 60_000);
                let left = if cell(entry, "/state") == "active" { format!("{left}m") } else { String::new() };
                let mut row = vec![cell(entry, "/number"), cell(entry, "/state"), ago(entry, "/created", now()), left];
                row.extend(["/servers", "/settled", "/author", "/reason"].iter().map(|pointer| cell(entry, pointer)));
                row
            };
            let rows: Vec<Vec<String>> = list(&body).iter().map(row).collect();
            let head = ["NUMBER", "STATE", "AGE", "LEFT", "SERVERS", "SETTLED", "AUTHOR", "REASON"];
            Ok(Shown::new(body, table(&head, &rows)))
        }
        Emergency::Clear { number } => {
            let body = api.delete(&format!("/emergencies/{number}")).await?.body;
            Ok(Shown::new(body, format!("emergency {number} ends")))
        }
    }
}

/// Which servers, as the API takes it: those of which every key has one of its values.
fn selector(when: &[String]) -> Result<Value, String> {
    let (mut lists, mut labels) = (BTreeMap::<&str, Vec<&str>>::new(), BTreeMap::new());
    for pair in when {
        let (key, values) = pair.split_once('=').ok_or_else(|| format!("{pair:?} selects nothing; write KEY=VALUE"))?;
        match key.strip_prefix("label.") {
            Some(name) if labels.insert(name, values).is_some_and(|before| before != values) => {
                return Err(format!("no server has two values of the label {name:?}"));
            }
            Some(_) => {}
            None if key == "labels" => return Err(format!("{pair:?} selects nothing; write label.NAME=VALUE")),
            None => lists.entry(key).or_default().extend(values.split(',')),
        }
    }
    let mut selector = json!(lists);
    if !labels.is_empty() {
        selector["labels"] = json!(labels);
    }
    Ok(selector)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(when: &[&str]) -> Result<Value, String> {
        selector(&when.iter().map(|pair| (*pair).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn servers_are_selected_by_keys_and_labels() {
        let expected = json!({"region": ["eu", "us"], "plan": ["bunny"], "labels": {"ring": "canary", "zone": "a"}});
        for when in [
            &["region=eu,us", "plan=bunny", "label.ring=canary", "label.zone=a"][..],
            &["label.zone=a", "region=eu", "label.ring=canary", "plan=bunny", "region=us", "label.zone=a"],
        ] {
            assert_eq!(selected(when).unwrap(), expected);
        }
        assert_eq!(selected(&[]).unwrap(), json!({}));
    }

    #[test]
    fn what_selects_nothing_is_told() {
        for when in [&["eu"][..], &["labels=x"], &["labels=x", "label.a=b"], &["label.a=b", "label.a=c"]] {
            assert!(selected(when).is_err(), "{when:?}");
        }
    }
}
