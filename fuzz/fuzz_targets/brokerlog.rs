//! Any lines as those of a broker: nothing is lost, and every message can be read.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::time::Instant;
use warren_brokerlog::{Broker, Joiner, Line};

fuzz_target!(|input: (u8, Vec<(u8, String)>)| {
    let (broker, lines) = input;
    let broker = [Broker::RabbitMq, Broker::LavinMq, Broker::Any][usize::from(broker % 3)];
    let (mut joiner, mut out, now) = (Joiner::new(broker), Vec::new(), Instant::now());
    for (kind, text) in &lines {
        let prefixed = format!("2025-08-12 12:00:00.123456+00:00 [error] <0.1.0> {text}");
        let text = if kind & 1 == 0 { text } else { &prefixed };
        let stream = (kind >> 1 & 3).to_string();
        let line = Line { stream: &stream, text, priority: Some(kind >> 5), unit: "rabbitmq", is_cut: kind & 8 != 0, item_bytes: 0 };
        joiner.push(line, (), now, &mut out);
    }
    joiner.flush_all(&mut out);
    assert!(out.len() <= lines.len());
    assert!(lines.is_empty() || !out.is_empty());
    assert_eq!(joiner.held().count(), 0);
});
