//! `testdata/rabbitmq-3.10.txt` is what a RabbitMQ 3.10 wrote to its console, coloured as it is by default, while clients were refused, channels
//! failed, alarms went on and off and processes crashed. LavinMQ's lines are written after its documentation and sources.

use super::*;
use proptest::prelude::*;
use std::time::{Duration, Instant};

const RABBITMQ: &str = include_str!("testdata/rabbitmq-3.10.txt");

fn line<'a>(text: &'a str, priority: u8, unit: &'a str) -> Line<'a> {
    Line { stream: "s", text, priority: Some(priority), unit, is_cut: false, item_bytes: 0 }
}

fn join(broker: Broker, lines: &[Line<'_>]) -> Vec<(usize, Option<Event>)> {
    let (mut joiner, mut out, now) = (Joiner::new(broker), Vec::new(), Instant::now());
    for (number, line) in lines.iter().enumerate() {
        joiner.push(*line, number, now, &mut out);
    }
    joiner.flush_all(&mut out);
    assert_eq!((joiner.held().count(), joiner.next_due()), (0, None));
    out.into_iter().map(|(number, event)| (number, event.map(|(_, event)| event))).collect()
}

fn rabbitmq(texts: &[&str]) -> Vec<Event> {
    let lines: Vec<Line<'_>> = texts.iter().map(|text| line(text, 6, "rabbitmq-server.service")).collect();
    join(Broker::RabbitMq, &lines).into_iter().map(|(_, event)| event.unwrap()).collect()
}

fn lavinmq(texts: &[(&str, u8)]) -> Vec<Event> {
    let lines: Vec<Line<'_>> = texts.iter().map(|(text, priority)| line(text, *priority, "lavinmq.service")).collect();
    join(Broker::LavinMq, &lines).into_iter().map(|(_, event)| event.unwrap()).collect()
}

fn get(event: &Event, name: &str) -> String {
    match event.attributes.iter().find(|(known, _)| *known == name) {
        Some((_, Attribute::Text(text))) => text.clone(),
        Some((_, Attribute::Number(number))) => number.to_string(),
        None => String::new(),
    }
}

fn real() -> Vec<Event> {
    rabbitmq(&RABBITMQ.lines().collect::<Vec<_>>())
}

fn find<'a>(events: &'a [Event], start: &str) -> &'a Event {
    events.iter().find(|event| event.body.starts_with(start)).unwrap_or_else(|| panic!("{start}"))
}

#[test]
fn a_real_brokers_lines_become_events_without_colours_and_prefixes() {
    let events = real();
    for event in &events {
        assert!(!event.body.contains('\u{1b}') && !event.body.contains("2026-") && !event.body.is_empty(), "{event:?}");
        assert!(event.severity.is_some() && get(event, "erlang.pid").starts_with('<'), "{event:?}");
        assert_eq!((get(event, "appname"), get(event, "messaging.system")), ("rabbitmq".to_owned(), "rabbitmq".to_owned()));
    }
    // Each event once: as many as there are different prefixes.
    let prefixes = RABBITMQ.lines().map(|line| ansi::plain(line).split("> ").next().unwrap().to_owned());
    let mut prefixes: Vec<String> = prefixes.collect();
    prefixes.dedup();
    assert_eq!(events.len(), prefixes.len());
}

#[test]
fn crashes_stay_whole() {
    let events = real();
    let crash = find(&events, "  crasher:");
    assert_eq!(crash.body.lines().count(), 16);
    assert!(crash.body.contains("\n    exception exit: {bad_thing,<<\"bin\">>}\n") && crash.body.ends_with("  neighbours:"));
    assert_eq!((crash.severity.unwrap().number, get(crash, "broker.event")), (17, "crash".to_owned()));
    let supervisor = find(&events, "    supervisor: {local,rabbit_epmd_monitor_sup}");
    assert!(supervisor.body.ends_with("{child_type,worker}]"));
    assert_eq!(get(find(&events, "Error in process <0.1070.0>"), "broker.event"), "crash");
    assert_eq!(find(&events, "two").body, "two\nlines\n  and a third with [x]");
}

#[test]
fn connections_channels_users_and_vhosts_are_taken_out() {
    let events = real();
    let accepted = find(&events, "accepting AMQP connection <0.778.0>");
    let told = ["network.peer.address", "network.peer.port", "network.local.port", "broker.event", "broker.log.category"];
    assert_eq!(told.map(|name| get(accepted, name)), ["127.0.0.1", "43522", "24371", "connection.accepted", "connection"]);
    assert_eq!(get(accepted, "broker.connection"), "127.0.0.1:43522 -> 127.0.0.1:24371");
    let named = events.iter().find(|event| get(event, "broker.event") == "connection.named").unwrap();
    assert_eq!(get(named, "broker.connection.name"), "orders-service");
    let odd = events.iter().find(|event| get(event, "broker.connection.name") == "a b'c \"d\"").unwrap();
    assert_eq!(get(odd, "broker.event"), "connection.named");
    let granted = events.iter().find(|event| get(event, "broker.event") == "connection.authenticated").unwrap();
    let about = ["broker.user", "broker.vhost", "broker.connection.name"];
    assert_eq!(about.map(|name| get(granted, name)), ["guest", "/", "orders-service"]);
    let refused = find(&events, "Error on AMQP connection <0.800.0>");
    assert_eq!(refused.body.lines().nth(1), Some("PLAIN login refused: user 'eve' - invalid credentials"));
    let about = ["broker.event", "broker.user", "broker.connection.state"];
    assert_eq!(about.map(|name| get(refused, name)), ["auth.failed", "eve", "starting"]);
    let vhost = find(&events, "Error on AMQP connection <0.805.0>");
    let about = ["broker.event", "broker.user", "broker.reason", "broker.connection.name"];
    assert_eq!(about.map(|name| get(vhost, name)), ["connection.error", "guest", "vhost nope not found", "orders-service"]);
    let channel = find(&events, "Channel error on connection <0.813.0>");
    let about = ["broker.event", "broker.channel", "broker.vhost", "broker.log.category"];
    assert_eq!(about.map(|name| get(channel, name)), ["channel.error", "1", "/", "channel"]);
    assert!(get(channel, "broker.reason").contains("not_found: no queue 'none'"));
    let gone = events.iter().find(|event| get(event, "broker.reason") == "client unexpectedly closed TCP connection").unwrap();
    assert_eq!((gone.severity.unwrap().number, get(gone, "broker.connection.name").as_str()), (13, "gone"));
    let about = ["broker.user", "broker.vhost"];
    let permissions = find(&events, "Successfully set permissions for 'bob'");
    assert_eq!(get(permissions, "broker.vhost"), "/");
    assert_eq!(about.map(|name| get(find(&events, "Created user 'bob'"), name)), ["bob", ""]);
}

#[test]
fn alarms_are_told() {
    let events = real();
    let set = find(&events, "memory resource limit alarm set on node");
    assert!(set.body.contains("\n*** Publishers will be blocked until this alarm clears ***\n"));
    let about = ["broker.event", "broker.alarm", "broker.node", "broker.log.category"];
    assert_eq!(about.map(|name| get(set, name)), ["alarm.set", "memory", "logs@localhost", "alarm"]);
    let cleared = find(&events, "disk resource limit alarm cleared on node");
    assert_eq!(about.map(|name| get(cleared, name)), ["alarm.cleared", "disk", "logs@localhost", "alarm"]);
}

#[test]
fn every_level_and_time_format_is_a_prefix() {
    for (text, number) in [
        ("2025-08-12 12:00:00.123456+00:00 [debug] <0.1.0> x", 5),
        ("2025-08-12T12:00:00.123456-02:00 [NTC] <0.1.0> x", 10),
        ("1755000000123456 [crt] <0.1.0> x", 18),
        ("1755000000 [emgc] <0.1.0> x", 21),
        ("2025-08-12 12:00:00.123 [Alert] <0.1.0> x", 19),
        ("2025-08-12 12:00:00Z [erro] <10.1234.5> x", 17),
    ] {
        let read = prefix::read(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!((read.severity.number, read.rest), (number, "x"), "{text}");
    }
    for text in [
        "",
        "2025-08-12 [info] <0.1.0> x",
        "2025-08-12 12:00:00 [what] <0.1.0> x",
        "2025-08-12 12:00:00 [info] 0.1.0 x",
        "[info] <0.1.0> x",
    ] {
        assert_eq!(prefix::read(text), None, "{text}");
    }
}

#[test]
fn newer_forms_json_and_the_journals_own_protocol_are_read() {
    let events = rabbitmq(&[
        "2025-08-12 12:00:00.1+00:00 [info] <0.1.0> closing AMQP connection (10.0.0.1:5000 -> 10.0.0.2:5672 - web, vhost: 'a, b', user: 'u', duration: '3s')",
        "2025-08-12 12:00:01.1+00:00 [info] <0.1.0> accepting AMQP connection [::1]:5000 -> [::1]:5672",
        r#"{"time":"2025-08-12 12:00:00","level":"warning","msg":"closing AMQP connection <0.1.0> (1.2.3.4:5 -> 1.2.3.5:6):\nmissed heartbeats from client, timeout: 60s","pid":"<0.1.0>","domain":"rabbitmq.connection"}"#,
        "  ##  ##      RabbitMQ 3.10.8",
    ]);
    let about = ["broker.vhost", "broker.user", "broker.duration", "broker.connection.name"];
    assert_eq!(about.map(|name| get(&events[0], name)), ["a, b", "u", "3s", "web"]);
    assert_eq!(
        (get(&events[1], "network.peer.address"), get(&events[1], "network.peer.port")),
        ("::1".to_owned(), "5000".to_owned())
    );
    let about = ["broker.log.category", "broker.reason", "erlang.pid"];
    assert_eq!(about.map(|name| get(&events[2], name)), ["connection", "missed heartbeats from client, timeout: 60s", "<0.1.0>"]);
    assert_eq!((events[3].severity.unwrap().number, events[3].body.as_str()), (9, "  ##  ##      RabbitMQ 3.10.8"));
}

#[test]
fn lavinmqs_lines_and_their_exceptions_become_events() {
    let events = lavinmq(&[
        (
            " lmq.amqp.client[vhost: \"a\"b, c: \"d\", address: \"10.0.0.1:5000\", name: \"web\"] Connection disconnected for user=u duration=00:00:03",
            6,
        ),
        (" lmq.vhost[vhost: \"/\"] Cannot open", 3),
        ("Broken (IO::Error)", 3),
        ("  from src/x.cr:1 in 'open'", 3),
        ("Caused by: end (IO::EOFError)", 3),
        (" lmq.auth Authentication failure for user \"eve\"", 4),
        ("2025-08-12T12:00:00.123Z  WARN - lmq.launcher Low disk space: 1GB, stopping flow", 6),
        (" lmq.amqp.channel[channel: 7, queue: \"q\"] x", 7),
        ("Starting", 5),
    ]);
    assert_eq!(events.len(), 6);
    let about = ["broker.vhost", "network.peer.port", "broker.connection.name", "broker.user", "broker.duration", "broker.event"];
    assert_eq!(about.map(|name| get(&events[0], name)), ["a\"b, c: \"d", "5000", "web", "u", "00:00:03", "connection.closed"]);
    assert_eq!(events[1].body, "Cannot open\nBroken (IO::Error)\n  from src/x.cr:1 in 'open'\nCaused by: end (IO::EOFError)");
    assert_eq!((events[1].severity.unwrap().number, get(&events[1], "broker.log.category").as_str()), (17, "vhost"));
    assert_eq!((get(&events[2], "broker.event"), get(&events[2], "broker.user")), ("auth.failed".to_owned(), "eve".to_owned()));
    assert_eq!((events[3].severity.unwrap().number, get(&events[3], "broker.alarm").as_str()), (13, "disk"));
    assert_eq!((get(&events[4], "broker.channel"), get(&events[4], "broker.queue")), ("7".to_owned(), "q".to_owned()));
    assert_eq!((events[5].body.as_str(), get(&events[5], "appname").as_str()), ("Starting", "lavinmq"));
}

#[test]
fn what_is_no_brokers_comes_out_at_once_and_as_it_was() {
    let lines = [line("Accepted publickey", 6, "ssh.service"), line("2025-08-12 12:00:00 [info] <0.1.0> a", 6, "x")];
    let out = join(Broker::Any, &lines);
    assert_eq!(out[0], (0, None));
    assert_eq!(out[1].1.as_ref().unwrap().body, "a");
    assert!(join(Broker::LavinMq, &lines).iter().all(|(_, event)| event.is_none()));
}

#[test]
fn streams_are_joined_apart_and_long_lines_put_together_again() {
    let at =
        |stream: &'static str, text: &'static str, is_cut| Line { stream, text, priority: None, unit: "", is_cut, item_bytes: 0 };
    let out = join(
        Broker::Any,
        &[
            at("a", "2025-08-12 12:00:00 [info] <0.1.0> one ", true),
            at("b", "2025-08-12 12:00:00 [info] <0.1.0> other", false),
            at("a", "goes on", false),
            at("a", "2025-08-12 12:00:00 [info] <0.1.0> two", false),
        ],
    );
    let bodies: Vec<(usize, String)> = out.into_iter().map(|(number, event)| (number, event.unwrap().body)).collect();
    assert_eq!(bodies, [(0, "one goes on\ntwo".to_owned()), (1, "other".to_owned())]);
}

#[test]
fn only_whole_sequences_of_terminals_are_taken_out() {
    for (text, expected) in
        [("\u{1b}[38;5;160mred\u{1b}[0m", "red"), ("a\u{1b}[ü 1", "aü 1"), ("a\u{1b}[31", "a31"), ("a\u{1b}b", "a\u{1b}b")]
    {
        assert_eq!(ansi::plain(text), expected, "{text:?}");
    }
}

#[test]
fn quotes_in_lavinmqs_values_may_be_many() {
    let inside = "\", ".repeat(300_000);
    let events = lavinmq(&[(&format!(" lmq.client[vhost: \"{inside}\"] all well"), 6)]);
    assert_eq!((events[0].body.as_str(), get(&events[0], "broker.vhost")), ("all well", inside));
}

#[test]
fn what_is_held_is_let_go_in_time_and_is_bounded() {
    let (mut joiner, mut out, now) = (Joiner::new(Broker::Any), Vec::new(), Instant::now());
    let prefix = "2025-08-12 12:00:00 [info] <0.1.0>";
    joiner.push(line(&format!("{prefix} a"), 6, ""), 1, now, &mut out);
    assert_eq!((joiner.next_due(), joiner.held().copied().collect::<Vec<_>>()), (Some(now + HOLD), vec![1]));
    joiner.flush_due(now + HOLD - Duration::from_millis(1), &mut out);
    assert!(out.is_empty());
    joiner.flush_due(now + HOLD, &mut out);
    assert_eq!(out.len(), 1);
    let long = format!("{prefix} {}", "x".repeat(60_000));
    for number in 0..1000 {
        let stream = number.to_string();
        joiner.push(Line { stream: &stream, ..line(&long, 6, "") }, number, now, &mut out);
        assert!(joiner.held().count() <= 256);
    }
    assert!(out.len() > 900, "what is held has a bound");
    joiner.flush_all(&mut out);
    out.clear();
    // Also where events grow by further lines, and by what goes with them.
    for number in 0..400 {
        let stream = (number % 100).to_string();
        joiner.push(Line { stream: &stream, ..line(&long, 6, "") }, number, now, &mut out);
    }
    let come: usize = out.iter().map(|(_, event)| event.as_ref().unwrap().1.body.len()).sum();
    assert!(400 * 60_000 - come <= 5 << 20, "{come} of {} have come", 400 * 60_000);
    joiner.flush_all(&mut out);
    out.clear();
    for number in 0..100 {
        let stream = number.to_string();
        joiner.push(Line { stream: &stream, item_bytes: 1 << 20, ..line(prefix, 6, "") }, number, now, &mut out);
        assert!(joiner.held().count() <= 4);
    }
    joiner.flush_all(&mut out);
    out.clear();
    (0..2500).for_each(|number| joiner.push(line(&format!("{prefix} {number}"), 6, ""), number, now, &mut out));
    assert_eq!(out.len(), 2);
}

proptest! {
    #[test]
    fn prop_no_line_is_lost_and_order_in_a_stream_is_kept(choice in proptest::collection::vec((0usize..6, 0usize..3), 0..60)) {
        let texts = [
            "2025-08-12 12:00:00 [info] <0.1.0> ", "2025-08-12 12:00:00 [info] <0.2.0> ", " lmq.vhost ", "  from ", "plain ", "{\"level\":\"info\",\"msg\":\"",
        ];
        let owned: Vec<(String, String)> = choice.iter().enumerate().map(|(number, (text, stream))| {
            let end = if *text == 5 { "\"}" } else { "" };
            (format!("{}#{number}#{end}", texts[*text]), stream.to_string())
        }).collect();
        let lines: Vec<Line<'_>> = owned.iter().map(|(text, stream)| Line { stream, text, priority: Some(6), unit: "", is_cut: false, item_bytes: 0 }).collect();
        let mut seen: Vec<Vec<usize>> = vec![Vec::new(); 3];
        for (number, event) in join(Broker::Any, &lines) {
            let text = event.map_or_else(|| owned[number].0.clone(), |event| event.body);
            let stream: usize = owned[number].1.parse().unwrap();
            seen[stream].extend(text.split('#').skip(1).step_by(2).map(|number| number.parse::<usize>().unwrap()));
        }
        for (stream, seen) in seen.into_iter().enumerate() {
            let expected: Vec<usize> = (0..choice.len()).filter(|number| choice[*number].1 == stream).collect();
            prop_assert_eq!(seen, expected);
        }
    }

    #[test]
    fn prop_any_text_is_taken(texts in proptest::collection::vec("\\PC{0,30}|lmq[\\[\\]a:\", 0-9.]{0,20}|[a>() :0-9'-]{0,30} -> [a>() :0-9'-]{0,20}|\u{1b}\\[[0-9;]{0,4}m?.{0,5}", 0..8)) {
        let prefixed: Vec<String> = texts.iter().map(|text| format!("2025-08-12 12:00:00 [error] <0.1.0> {text}")).collect();
        for text in texts.iter().chain(&prefixed) {
            for broker in [Broker::RabbitMq, Broker::LavinMq, Broker::Any] {
                prop_assert_eq!(join(broker, &[line(text, 3, "rabbitmq lavinmq")]).len(), 1);
            }
        }
    }
}
