//! Remote-write servers that are slow, refuse, limit or break off: what can be delivered is, what cannot is dropped with a reason, and the
//! exporter beside them never notices.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use warren_e2e::collector::{Collector, Setup};
use warren_e2e::http::{Answer, Server};
use warren_e2e::remote_write::{Push, Receiver};
use warren_e2e::{Result, port};

use crate::support::{PATIENCE, healthy_target, job, scrape_through};

/// A healthy target, a sick receiver and a healthy one behind two exporters of one pipeline.
struct Scene {
    collector: Collector,
    sick: Receiver,
    healthy: Receiver,
    _target: Server,
}

impl Scene {
    /// `settings` are added to the exporter of the sick receiver.
    fn start(settings: Value, sick: impl Fn(&Push) -> Answer + Send + Sync + 'static) -> Result<Scene> {
        let (target, sick, healthy) = (healthy_target()?, Receiver::answering(sick)?, Receiver::start()?);
        let collector = start(&target, &sick.url(), &healthy, settings)?;
        Ok(Scene { collector, sick, healthy, _target: target })
    }

    /// Both receivers end up with the same unbroken sequence of scrapes.
    fn expect_both_complete(&self) -> Result<()> {
        for receiver in [&self.healthy, &self.sick] {
            expect_unbroken(receiver)?;
        }
        Ok(())
    }
}

fn start(target: &Server, sick_url: &str, healthy: &Receiver, settings: Value) -> Result<Collector> {
    let mut sick =
        json!({"endpoint": sick_url, "timeout": "2s", "retry_on_failure": {"initial_interval": "50ms", "max_interval": "200ms"}});
    sick.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let exporters = json!({"prometheusremotewrite/healthy": {"endpoint": healthy.url()}, "prometheusremotewrite/sick": sick});
    Setup::new(scrape_through(&[job("job", &target.address())], exporters))?.start()
}

/// The first five scrapes have arrived, each once, in order.
fn expect_unbroken(receiver: &Receiver) -> Result<()> {
    let values = receiver.wait_for("healthy", PATIENCE, |values| values.len() >= 5)?;
    assert_eq!(values[..5], [1.0, 2.0, 3.0, 4.0, 5.0]);
    Ok(())
}

/// Counts calls, so that a receiver can be sick at first and well later.
fn counting(decide: impl Fn(usize, &Push) -> Answer + Send + Sync + 'static) -> impl Fn(&Push) -> Answer + Send + Sync + 'static {
    let calls = AtomicUsize::new(0);
    move |push| decide(calls.fetch_add(1, Ordering::Relaxed), push)
}

#[test]
fn a_receiver_that_refuses_connections_holds_nobody_up() -> Result<()> {
    let (target, healthy) = (healthy_target()?, Receiver::start()?);
    let nobody = format!("http://127.0.0.1:{}/api/v1/write", port::free()?);
    let mut collector = start(&target, &nobody, &healthy, json!({}))?;
    expect_unbroken(&healthy)?;
    let retries = collector.wait_for_log("Exporting failed. Will retry the request after interval.", PATIENCE)?;
    assert!(retries.contains("prometheusremotewrite/sick"), "{retries}");
    Ok(())
}

#[test]
fn what_a_receiver_answers_with_5xx_or_429_is_sent_again() -> Result<()> {
    for status in [500, 503, 429] {
        let answer = counting(move |call, _| Answer::status(if call < 2 { status } else { 204 }));
        Scene::start(json!({}), answer)?.expect_both_complete()?;
    }
    Ok(())
}

#[test]
fn retry_after_is_kept_to() -> Result<()> {
    let asked = Instant::now();
    let answer = counting(|call, _| match call {
        0 => Answer::status(429).header("Retry-After", "2"),
        _ => Answer::status(204),
    });
    let scene = Scene::start(json!({}), answer)?;
    scene.expect_both_complete()?;
    let pushes = scene.sick.pushes();
    assert_eq!((pushes[0].status, pushes[1].status), (429, 204));
    assert_eq!(pushes[0].request, pushes[1].request, "the same request comes again");
    assert!(asked.elapsed() >= Duration::from_secs(2));
    Ok(())
}

#[test]
fn a_slow_receiver_is_cut_by_its_timeout_and_tried_again() -> Result<()> {
    let slow = |_: &Push| {
        Answer::raw(|stream| {
            // Hears everything, answers nothing until the exporter hangs up.
            std::io::copy(stream, &mut std::io::sink()).map(drop)
        })
    };
    let answer = counting(move |call, push| if call == 0 { slow(push) } else { Answer::status(204) });
    Scene::start(json!({"timeout": "1s"}), answer)?.expect_both_complete()
}

#[test]
fn a_connection_closed_halfway_loses_nothing() -> Result<()> {
    let halfway = |_: &Push| Answer::raw(|stream| stream.write_all(b"HTTP/1.1 20"));
    let answer = counting(move |call, push| if call < 2 { halfway(push) } else { Answer::status(204) });
    Scene::start(json!({}), answer)?.expect_both_complete()
}

#[test]
fn a_request_cut_in_its_body_is_sent_again() -> Result<()> {
    let calls = Arc::new(AtomicUsize::new(0));
    let (target, healthy, behind) = (healthy_target()?, Receiver::start()?, Receiver::start()?);
    let behind_url = behind.url();
    let counted = Arc::clone(&calls);
    // Hangs up after a few bytes at first, then hands on to a receiver that decodes.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/api/v1/write", listener.local_addr().unwrap());
    let behind_address = behind_url.trim_start_matches("http://").split('/').next().unwrap().to_owned();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            if counted.fetch_add(1, Ordering::Relaxed) < 2 {
                let _ = stream.read_exact(&mut [0; 16]);
                continue;
            }
            let Ok(mut onward) = std::net::TcpStream::connect(&behind_address) else { return };
            let (mut reader, mut writer) = (onward.try_clone().unwrap(), stream.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut reader, &mut writer));
            std::thread::spawn(move || std::io::copy(&mut stream, &mut onward));
        }
    });
    let _collector = start(&target, &url, &healthy, json!({}))?;
    expect_unbroken(&healthy)?;
    expect_unbroken(&behind)?;
    assert!(calls.load(Ordering::Relaxed) >= 3);
    Ok(())
}

#[test]
fn what_a_receiver_calls_bad_is_dropped_told_and_counted() -> Result<()> {
    let answer = counting(|call, _| match call {
        0 => Answer::ok(
            "text/plain",
            *b"err-mimir-label-value-too-long: received a series whose label value length exceeds the limit",
        )
        .with_status(400),
        _ => Answer::status(204),
    });
    let mut scene = Scene::start(json!({}), answer)?;
    expect_unbroken(&scene.healthy)?;
    let values = scene.sick.wait_for("healthy", PATIENCE, |values| values.len() >= 3)?;
    assert_eq!(values[..3], [2.0, 3.0, 4.0], "the refused scrape is gone, the following arrive");
    let told = scene.collector.wait_for_log("Exporting failed. Dropping data.", PATIENCE)?;
    for part in ["prometheusremotewrite/sick", "400", "err-mimir-label-value-too-long"] {
        assert!(told.contains(part), "{part:?} is missing: {told}");
    }
    let sick = "exporter=\"prometheusremotewrite/sick\"";
    scene.collector.wait_for_metric("otelcol_exporter_send_failed_metric_points", sick, PATIENCE, |lost| lost > 0.0)?;
    let healthy = "exporter=\"prometheusremotewrite/healthy\"";
    assert_eq!(scene.collector.metric("otelcol_exporter_send_failed_metric_points", healthy)?.unwrap_or_default(), 0.0);
    Ok(())
}

#[test]
fn a_receiver_as_strict_as_mimir_is_served() -> Result<()> {
    let strict = |push: &Push| {
        let field = |name: &str| push.headers.get(name).unwrap_or_default().to_owned();
        let refuse = |status: u16, why: &str| Answer::ok("text/plain", why.as_bytes().to_vec()).with_status(status);
        if field("X-Scope-OrgID") != "fleet-7" {
            return refuse(401, "no org id");
        }
        let expected = [
            ("Content-Encoding", "snappy"),
            ("Content-Type", "application/x-protobuf"),
            ("X-Prometheus-Remote-Write-Version", "0.1.0"),
        ];
        if let Some((name, _)) = expected.iter().find(|(name, value)| field(name) != *value) {
            return refuse(400, &format!("{name} is {:?}", field(name)));
        }
        for series in &push.request.timeseries {
            let names: Vec<&str> = series.labels.iter().map(|label| label.name.as_str()).collect();
            if !names.is_sorted() || names.windows(2).any(|pair| pair[0] == pair[1]) {
                return refuse(400, &format!("err-mimir-duplicate-label-names or unsorted: {names:?}"));
            }
            if names.len() > 30 || series.labels.iter().any(|label| label.name.len() > 1024 || label.value.len() > 2048) {
                return refuse(400, "err-mimir-max-label-names-per-series");
            }
            if series.name().is_empty() {
                return refuse(400, "err-mimir-missing-metric-name");
            }
            if !series.samples.is_sorted_by_key(|sample| sample.timestamp) {
                return refuse(400, "err-mimir-sample-out-of-order");
            }
        }
        Answer::status(200)
    };
    let scene = Scene::start(json!({"headers": {"X-Scope-OrgID": "fleet-7"}}), strict)?;
    scene.expect_both_complete()?;
    assert!(scene.sick.pushes().iter().all(|push| push.status == 200));
    Ok(())
}

#[test]
fn a_missing_tenant_is_told_with_the_servers_words() -> Result<()> {
    let answer = |_: &Push| Answer::ok("text/plain", *b"no org id").with_status(401);
    let mut scene = Scene::start(json!({}), answer)?;
    let told = scene.collector.wait_for_log("Exporting failed. Dropping data.", PATIENCE)?;
    assert!(told.contains("401") && told.contains("no org id"), "{told}");
    expect_unbroken(&scene.healthy)
}
