//! Extensions that tell of the collector: whether it is well, what it is busy with, and what it may take.

use std::io::Write;
use std::process::Command;

use serde_json::{Value, json};
use warren_e2e::collector::{Setup, command};
use warren_e2e::http::{self, Answer, Request, Server};
use warren_e2e::{Result, port, wait};

use crate::support::{PATIENCE, healthy_target, job, scrape_through, scrape_to};

fn ask(url: &str) -> Result<(String, Value)> {
    let answer = http::send(&Request { method: "GET", url, ..Request::default() })?;
    Ok((answer.word(1).to_owned(), serde_json::from_slice(&answer.body).unwrap_or(Value::Null)))
}

#[test]
fn health_follows_the_flow_of_data_and_says_what_is_stuck() -> Result<()> {
    let (target, port) = (healthy_target()?, port::free()?);
    let good = Server::start(|_| Answer::ok("text/plain", Vec::new()))?;
    let ill = std::sync::atomic::AtomicBool::new(false);
    let ill: &'static std::sync::atomic::AtomicBool = Box::leak(Box::new(ill));
    let moody = Server::start(move |_| match ill.load(std::sync::atomic::Ordering::Relaxed) {
        true => Answer::status(503),
        false => Answer::ok("text/plain", Vec::new()),
    })?;
    let exporter = |address: String| json!({"endpoint": format!("http://{address}/write")});
    let mut config = scrape_through(
        &[job("job", &target.address())],
        json!({"prometheusremotewrite/good": exporter(good.address()), "prometheusremotewrite/moody": exporter(moody.address())}),
    );
    config["extensions"] = json!({"health_check": {
        "endpoint": format!("127.0.0.1:{port}"), "check_collector_pipeline": {"enabled": true, "interval": "2s"},
    }});
    config["service"]["extensions"] = json!(["health_check"]);
    let collector = Setup::new(config)?.start()?;
    let url = format!("http://127.0.0.1:{port}/");
    let (status, body) = wait::until("it is well", PATIENCE, || ask(&url).ok().filter(|(status, _)| status == "200"))?;
    assert_eq!((status.as_str(), &body["status"]), ("200", &json!("Server available")));
    let verbose = format!("{url}?verbose");
    let kinds = |body: &Value, kind: &str| {
        body["components"].as_array().map_or(0, |all| all.iter().filter(|one| one["kind"] == kind).count())
    };
    let (_, body) = ask(&verbose)?;
    assert_eq!((kinds(&body, "exporter"), kinds(&body, "receiver")), (2, 1), "{body}");

    ill.store(true, std::sync::atomic::Ordering::Relaxed);
    let (_, body) = wait::until("it is not well", PATIENCE, || ask(&verbose).ok().filter(|(status, _)| status == "503"))?;
    let reasons = body["reasons"].as_array().unwrap();
    assert_eq!((reasons.len(), &reasons[0]["id"]), (1, &json!("prometheusremotewrite/moody")), "{body}");
    assert!(reasons[0]["reason"].as_str().unwrap().contains("the destination has taken nothing for"), "{body}");
    assert_eq!(ask(&url)?.1["upSince"], json!("0001-01-01T00:00:00Z"));

    ill.store(false, std::sync::atomic::Ordering::Relaxed);
    wait::until("it is well again", PATIENCE, || ask(&url).ok().filter(|(status, _)| status == "200"))?;
    drop(collector);
    Ok(())
}

#[test]
fn profiles_open_with_the_usual_tools() -> Result<()> {
    let (target, port) = (healthy_target()?, port::free()?);
    let sink = Server::start(|_| Answer::ok("text/plain", Vec::new()))?;
    let mut config = scrape_to(&[job("job", &target.address())], &format!("http://{}/write", sink.address()));
    config["extensions"] = json!({"pprof": {"endpoint": format!("127.0.0.1:{port}"), "warren": {"heap_sample": "1KiB"}}});
    config["service"]["extensions"] = json!(["pprof"]);
    let collector = Setup::new(config)?.start()?;
    let root = format!("http://127.0.0.1:{port}/debug/pprof/");
    let get = |path: &str| http::get(&format!("{root}{path}"), None);
    assert!(get("")?.text().contains("profile?seconds=30"));
    let cmdline = get("cmdline")?.text();
    assert!(cmdline.contains("--config") && cmdline.contains('\0'), "{cmdline}");
    wait::until("memory is held", PATIENCE, || get("heap").ok().filter(|heap| heap.body.len() > 500))?;
    let directory = tempfile::tempdir().unwrap();
    for (name, path, shows) in
        [("heap", "heap", "inuse_space"), ("allocs", "allocs", "alloc_space"), ("cpu", "profile?seconds=1", "cpu")]
    {
        let profile = get(path)?;
        assert!(profile.body.starts_with(&[0x1f, 0x8b]), "{name} is gzipped");
        let file = directory.path().join(name);
        std::fs::File::create(&file).unwrap().write_all(&profile.body).unwrap();
        // Go's own tool, where there is one.
        let Ok(told) = Command::new("go").args(["tool", "pprof", "-raw", "-symbolize=none"]).arg(&file).output() else {
            continue;
        };
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        assert!(told.status.success() && text.contains(shows), "{name}: {text} {}", String::from_utf8_lossy(&told.stderr));
        assert!(name == "cpu" || text.contains("warren"), "{name} has names: {text}");
    }
    let trace = http::send(&Request { method: "GET", url: &format!("{root}goroutine"), ..Request::default() })?;
    assert_eq!(trace.word(1), "501");
    drop(collector);
    Ok(())
}

#[test]
fn memory_that_a_configuration_may_take_is_told_and_limited() -> Result<()> {
    let mut config = scrape_to(&[job("job", "127.0.0.1:1")], "http://127.0.0.1:1/write");
    config["receivers"]["prometheus"]["config"]["scrape_configs"][0]["sample_limit"] = json!(1000);
    config["service"]["telemetry"] = json!({"metrics": {"level": "none"}});
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), config.to_string()).unwrap();
    let path = file.path().to_str().unwrap();
    let table = command(["validate", "--memory", "--config", path], &[])?.stdout;
    for row in ["exporter prometheusremotewrite (metrics)  queue", "receiver prometheus", "sum"] {
        assert!(table.contains(row), "{table}");
    }
    let json: Value =
        serde_json::from_str(&command(["validate", "--memory", "--format", "json", "--config", path], &[])?.stdout).unwrap();
    let parts: u64 = json["bounds"].as_array().unwrap().iter().map(|bound| bound["bytes"].as_u64().unwrap()).sum();
    assert_eq!(json["sum"], json!(parts));
    let finished = Setup::text(config.to_string()).args(["--memory-max", "20MiB"]).run()?;
    assert!(!finished.status.success());
    let told = finished.stderr;
    assert!(
        told.contains("more than --memory-max 20.0 MiB") && told.contains("exporter prometheusremotewrite (metrics): queue"),
        "{told}"
    );
    Ok(())
}
