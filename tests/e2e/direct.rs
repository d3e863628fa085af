//! Direct access: whoever may, reads a server's metrics on the server itself; alone, or behind the broker's proxy with the broker's passwords.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use warren_e2e::collector::Setup;
use warren_e2e::http::{self, Answer, Message, Request, Server};
use warren_e2e::process::{self, Process};
use warren_e2e::rabbitmq::RabbitMq;
use warren_e2e::{Error, Result, port, wait};

use crate::support::{PATIENCE, healthy_target, job, scrape_through};

/// htpasswd's line for `customer` with the password `open sesame`, in plain text, which it takes last.
const USERS: &str = "customer:open sesame";

fn ask(url: &str, user: Option<(&str, &str)>, headers: &[(&str, &str)]) -> Result<Message> {
    http::send(&Request { method: "GET", url, user, headers, ..Request::default() })
}

/// The value of the first series whose line begins so.
fn value(page: &str, series: &str) -> Option<f64> {
    page.lines().find(|line| line.starts_with(series))?.rsplit(' ').next()?.parse().ok()
}

#[test]
fn a_customer_reads_fresh_values_with_a_password_and_nobody_without() -> Result<()> {
    let (target, port) = (healthy_target()?, port::free()?);
    let mut config = scrape_through(
        &[job("broker", &target.address())],
        json!({"prometheus": {
            "endpoint": format!("127.0.0.1:{port}"), "path": "/metrics/node", "auth": {"authenticator": "basicauth"},
            "enable_open_metrics": true, "const_labels": {"server": "one"},
        }}),
    );
    config["extensions"] = json!({"basicauth": {"htpasswd": {"inline": USERS}}});
    config["service"]["extensions"] = json!(["basicauth"]);
    let mut collector = Setup::new(config)?.start()?;
    let user = Some(("customer", "open sesame"));
    let node = format!("http://127.0.0.1:{port}/metrics/node");
    let healthy = format!("healthy{{instance=\"{}\",job=\"broker\"", target.address());
    let first = wait::until("the page shows the target", PATIENCE, || value(&ask(&node, user, &[]).ok()?.text(), &healthy))?;
    wait::until("the page shows a later value", PATIENCE, || {
        value(&ask(&node, user, &[]).ok()?.text(), &healthy).filter(|value| *value > first)
    })?;
    let refused = ask(&node, None, &[])?;
    assert_eq!((refused.word(1), refused.headers.get("www-authenticate")), ("401", Some("Basic realm=\"metrics\"")));
    assert_eq!(ask(&node, Some(("customer", "wrong")), &[])?.word(1), "401");
    assert_eq!(ask(&format!("http://127.0.0.1:{port}/"), user, &[])?.word(1), "404");
    let open = ask(&node, user, &[("Accept", "application/openmetrics-text;version=1.0.0")])?;
    let content_type = open.headers.get("content-type").unwrap_or_default();
    assert_eq!(content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores");
    let text = open.text();
    assert!(text.ends_with("# EOF\n") && text.contains("server=\"one\""), "{text}");
    assert!(
        collector.wait_for_metric("warren_exporter_series", "exporter=\"prometheus\"", PATIENCE, |series| series >= 6.0).is_ok()
    );
    Ok(())
}

#[test]
fn a_change_of_settings_keeps_the_series_and_the_socket() -> Result<()> {
    let port = port::free()?;
    let served = std::sync::atomic::AtomicBool::new(true);
    // The target is scraped once; only a page that was handed over can show it afterwards.
    let target = Server::start(move |_| {
        if served.swap(false, std::sync::atomic::Ordering::Relaxed) {
            crate::support::text_page("# TYPE once gauge\nonce 7\n")
        } else {
            std::thread::sleep(Duration::from_secs(60));
            Answer::ok("text/plain; version=0.0.4", Vec::new())
        }
    })?;
    let mut slow = job("job", &target.address());
    slow["scrape_interval"] = json!("30s");
    slow["scrape_timeout"] = json!("30s");
    let config = |timestamps: bool| {
        scrape_through(
            &[slow.clone()],
            json!({"prometheus": {"endpoint": format!("127.0.0.1:{port}"), "send_timestamps": timestamps}}),
        )
    };
    let state = tempfile::tempdir().unwrap();
    let mut collector = Setup::new(config(false))?
        .args(["--scrape-now", "--watch", "--state-dir"])
        .args([state.path().to_str().unwrap()])
        .start()?;
    let url = format!("http://127.0.0.1:{port}/metrics");
    let line = |page: String| page.lines().find(|line| line.starts_with("once{")).map(str::to_owned);
    let before = wait::until("the page shows the target", PATIENCE, || line(ask(&url, None, &[]).ok()?.text()))?;
    assert!(before.ends_with("} 7"), "{before}");
    let mut changed: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(collector.config_path()).unwrap()).unwrap();
    changed["exporters"] = config(true)["exporters"].clone();
    std::fs::write(collector.config_path(), changed.to_string()).unwrap();
    collector.wait_for_log("Config updated", PATIENCE)?;
    let after = wait::until("the page shows times", PATIENCE, || {
        line(ask(&url, None, &[]).expect("no request is refused").text()).filter(|line| !line.ends_with("} 7"))
    })?;
    assert!(after.contains("} 7 1"), "{after}");
    Ok(())
}

/// A file of the documentation with other addresses.
fn snippet(name: &str, replaced: &[(&str, &str)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/direct-access").join(name);
    replaced.iter().fold(std::fs::read_to_string(path).unwrap(), |text, (before, after)| {
        assert!(text.contains(before), "{name} has no {before}");
        text.replace(before, after)
    })
}

struct Proxy {
    name: &'static str,
    process: Process,
    port: u16,
    _directory: TempDir,
}

/// Starts a proxy with its files, which it finds in the directory it runs in.
fn proxy(name: &'static str, port: u16, files: &[(&str, String)], arguments: &[&str]) -> Result<Proxy> {
    let directory = tempfile::Builder::new().prefix("warren-proxy-").tempdir().unwrap();
    for (file, text) in files {
        std::fs::write(directory.path().join(file), text.replace("DIRECTORY", directory.path().to_str().unwrap())).unwrap();
    }
    let path = ["/usr/sbin", "/usr/bin"].map(|path| Path::new(path).join(name)).into_iter().find(|path| path.is_file());
    let path =
        path.ok_or(Error::Missing { program: name, remedy: "run `cargo xtask test`, or apt-get install nginx-light haproxy" })?;
    let mut command = process::command(path);
    command.args(arguments).current_dir(directory.path());
    let mut process = Process::spawn(name, &mut command, &directory.path().join("log"))?;
    process.until("listens", PATIENCE, || std::net::TcpStream::connect(("127.0.0.1", port)).ok())?;
    Ok(Proxy { name, process, port, _directory: directory })
}

#[test]
fn behind_nginx_and_haproxy_the_brokers_users_read_with_the_brokers_passwords() -> Result<()> {
    let broker = RabbitMq::start()?;
    let management = broker.management_url();
    let management = management.trim_start_matches("http://").trim_end_matches('/');
    let exporter = port::free()?;
    let target = healthy_target()?;
    let config = scrape_through(
        &[job("node", &target.address())],
        json!({"prometheus": {"endpoint": format!("127.0.0.1:{exporter}"), "path": ["/metrics/node"]}}),
    );
    let _collector = Setup::new(config)?.start()?;
    let exporter = format!("127.0.0.1:{exporter}");
    let (nginx_port, haproxy_port) = (port::free()?, port::free()?);
    let server = snippet(
        "nginx.conf",
        &[
            ("listen 443 ssl", &format!("listen 127.0.0.1:{nginx_port}")),
            ("    ssl_certificate     /etc/ssl/broker/certificate.pem;\n", ""),
            ("    ssl_certificate_key /etc/ssl/broker/key.pem;\n", ""),
            ("127.0.0.1:9464", &exporter),
            ("127.0.0.1:15672", management),
        ],
    );
    let paths =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|name| format!("{name}_temp_path DIRECTORY/{name};")).concat();
    let nginx =
        format!("daemon off; pid DIRECTORY/pid; error_log stderr; events {{}} http {{ access_log off; {paths} {server} }}");
    let haproxy = snippet(
        "haproxy.cfg",
        &[
            ("bind :443 ssl crt /etc/haproxy/broker.pem", &format!("bind 127.0.0.1:{haproxy_port}")),
            ("/etc/haproxy/broker-auth.lua", "DIRECTORY/broker-auth.lua"),
            ("127.0.0.1:9464", &exporter),
            ("127.0.0.1:15672", management),
        ],
    );
    let lua = snippet("broker-auth.lua", &[("127.0.0.1:15672", management)]);
    let proxies = [
        proxy("nginx", nginx_port, &[("nginx.conf", nginx)], &["-p", ".", "-c", "nginx.conf", "-e", "stderr"])?,
        proxy("haproxy", haproxy_port, &[("haproxy.cfg", haproxy), ("broker-auth.lua", lua)], &["-db", "-f", "haproxy.cfg"])?,
    ];
    for Proxy { name, process, port, .. } in &proxies {
        let node = format!("http://127.0.0.1:{port}/metrics/node");
        let page = wait::until(format!("{name} shows the page"), PATIENCE, || {
            let answer = ask(&node, Some(("guest", "guest")), &[]).ok()?;
            Some(answer.text()).filter(|text| text.contains("\nhealthy{"))
        });
        let page = page.map_err(|error| panic!("{error}\n{}", process.log()))?;
        assert!(page.contains("# TYPE healthy gauge\n"), "{name}: {page}");
        for user in [None, Some(("guest", "wrong")), Some(("stranger", "guest"))] {
            let refused = ask(&node, user, &[])?;
            assert_eq!(refused.word(1), "401", "{name} {user:?}");
            assert!(
                refused.headers.get("www-authenticate").is_some_and(|asked| asked.to_lowercase().starts_with("basic")),
                "{name}"
            );
            assert!(!refused.text().contains("healthy"), "{name}");
        }
        let whoami = ask(&format!("http://127.0.0.1:{port}/api/whoami"), Some(("guest", "guest")), &[])?;
        assert_eq!(whoami.word(1), "200", "{name} passes everything else on to the broker");
    }
    Ok(())
}
