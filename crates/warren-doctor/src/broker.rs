//! Which brokers a host has, and what each of them does with its log.

use crate::{Finding, Host, lavinmq, rabbitmq};

/// A broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broker {
    RabbitMq,
    LavinMq,
}

/// The page of metrics that brokers of both kinds serve unless told otherwise.
pub(crate) const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:15692/metrics";

/// The brokers of this host.
pub(crate) fn found(host: &Host) -> Vec<Broker> {
    let rabbitmq = ["/usr/lib/rabbitmq", "/opt/rabbitmq", "/etc/rabbitmq"].iter().any(|path| host.exists(path));
    let lavinmq = ["/usr/bin/lavinmq", "/etc/lavinmq"].iter().any(|path| host.exists(path));
    let brokers = [(rabbitmq, Broker::RabbitMq), (lavinmq, Broker::LavinMq)];
    brokers.into_iter().filter(|(found, _)| *found).map(|(_, broker)| broker).collect()
}

/// How they are set up.
pub(crate) fn examine(host: &Host, brokers: &[Broker]) -> Vec<Finding> {
    if brokers.is_empty() {
        return vec![Finding::doubtful("broker", "no RabbitMQ or LavinMQ is installed on this host")];
    }
    let of = |broker: &Broker| match broker {
        Broker::RabbitMq => rabbitmq::examine(host),
        Broker::LavinMq => lavinmq::examine(host),
    };
    brokers.iter().flat_map(of).collect()
}
