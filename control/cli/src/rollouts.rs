//! Rollouts: `warren rollouts …`.

use crate::api::Api;
use crate::commands::{Shown, encoded, given, list, now};
use crate::table::{ago, cell, table};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

/// What to do with rollouts.
#[derive(Debug, Subcommand)]
pub(crate) enum Rollouts {
    /// All of them, newest first.
    List,
    /// One of them.
    Show {
        /// Its number.
        number: i64,
    },
    /// Its servers, and how far each has come.
    Servers {
        /// Its number.
        number: i64,
        /// In this state only, such as failed.
        #[arg(long, default_value = "")]
        state: String,
    },
    /// Begins one.
    Start(Start),
    /// Has it wait: no further servers are given anything.
    Pause(Act),
    /// Has it go on; failures until now do not count any more.
    Resume(Act),
    /// Ends it: all servers get back what they had.
    Abort(Act),
}

/// What is to be rolled out, and how.
#[derive(Debug, Args)]
pub(crate) struct Start {
    /// A new version of the profile, given as JSON: text, @FILE, or - for standard input.
    #[arg(required_unless_present_any = ["version", "package"], conflicts_with_all = ["version", "package"])]
    profile: Option<String>,
    /// A version of the profile that there is.
    #[arg(long, conflicts_with = "package")]
    version: Option<i64>,
    /// A version of the collector, of which there are packages.
    #[arg(long)]
    package: Option<String>,
    /// Stages and gates as JSON: text, or @FILE [default: one server, 1 %, 10 %, 50 %, all, ten minutes each].
    #[arg(long)]
    plan: Option<String>,
    /// Why.
    #[arg(long, default_value = "")]
    reason: String,
}

/// Which rollout, and why.
#[derive(Debug, Args)]
pub(crate) struct Act {
    /// Its number.
    number: i64,
    /// Why.
    #[arg(long, default_value = "")]
    reason: String,
}

/// Asks, and gives the answer.
pub(crate) async fn rollouts(api: &Api, command: Rollouts) -> Result<Shown, String> {
    match command {
        Rollouts::List => {
            let body = api.get("/rollouts").await?.body;
            let rows: Vec<Vec<String>> = list(&body).iter().map(row).collect();
            let head = ["NUMBER", "WHAT", "STATE", "STAGE", "DONE", "FAILED", "LEFT", "AGE", "REASON"];
            Ok(Shown::new(body, table(&head, &rows)))
        }
        Rollouts::Show { number } => {
            let body = api.get(&format!("/rollouts/{number}")).await?.body;
            let text = stages(&body);
            Ok(Shown::new(body, text))
        }
        Rollouts::Servers { number, state } => {
            let (mut items, mut after) = (Vec::new(), String::new());
            loop {
                let query = format!("?limit=1000&state={}&after={}", encoded(&state), encoded(&after));
                let page = api.get(&format!("/rollouts/{number}/servers{query}")).await?.body;
                items.extend(list(&page));
                match page.get("next").and_then(Value::as_str) {
                    Some(next) => next.clone_into(&mut after),
                    None => break,
                }
            }
            let row = |target: &Value| {
                let error = cell(target, "/error").chars().take(120).collect();
                vec![cell(target, "/server"), cell(target, "/stage"), cell(target, "/state"), ago(target, "/since", now()), error]
            };
            let rows: Vec<Vec<String>> = items.iter().map(row).collect();
            Ok(Shown::new(json!({"items": items}), table(&["SERVER", "STAGE", "STATE", "AGE", "ERROR"], &rows)))
        }
        Rollouts::Start(start) => {
            let mut body = json!({"reason": start.reason});
            for (key, value) in [("profile", &start.profile), ("plan", &start.plan)] {
                if let Some(value) = value {
                    body[key] = given(value)?;
                }
            }
            if let Some(version) = start.version {
                body["version"] = json!(version);
            }
            if let Some(package) = start.package {
                body["package"] = json!(package);
            }
            let body = api.post("/rollouts", &body).await?.body;
            let text = format!("rollout {} of {} begins\n{}", cell(&body, "/number"), goods(&body), stages(&body));
            Ok(Shown::new(body, text))
        }
        Rollouts::Pause(act) => acted(api, act, "pause", "waits").await,
        Rollouts::Resume(act) => acted(api, act, "resume", "goes on").await,
        Rollouts::Abort(act) => acted(api, act, "abort", "is rolled back").await,
    }
}

async fn acted(api: &Api, act: Act, action: &str, told: &str) -> Result<Shown, String> {
    let body = api.post(&format!("/rollouts/{}/actions/{action}", act.number), &json!({"reason": act.reason})).await?.body;
    Ok(Shown::new(body, format!("rollout {} {told}", act.number)))
}

fn row(rollout: &Value) -> Vec<String> {
    let sum = |states: &[&str]| states.iter().filter_map(|state| rollout["servers"][state].as_i64()).sum::<i64>().to_string();
    let mut row = vec![cell(rollout, "/number"), goods(rollout), cell(rollout, "/state"), cell(rollout, "/stage_name")];
    row.extend([sum(&["done", "same"]), sum(&["failed", "refused"]), sum(&["pending", "waiting", "given", "applied"])]);
    row.push(ago(rollout, "/created", now()));
    row.push(cell(rollout, "/reason").chars().take(80).collect());
    row
}

/// What is rolled out.
fn goods(rollout: &Value) -> String {
    match cell(rollout, "/package") {
        package if package.is_empty() => format!("profile {}", cell(rollout, "/version")),
        package => format!("collector {package}"),
    }
}

/// How it stands, and how many servers of each stage are in each state.
fn stages(rollout: &Value) -> String {
    let empty = Vec::new();
    let names = rollout["plan"]["stages"].as_array().unwrap_or(&empty);
    let counts = rollout["stages"].as_array().unwrap_or(&empty);
    let rows: Vec<Vec<String>> = names
        .iter()
        .zip(counts)
        .enumerate()
        .map(|(at, (stage, counts))| {
            let now = if rollout["stage"].as_u64() == u64::try_from(at).ok() { "▶" } else { "" };
            let states = counts
                .as_object()
                .map(|states| states.iter().map(|(state, count)| format!("{count} {state}")).collect::<Vec<_>>());
            vec![now.to_owned(), cell(stage, "/name"), states.unwrap_or_default().join(", ")]
        })
        .collect();
    let reason = match cell(rollout, "/reason") {
        reason if reason.is_empty() => reason,
        reason => format!(": {reason}"),
    };
    format!("{}{reason}\n{}", cell(rollout, "/state"), table(&["", "STAGE", "SERVERS"], &rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rollout_is_shown_stage_by_stage() {
        let rollout = json!({
            "number": 3, "version": 7, "state": "rolled_back", "reason": "why", "stage": 0, "stage_name": "canary", "created": 0,
            "plan": {"stages": [{"name": "canary"}, {"name": "all"}]}, "stages": [{"rolled_back": 1}, {"pending": 2, "same": 1}],
            "servers": {"rolled_back": 1, "pending": 2, "same": 1},
        });
        let expected = "rolled_back: why\n   STAGE   SERVERS\n▶  canary  1 rolled_back\n   all     2 pending, 1 same";
        assert_eq!(stages(&rollout), expected);
        assert_eq!(row(&rollout), ["3", "profile 7", "rolled_back", "canary", "1", "0", "2", "", "why"]);
    }
}
