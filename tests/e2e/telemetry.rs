//! The collector's own metrics: served under upstream's names, with labels that do not grow with the data.

use std::collections::BTreeSet;

use warren_e2e::collector::Setup;
use warren_e2e::remote_write::Receiver;
use warren_e2e::{Result, http};

use crate::support::{PATIENCE, healthy_target, job, scrape_to};

#[test]
fn what_flows_is_counted_under_upstreams_names() -> Result<()> {
    let (target, receiver) = (healthy_target()?, Receiver::start()?);
    let mut collector = Setup::new(scrape_to(&[job("job", &target.address())], &receiver.url()))?.start()?;
    let sent = "otelcol_exporter_sent_metric_points";
    collector.wait_for_metric(sent, "exporter=\"prometheusremotewrite\"", PATIENCE, |points| points >= 6.0)?;
    let accepted = "otelcol_receiver_accepted_metric_points";
    collector.wait_for_metric(accepted, "receiver=\"prometheus\"", PATIENCE, |points| points >= 6.0)?;
    for name in [
        "otelcol_process_uptime",
        "otelcol_process_cpu_seconds",
        "otelcol_process_memory_rss",
        "otelcol_exporter_queue_capacity",
        "warren_runtime_kept_bytes",
    ] {
        assert!(collector.metric(name, "")?.is_some(), "{name} is missing");
    }
    Ok(())
}

#[test]
fn the_page_is_well_formed_and_found_at_metrics_only() -> Result<()> {
    let (target, receiver) = (healthy_target()?, Receiver::start()?);
    let collector = Setup::new(scrape_to(&[job("job", &target.address())], &receiver.url()))?.start()?;
    let answer = http::get(&collector.telemetry_url(), None)?;
    let content_type = answer.headers.get("content-type").unwrap_or_default();
    assert!(content_type.starts_with("text/plain; version=0.0.4"), "{content_type}");
    let elsewhere = collector.telemetry_url().replace("/metrics", "/elsewhere");
    let elsewhere = http::send(&http::Request { method: "GET", url: &elsewhere, ..Default::default() })?;
    assert_eq!(elsewhere.word(1), "404");
    Ok(())
}

#[test]
fn the_collector_can_scrape_itself() -> Result<()> {
    let receiver = Receiver::start()?;
    let port = warren_e2e::port::free()?;
    let mut config = scrape_to(&[job("self", &format!("127.0.0.1:{port}"))], &receiver.url());
    config["service"]["telemetry"] = serde_json::json!({"metrics": warren_e2e::collector::own_metrics_on(port)});
    let _collector = Setup::new(config)?.telemetry(port).start()?;
    receiver.wait_for("otelcol_process_memory_rss", PATIENCE, |values| values.len() >= 2)?;
    let ups = receiver.values("up");
    assert!(ups.contains(&1.0), "{ups:?}");
    Ok(())
}

#[test]
fn labels_do_not_follow_the_data() -> Result<()> {
    let (target, receiver) = (healthy_target()?, Receiver::start()?);
    let mut collector = Setup::new(scrape_to(&[job("job", &target.address())], &receiver.url()))?.start()?;
    let sent = "otelcol_exporter_sent_metric_points";
    let series = |text: String| text.lines().filter(|line| !line.starts_with('#')).map(series_of).collect::<BTreeSet<String>>();
    collector.wait_for_metric(sent, "", PATIENCE, |points| points >= 12.0)?;
    let early = series(http::get(&collector.telemetry_url(), None)?.text());
    collector.wait_for_metric(sent, "", PATIENCE, |points| points >= 40.0)?;
    let late = series(http::get(&collector.telemetry_url(), None)?.text());
    assert_eq!(early, late);
    assert!(!late.iter().any(|series| series.contains(&target.address())), "no label names a target: {late:?}");
    Ok(())
}

/// A line of the page without its value.
fn series_of(line: &str) -> String {
    line.rsplit_once(' ').map_or(line, |(series, _)| series).to_owned()
}
