//! `dns_sd_configs`: targets from DNS records.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use tokio::time::{MissedTickBehavior, interval};

use super::refresh::Health;
use super::resolver::Resolver;
use super::resolver::message::Record;
use super::{LabelSet, Share, TargetGroup};
use crate::config::{DnsConfig, RecordType};

/// Names that are asked for at the same time.
const CONCURRENT_LOOKUPS: usize = 16;

pub(super) struct DnsDiscovery {
    names: Vec<String>,
    record: RecordType,
    port: u16,
    refresh_interval: Duration,
    resolver: Resolver,
    share: Share,
    health: Health,
    /// The group of each name as last answered.
    groups: BTreeMap<String, TargetGroup>,
}

impl DnsDiscovery {
    pub(super) fn new(config: &DnsConfig, resolver: Resolver, share: Share, health: Health) -> Self {
        let DnsConfig { names, record, port, refresh_interval } = config.clone();
        Self { names, record, port, refresh_interval, resolver, share, health, groups: BTreeMap::new() }
    }

    pub(super) async fn run(mut self) {
        let mut ticks = interval(self.refresh_interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.refresh().await;
        }
    }

    async fn refresh(&mut self) {
        let (resolver, record) = (&self.resolver, self.record);
        let answers: Vec<_> = stream::iter(self.names.clone())
            .map(|name| async move {
                let answer = resolver.lookup(&name, record).await;
                (name, answer)
            })
            .buffer_unordered(CONCURRENT_LOOKUPS)
            .collect()
            .await;
        for (name, answer) in answers {
            if let Some(records) = self.health.note(&name, answer.map_err(|error| error.to_string())) {
                let targets = records.iter().map(|record| target(&name, record, self.port)).collect();
                let group = TargetGroup { source: name.clone(), targets, labels: LabelSet::new() };
                self.groups.insert(name, group);
            }
        }
        self.share.publish(self.groups.values().cloned().collect());
    }
}

/// The labels of the target that a record names.
fn target(name: &str, record: &Record, port: u16) -> LabelSet {
    let mut labels = LabelSet::from([("__meta_dns_name".to_owned(), name.to_owned())]);
    let mut meta = |label: &str, value: &str| labels.insert(format!("__meta_dns_{label}"), value.to_owned());
    let address = match record {
        Record::Address(address) => host_port(&address_text(*address), port),
        Record::Service { target, port } => {
            meta("srv_record_target", target);
            meta("srv_record_port", &port.to_string());
            host_port(target.trim_end_matches('.'), *port)
        }
        Record::MailExchange { target } => {
            meta("mx_record_target", target);
            host_port(target.trim_end_matches('.'), port)
        }
        Record::NameServer { target } => {
            meta("ns_record_target", target);
            host_port(target.trim_end_matches('.'), port)
        }
    };
    labels.insert("__address__".to_owned(), address);
    labels
}

/// An address as Go shows it: one that is mapped from IPv4 as IPv4.
fn address_text(address: IpAddr) -> String {
    address.to_canonical().to_string()
}

fn host_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Facts of Prometheus' `discovery/dns/dns_test.go` (commit 419d436a447a).
    #[test]
    fn records_become_targets() {
        let cases = [
            (Record::Address("192.0.2.2".parse().unwrap()), "192.0.2.2:80", None),
            (Record::Address("::1".parse().unwrap()), "[::1]:80", None),
            (Record::Address("::ffff:192.0.2.2".parse().unwrap()), "192.0.2.2:80", None),
            (
                Record::Service { target: "db1.example.com.".into(), port: 3306 },
                "db1.example.com:3306",
                Some(("__meta_dns_srv_record_target", "db1.example.com.")),
            ),
            (
                Record::MailExchange { target: "smtp1.example.com.".into() },
                "smtp1.example.com:80",
                Some(("__meta_dns_mx_record_target", "smtp1.example.com.")),
            ),
            (
                Record::NameServer { target: "ns1.example.com.".into() },
                "ns1.example.com:80",
                Some(("__meta_dns_ns_record_target", "ns1.example.com.")),
            ),
        ];
        for (record, address, meta) in cases {
            let labels = target("web.example.com.", &record, 80);
            assert_eq!(labels["__address__"], address);
            assert_eq!(labels["__meta_dns_name"], "web.example.com.");
            if let Some((name, value)) = meta {
                assert_eq!(labels[name], value);
            }
        }
        let service = Record::Service { target: "a.".into(), port: 7 };
        assert_eq!(target("n", &service, 0)["__meta_dns_srv_record_port"], "7");
    }
}
