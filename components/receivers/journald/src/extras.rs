//! Settings that upstream does not know: the block `warren`.

use warren_brokerlog::Broker;
use warren_config::{Block, Fields, Keyword};

/// The block `warren`.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    /// Map priorities to severities.
    pub severity: bool,
    /// Take the time of a record from `_SOURCE_REALTIME_TIMESTAMP` where there is one.
    pub source_timestamp: bool,
    /// Put the host's name into the resource: `host.name`.
    pub host: bool,
    /// Put the unit's name without `.service` into the resource: `service.name`.
    pub unit: bool,
    /// Fields that are not text become text all the same.
    pub convert_bytes: bool,
    /// Whose log lines are understood.
    pub broker_logs: BrokerLogs,
}

/// Whose log lines are understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BrokerLogs(pub Option<Broker>);

impl Extras {
    /// Whether the host's name goes into the resource.
    pub(crate) fn host(&self) -> bool {
        self.host || self.broker_logs.0.is_some()
    }

    /// Whether the unit's name does.
    pub(crate) fn unit(&self) -> bool {
        self.unit || self.broker_logs.0.is_some()
    }
}

impl Block for Extras {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("severity", &mut self.severity);
        f.scalar("source_timestamp", &mut self.source_timestamp);
        f.scalar("host", &mut self.host);
        f.scalar("unit", &mut self.unit);
        f.scalar("convert_bytes", &mut self.convert_bytes);
        f.scalar("broker_logs", &mut self.broker_logs);
    }
}

impl Keyword for BrokerLogs {
    const TYPE: &'static str = "string";
    const WORDS: &'static [(&'static str, Self)] = &[
        ("", Self(None)),
        ("rabbitmq", Self(Some(Broker::RabbitMq))),
        ("lavinmq", Self(Some(Broker::LavinMq))),
        ("auto", Self(Some(Broker::Any))),
    ];

    fn unknown(word: &str) -> String {
        format!("unknown broker {word:?}")
    }
}
