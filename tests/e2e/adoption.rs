//! A running collector is taken over: read, run beside, compared, cut over, and put back.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use warren_e2e::collector::{Collector, Setup};
use warren_e2e::control_plane::ControlPlane;
use warren_e2e::process::Finished;
use warren_e2e::remote_write::Receiver;
use warren_e2e::seed::{self, Places};
use warren_e2e::{Result, port, prometheus, wait};

use crate::support::{PATIENCE, healthy_target};

type Labels = BTreeMap<String, String>;

/// Labels of the page's series that arrived after so many samples, of whom this holds.
fn arrives(mimir: &Receiver, after: usize, what: &str, holds: impl Fn(&Labels) -> bool) -> Result<Labels> {
    wait::until(format!("series arrive {what}"), PATIENCE, || {
        let samples = mimir.samples().into_iter().skip(after).map(|(labels, ..)| labels);
        samples.filter(|labels| labels["__name__"] == "healthy").find(|labels| holds(labels))
    })
}

fn marked(labels: &Labels) -> bool {
    labels.get("collector").is_some_and(|value| value == "warren")
}

fn said(printed: Finished) -> String {
    assert!(printed.status.success(), "{}{}", printed.stdout, printed.stderr);
    printed.stdout
}

#[test]
fn a_running_collector_is_taken_over_and_can_be_put_back() -> Result<()> {
    let (plane, target, mimir, files) =
        (ControlPlane::start()?, healthy_target()?, Receiver::start()?, tempfile::tempdir().unwrap());
    let broker_port = target.address().rsplit(':').next().and_then(|port| port.parse().ok()).unwrap();
    let mut config = seed::config(&Places { write_url: mimir.url(), broker_port, telemetry_port: port::free()? })?;
    config["receivers"]["prometheus/broker"]["config"]["scrape_configs"][0]["scrape_interval"] = json!("1s");
    // The other collector: what it runs is the example from which this project grew, word by word but for places and interval.
    let other =
        || -> Result<Collector> { Setup::text(config.to_string()).env(seed::PASSWORD_VARIABLE, prometheus::PASSWORD).start() };
    let mut before = other()?;
    let address = format!("localhost:{broker_port}");
    let of_other = |labels: &Labels| labels["instance"] == address && !marked(labels);
    let old = arrives(&mimir, 0, "of the other collector", of_other)?;

    let configs = files.path().join("configs");
    std::fs::create_dir(&configs).unwrap();
    std::fs::write(configs.join("srv-1.json"), config.to_string()).unwrap();
    let variables = files.path().join("collector.env");
    std::fs::write(&variables, format!("{}={}\n", seed::PASSWORD_VARIABLE, prometheus::PASSWORD)).unwrap();
    let beside = json!({"settings": {"telemetry_port": port::free()?}}).to_string();
    let (configs, variables) = (configs.to_str().unwrap(), variables.to_str().unwrap());
    let adopt = ["adopt", configs, "--tenant", "acme", "--env", variables, "--beside", &beside];
    let tried = said(plane.command(&[&adopt[..], &["--dry-run"]].concat())?);
    assert!(tried.contains("1 said wholly by settings") && tried.contains("nothing was changed"), "{tried}");
    assert!(!tried.contains(prometheus::PASSWORD), "{tried}");
    assert!(plane.get("/servers")?["items"].as_array().unwrap().is_empty());
    let done = said(plane.command(&adopt)?);
    assert!(done.contains("becomes the label instance"), "{done}");

    // Side by side: the same series, and none twice.
    let state = tempfile::tempdir().unwrap();
    let _collector = Setup::host(&plane.host_config("srv-1")?).args(["--state-dir", state.path().to_str().unwrap()]).start()?;
    let applied = || {
        wait::until("the server has applied its configuration", PATIENCE, || {
            let state = plane.get("/servers/srv-1").ok()?["state"].clone();
            (state["config"] == "applied" && state["link"] == "connected").then_some(())
        })
    };
    applied()?;
    let new = arrives(&mimir, 0, "of the new collector", marked)?;
    assert_eq!(new["instance"], "server-name-01");
    let differ = |label: &&String| !["instance", "collector"].contains(&label.as_str()) && old.get(*label) != new.get(*label);
    let differing: BTreeSet<&String> = old.keys().chain(new.keys()).filter(differ).collect();
    assert_eq!(differing, BTreeSet::new(), "old {old:?}, new {new:?}");
    let names = |of: &dyn Fn(&Labels) -> bool| -> BTreeSet<String> {
        mimir
            .samples()
            .into_iter()
            .map(|(labels, ..)| labels)
            .filter(|labels| of(labels))
            .map(|labels| labels["__name__"].clone())
            .collect()
    };
    wait::until("both have sent the same series", PATIENCE, || {
        let one = names(&|labels: &Labels| labels["instance"] == address && labels["__name__"] != "target_info");
        let other = names(&|labels: &Labels| marked(labels) && labels["__name__"] != "target_info");
        (!one.is_empty() && one == other).then_some(())
    })?;
    let unmarked = |labels: &Labels| labels["instance"] == "server-name-01" && !marked(labels);
    let doubled = mimir.samples().into_iter().filter(|(labels, ..)| labels["__name__"] == "healthy" && unmarked(labels)).count();
    assert_eq!(doubled, 0);

    // Cut-over.
    assert!(before.stop()?.success(), "{}", before.log());
    let count = mimir.samples().len();
    said(plane.command(&["servers", "label", "srv-1", "adoption=live"])?);
    applied()?;
    arrives(&mimir, count, "of the new collector alone", unmarked)?;
    let authorization = |push: &warren_e2e::remote_write::Push| push.headers.get("authorization").map(str::to_owned);
    let authorizations: BTreeSet<Option<String>> = mimir.pushes().iter().map(authorization).collect();
    assert_eq!(authorizations.len(), 1, "both sign in with the same password");

    // The way back.
    said(plane.command(&["servers", "label", "srv-1", "adoption=beside"])?);
    applied()?;
    let count = mimir.samples().len();
    let mut again = other()?;
    arrives(&mimir, count, "of the other collector again", of_other)?;
    arrives(&mimir, count, "of the new collector beside it", marked)?;
    assert!(again.stop()?.success(), "{}", again.log());
    Ok(())
}
