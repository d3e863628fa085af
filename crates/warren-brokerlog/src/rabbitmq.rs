//! What RabbitMQ's messages say.

use crate::{Event, Severity};

/// Message starts by which the category is guessed where it is not told, the more telling first.
const CATEGORIES: [(&str, &[&str]); 9] = [
    ("channel", &["Channel error on connection"]),
    (
        "connection",
        &[
            "accepting AMQP connection",
            "closing AMQP connection",
            "Error on AMQP connection",
            "Closing connection",
            "MQTT",
            "STOMP",
        ],
    ),
    ("alarm", &["memory resource limit", "disk resource limit", "file descriptor limit"]),
    ("federation", &["Federation", "federation"]),
    ("shovel", &["Shovel", "shovel"]),
    ("upgrade", &["Upgrade", "upgrade"]),
    ("feature_flags", &["Feature flag", "feature flag"]),
    ("peer_discovery", &["Peer discovery"]),
    ("queue", &["queue '", "Queue "]),
];

/// Starts of reports of Erlang.
const CRASHES: [&str; 9] = [
    "** Generic ",
    "** State machine ",
    "** gen_event",
    "crasher:",
    "supervisor:",
    "Error in process",
    "Process <",
    "Supervisor ",
    "BOOT FAILED",
];

/// Reads a message of which all lines are there.
pub(crate) fn read(event: &mut Event) {
    let body = std::mem::take(&mut event.body);
    let (first, reason) = body.split_once('\n').unwrap_or((&body, ""));
    about(event, first, reason.trim());
    if !event.attributes.iter().any(|(name, _)| *name == "broker.log.category") {
        let start = first.trim_start();
        let is = |starts: &[&str]| starts.iter().any(|one| start.starts_with(one));
        if let Some((category, _)) = CATEGORIES.iter().find(|(_, starts)| is(starts)) {
            event.text("broker.log.category", *category);
        } else if start.starts_with("connection ") && connection(start).is_some() {
            event.text("broker.log.category", "connection");
        }
    }
    event.body = body;
}

fn about(event: &mut Event, first: &str, reason: &str) {
    let start = first.trim_start();
    if CRASHES.iter().any(|crash| start.starts_with(crash)) && event.severity.is_none_or(|severity| severity.number >= 17) {
        event.text("broker.event", "crash");
        return;
    }
    if let Some((kind, behind)) = start.split_once(" resource limit alarm ") {
        event.text("broker.alarm", kind);
        event.text("broker.event", if behind.starts_with("set") { "alarm.set" } else { "alarm.cleared" });
        if let Some((_, node)) = behind.split_once("on node ") {
            event.text("broker.node", node.trim_end_matches('.'));
        }
        return;
    }
    if let Some(connection) = connection(start) {
        if let Some(kind) = kind_of(start) {
            event.text("broker.event", kind);
        }
        tell(event, &connection);
        if start.ends_with(':') {
            event.text("broker.reason", reason.lines().next().unwrap_or_default());
        }
        if reason.contains(" login refused: ") || reason.contains("failed to authenticate") {
            event.attributes.retain(|(name, _)| *name != "broker.event");
            event.text("broker.event", "auth.failed");
        }
    } else if start.contains("failed to authenticate") || start.contains("credential has expired") {
        event.text("broker.event", "auth.failed");
    }
    for text in [first, reason] {
        for (name, words) in [("broker.user", ["user '", "User '"]), ("broker.vhost", ["vhost '", "virtual host '"])] {
            if let Some((_, behind)) = words.iter().find_map(|word| text.split_once(word)) {
                event.text(name, behind.split('\'').next().unwrap_or_default());
            }
        }
    }
}

fn kind_of(start: &str) -> Option<&'static str> {
    let starts = |word: &str| start.starts_with(word);
    Some(match start {
        _ if starts("accepting AMQP connection") => "connection.accepted",
        _ if starts("closing AMQP connection") || starts("closing ") => "connection.closed",
        _ if starts("Error on AMQP connection") || starts("Error on ") => "connection.error",
        _ if starts("Channel error on connection") => "channel.error",
        _ if start.contains("has a client-provided name: ") => "connection.named",
        _ if start.contains("authenticated and granted access to vhost") => "connection.authenticated",
        _ => return None,
    })
}

/// A connection as messages name it: `127.0.0.1:43522 -> 127.0.0.1:5672 - name, vhost: '/', user: 'guest'`.
struct Connection<'a> {
    peer: &'a str,
    local: &'a str,
    /// What stands behind the addresses, up to the end of the line.
    behind: &'a str,
}

/// The first connection that a line names.
fn connection(line: &str) -> Option<Connection<'_>> {
    let (before, after) = line.split_once(" -> ")?;
    let peer = before.rsplit([' ', '(', '\'']).next()?;
    let end = after.find([' ', ')', ',', '\'']).unwrap_or(after.len());
    let (local, behind) = after.split_at(end);
    let has_port = |text: &str| text.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    (has_port(peer) && has_port(local)).then_some(Connection { peer, local, behind })
}

fn tell(event: &mut Event, connection: &Connection<'_>) {
    let Connection { peer, local, behind } = connection;
    event.text("broker.connection", format!("{peer} -> {local}"));
    event.address("network.peer.address", "network.peer.port", peer);
    event.address("network.local.address", "network.local.port", local);
    // The client chooses its name: what follows it is looked for from the end.
    let marks = [", vhost: '", ", user: '", ", state: ", "): ", "), channel ", "):", ")"];
    if let Some(name) = behind.strip_prefix(" - ") {
        let end = marks[..3].iter().filter_map(|mark| name.find(mark)).min();
        let end = end.or_else(|| marks[3..].iter().find_map(|mark| name.rfind(mark))).unwrap_or(name.len());
        event.text("broker.connection.name", name.get(..end).unwrap_or_default());
    }
    if let Some((_, name)) = behind.split_once("has a client-provided name: ") {
        event.text("broker.connection.name", name);
    }
    let quoted = |mark: &str| {
        let value = behind.rsplit_once(mark)?.1;
        let end = ["', user: '", "', state: ", "', duration: '", "')", "'"].iter().find_map(|end| value.find(end));
        value.get(..end?)
    };
    // A vhost may have any name; what RabbitMQ has none for it calls none.
    for (name, mark) in [("broker.vhost", "vhost: '"), ("broker.user", "user: '"), ("broker.duration", "duration: '")] {
        if let Some(value) = quoted(mark).filter(|value| *value != "none") {
            event.text(name, value);
        }
    }
    if let Some((_, behind)) = behind.split_once("granted access to vhost '") {
        event.text("broker.vhost", behind.trim_end().trim_end_matches('\''));
    }
    if let Some((_, state)) = behind.rsplit_once("state: ") {
        event.text("broker.connection.state", state.split([')', ',']).next().unwrap_or_default());
    }
    if let Some((_, channel)) = behind.rsplit_once("), channel ") {
        event.number("broker.channel", channel.trim_end_matches(':'));
    }
}

/// An event that RabbitMQ's JSON formatter wrote, one to a line.
pub(crate) fn of_json(line: &str) -> Option<Event> {
    if !line.starts_with('{') || line.len() > crate::joiner::EVENT_BYTES_MAX {
        return None;
    }
    let value: serde_json::Value = serde_json::from_str(line).ok()?;
    let text = |key: &str| value.get(key).and_then(serde_json::Value::as_str);
    let severity = Severity::of_word(text("level").or_else(|| text("severity"))?)?;
    let body = text("msg").or_else(|| text("message"))?.to_owned();
    let mut event = Event { severity: Some(severity), body, attributes: Vec::new() };
    event.text("erlang.pid", text("pid").unwrap_or_default());
    event.text("broker.log.category", text("domain").map(|domain| domain.trim_start_matches("rabbitmq.")).unwrap_or_default());
    event.text("broker.vhost", text("vhost").unwrap_or_default());
    event.text("broker.user", text("user").unwrap_or_default());
    Some(event)
}
