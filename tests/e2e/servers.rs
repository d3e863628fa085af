//! The guards themselves: what they start answers, and what they drop is gone.

use std::path::Path;

use warren_e2e::prometheus::{self, Prometheus};
use warren_e2e::rabbitmq::RabbitMq;
use warren_e2e::{Result, http};

#[test]
fn a_private_rabbitmq_counts_its_queues_and_leaves_nothing_behind() -> Result<()> {
    let broker = RabbitMq::start()?;
    broker.declare_queue("orders")?;
    broker.publish("orders", "hello")?;
    let page = http::get(&format!("http://{}/metrics", broker.metrics_address()), None)?.text();
    assert!(page.contains("\nrabbitmq_queues 1\n"), "{page}");
    let directory = broker.log_path().parent().unwrap().to_owned();
    drop(broker);
    assert!(!directory.exists(), "{} is left", directory.display());
    assert_eq!(processes_mentioning(&directory), Vec::<String>::new());
    Ok(())
}

#[test]
fn a_private_prometheus_asks_for_the_password_and_answers_promql() -> Result<()> {
    let store = Prometheus::start()?;
    let address = format!("{}/api/v1/query?query=1", store.url());
    let anonymous = http::send(&http::Request { method: "GET", url: &address, ..Default::default() })?;
    assert_eq!(anonymous.word(1), "401");
    let user = Some((prometheus::USER, prometheus::PASSWORD));
    assert_eq!(http::get(&address, user)?.word(1), "200");
    assert_eq!(store.number("vector(6 * 7)")?, Some(42.0));
    Ok(())
}

/// Command lines of running processes that mention a directory.
fn processes_mentioning(directory: &Path) -> Vec<String> {
    let needle = directory.to_str().unwrap();
    let command_lines = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let bytes = std::fs::read(entry.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&bytes).replace('\0', " "))
    });
    command_lines.filter(|line| line.contains(needle)).collect()
}
