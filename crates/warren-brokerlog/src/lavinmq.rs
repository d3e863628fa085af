//! What LavinMQ's lines say: `source[key: value, …] message`.

use crate::{Event, Severity};

/// Takes a line apart, if it is one of LavinMQ's: source, metadata, message.
pub(crate) fn read(line: &str, priority: Option<u8>) -> Option<Event> {
    let (severity, rest) = match line.strip_prefix(' ') {
        // In the journal: the level was taken off by journald.
        Some(rest) => (priority.and_then(Severity::of_priority), rest),
        None => match own_prefix(line) {
            Some((severity, rest)) => (Some(severity), rest),
            None => (priority.and_then(Severity::of_priority), line),
        },
    };
    let end = rest.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_')))?;
    let (source, behind) = rest.split_at(end);
    if source != "lmq" && !source.starts_with("lmq.") {
        return None;
    }
    let mut event = Event { severity, ..Event::default() };
    event.text("broker.log.category", source.strip_prefix("lmq.").unwrap_or(source));
    let message = match behind.strip_prefix('[') {
        Some(metadata) => metadata_of(metadata, &mut event)?,
        None => behind,
    };
    event.body = message.trim_start().to_owned();
    about(&mut event);
    Some(event)
}

/// Time and level where LavinMQ writes to something else than the journal.
fn own_prefix(line: &str) -> Option<(Severity, &str)> {
    let (time, behind) = line.split_once(' ')?;
    let digits = time.starts_with(|c: char| c.is_ascii_digit()) && time.contains('-') && time.contains(':');
    let (level, rest) = behind.trim_start().split_once(' ')?;
    let severity = Severity::of_word(if level.eq_ignore_ascii_case("trace") { "debug" } else { level })?;
    digits.then(|| (severity, rest.trim_start().trim_start_matches("- ")))
}

/// Reads `key: value, key: "value"] rest`; gives the rest. Texts are quoted and may hold anything, also quotes.
fn metadata_of<'a>(text: &'a str, event: &mut Event) -> Option<&'a str> {
    let mut rest = text;
    loop {
        let (key, behind) = rest.split_once(": ")?;
        let (value, after) = match behind.strip_prefix('"') {
            Some(inside) => {
                let ends = inside.match_indices('"').map(|(at, _)| at);
                let is_end = |at: &usize| inside.get(at + 1..).is_some_and(|after| after.starts_with("]") || is_next_key(after));
                let end = ends.into_iter().find(is_end)?;
                (inside.get(..end)?, inside.get(end + 1..)?)
            }
            None => behind.split_at(behind.find([',', ']'])?),
        };
        tell(event, key, value);
        rest = match after.strip_prefix(", ") {
            Some(rest) => rest,
            None => return after.strip_prefix(']'),
        };
    }
}

/// Whether a further key follows: `, name: `.
fn is_next_key(text: &str) -> bool {
    let Some(text) = text.strip_prefix(", ") else { return false };
    // No further than the key: this is asked of each quote.
    let behind = text.trim_start_matches(|c: char| c.is_ascii_lowercase() || c == '_');
    behind.len() < text.len() && behind.starts_with(": ")
}

fn tell(event: &mut Event, key: &str, value: &str) {
    let is_client = event.attributes.iter().any(|(_, value)| *value == crate::Attribute::Text("amqp.client".to_owned()));
    match key {
        "vhost" => event.text("broker.vhost", value),
        "address" => event.address("network.peer.address", "network.peer.port", value),
        "name" if is_client => event.text("broker.connection.name", value),
        "client" => event.text("broker.connection", value),
        "client_id" => event.text("broker.connection.name", value),
        "channel" => event.number("broker.channel", value),
        "consumer" => event.text("broker.consumer", value),
        "queue" => event.text("broker.queue", value),
        "upstream" => event.text("broker.upstream", value),
        "link" => event.text("broker.link", value),
        _ => {}
    }
}

fn about(event: &mut Event) {
    let body = std::mem::take(&mut event.body);
    let word = |text: &str| text.split([' ', ',']).next().unwrap_or_default().trim_matches('"').to_owned();
    let kinds = [
        ("Connection established", "connection.authenticated"),
        ("Connection disconnected", "connection.closed"),
        ("Authentication failure", "auth.failed"),
        ("Access denied", "auth.denied"),
        ("Heartbeat timeout", "connection.error"),
        ("Low disk space", "alarm.set"),
    ];
    if let Some((_, kind)) = kinds.iter().find(|(start, _)| body.starts_with(start)) {
        event.text("broker.event", *kind);
        if *kind == "alarm.set" {
            event.text("broker.alarm", "disk");
        }
        for (name, mark) in
            [("broker.user", "user="), ("broker.user", "user \""), ("broker.duration", "duration="), ("broker.vhost", "vhost \"")]
        {
            if let Some((_, value)) = body.split_once(mark) {
                let value =
                    if mark.ends_with('"') { value.split('"').next().unwrap_or_default().to_owned() } else { word(value) };
                event.text(name, value);
            }
        }
    }
    event.body = body;
}

/// Whether a line goes on with what the one before it told: an exception and its frames.
pub(crate) fn goes_on(line: &str) -> bool {
    let exception = || {
        let class = line.strip_suffix(')').and_then(|line| line.rsplit_once(" (")).map(|(_, class)| class);
        let names = |class: &str| {
            class.starts_with(|c: char| c.is_ascii_uppercase())
                && class.chars().all(|c| c.is_ascii_alphanumeric() || c == ':' || c == '_')
        };
        class.is_some_and(names)
    };
    line.starts_with("  from ") || line.starts_with("Caused by: ") || exception()
}
