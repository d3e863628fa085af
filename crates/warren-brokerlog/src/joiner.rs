//! Lines become events.

use crate::ansi::plain;
use crate::event::Event;
use crate::{Severity, lavinmq, prefix, rabbitmq};
use hashbrown::HashMap;
use std::time::{Duration, Instant};

/// How long an event waits for further lines.
pub const HOLD: Duration = Duration::from_millis(250);

/// Most lines of one event.
const LINES_MAX: usize = 1000;

/// Most bytes of one event.
pub(crate) const EVENT_BYTES_MAX: usize = 256 << 10;

/// Streams that are followed at once.
const STREAMS_MAX: usize = 256;

/// Bytes that are held back, of all streams: events, and what goes with their first lines.
pub const HELD_BYTES_MAX: usize = 4 << 20;

/// Whose lines are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broker {
    /// RabbitMQ's.
    RabbitMq,
    /// LavinMQ's.
    LavinMq,
    /// Of both.
    Any,
}

/// A line as it was logged.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Whose output it belongs to: lines go on within one stream.
    pub stream: &'a str,
    /// What it says.
    pub text: &'a str,
    /// Its priority, from 0 to 7.
    pub priority: Option<u8>,
    /// The name of the unit or program that wrote it.
    pub unit: &'a str,
    /// Whether it goes on in the next line of the stream, because it was too long for one.
    pub is_cut: bool,
    /// What goes with it takes so many bytes of memory.
    pub item_bytes: usize,
}

/// What comes out: with an event, or without one for what is no broker's.
pub type Out<T> = (T, Option<(Broker, Event)>);

/// Puts lines together. With each line goes something of the caller's; of an event that of its first line comes out.
#[derive(Debug)]
pub struct Joiner<T> {
    broker: Broker,
    held: HashMap<Box<str>, Held<T>>,
    bytes: usize,
    /// Numbers the events in the order in which they began.
    begun: u64,
}

#[derive(Debug)]
struct Held<T> {
    first: T,
    first_bytes: usize,
    number: u64,
    since: Instant,
    broker: Broker,
    /// What all lines begin with.
    prefix: Box<str>,
    event: Event,
    lines: usize,
    /// Whether the last line goes on in the next.
    is_cut: bool,
}

/// What a line is.
enum Read {
    /// The first line of an event that may go on, and what further lines begin with.
    Begins(Broker, Event, Box<str>),
    /// All of an event.
    Whole(Broker, Event),
    /// Not a broker's.
    Foreign,
}

impl<T> Joiner<T> {
    /// Looks for lines of a broker.
    pub fn new(broker: Broker) -> Self {
        Self { broker, held: HashMap::new(), bytes: 0, begun: 0 }
    }

    /// Takes a line and hands out what is complete.
    pub fn push(&mut self, line: Line<'_>, item: T, now: Instant, out: &mut Vec<Out<T>>) {
        let text = plain(line.text);
        if self.go_on(&line, &text, out) {
            return;
        }
        self.flush(line.stream, out);
        match self.read(&line, &text) {
            Read::Foreign => out.push((item, None)),
            Read::Whole(broker, event) => out.push((item, Some((broker, event)))),
            Read::Begins(broker, event, prefix) => {
                self.begun += 1;
                let held = Held {
                    first: item,
                    first_bytes: line.item_bytes,
                    number: self.begun,
                    since: now,
                    broker,
                    prefix,
                    event,
                    lines: 1,
                    is_cut: line.is_cut,
                };
                if self.held.len() >= STREAMS_MAX || self.bytes + held.bytes() > HELD_BYTES_MAX {
                    self.flush_all(out);
                }
                self.bytes += held.bytes();
                self.held.insert(line.stream.into(), held);
            }
        }
    }

    /// Whether the line goes on with what its stream holds; it is then part of it.
    fn go_on(&mut self, line: &Line<'_>, text: &str, out: &mut Vec<Out<T>>) -> bool {
        let Some(held) = self.held.get_mut(line.stream) else { return false };
        let rest = match held.broker {
            _ if held.is_cut => Some(text),
            Broker::LavinMq => lavinmq::goes_on(text).then_some(text),
            _ => prefix::read(text).filter(|read| read.prefix == &*held.prefix).map(|read| read.rest),
        };
        let Some(rest) = rest else { return false };
        let before = held.event.body.len();
        if !held.is_cut {
            held.event.body.push('\n');
            held.lines += 1;
        }
        held.event.body.push_str(rest);
        held.is_cut = line.is_cut;
        self.bytes += held.event.body.len() - before;
        if held.lines >= LINES_MAX || held.event.body.len() > EVENT_BYTES_MAX {
            self.flush(line.stream, out);
        } else if self.bytes > HELD_BYTES_MAX {
            self.flush_all(out);
        }
        true
    }

    fn read(&self, line: &Line<'_>, text: &str) -> Read {
        let is_from = |name: &str| line.unit.contains(name);
        if self.broker != Broker::LavinMq {
            if let Some(read) = prefix::read(text) {
                let mut event = Event { severity: Some(read.severity), body: read.rest.to_owned(), ..Event::default() };
                event.text("erlang.pid", read.process);
                return Read::Begins(Broker::RabbitMq, event, read.prefix.into());
            }
            if let Some(event) = rabbitmq::of_json(text) {
                return Read::Whole(Broker::RabbitMq, finished(Broker::RabbitMq, event));
            }
            if is_from("rabbitmq") {
                // The banner, or an event that came whole over the journal's own protocol.
                let severity = line.priority.and_then(Severity::of_priority);
                let event = Event { severity, body: text.to_owned(), ..Event::default() };
                return Read::Whole(Broker::RabbitMq, finished(Broker::RabbitMq, event));
            }
        }
        if self.broker != Broker::RabbitMq {
            if let Some(event) = lavinmq::read(text, line.priority) {
                return Read::Begins(Broker::LavinMq, event, "".into());
            }
            if is_from("lavinmq") {
                let severity = line.priority.and_then(Severity::of_priority);
                let event = Event { severity, body: text.trim_start().to_owned(), ..Event::default() };
                return Read::Whole(Broker::LavinMq, finished(Broker::LavinMq, event));
            }
        }
        Read::Foreign
    }

    fn flush(&mut self, stream: &str, out: &mut Vec<Out<T>>) {
        if let Some(held) = self.held.remove(stream) {
            self.bytes = self.bytes.saturating_sub(held.bytes());
            out.push(held.out());
        }
    }

    /// Hands out all that is held, in the order in which it began.
    pub fn flush_all(&mut self, out: &mut Vec<Out<T>>) {
        let all: Vec<_> = self.held.drain().map(|(_, held)| held).collect();
        self.hand_out(all, out);
    }

    /// Hands out what was held for as long as it may be.
    pub fn flush_due(&mut self, now: Instant, out: &mut Vec<Out<T>>) {
        let due = |held: &Held<T>| now.saturating_duration_since(held.since) >= HOLD;
        let all: Vec<_> = self.held.extract_if(|_, held| due(held)).map(|(_, held)| held).collect();
        self.hand_out(all, out);
    }

    fn hand_out(&mut self, mut all: Vec<Held<T>>, out: &mut Vec<Out<T>>) {
        all.sort_by_key(|held| held.number);
        for held in all {
            self.bytes = self.bytes.saturating_sub(held.bytes());
            out.push(held.out());
        }
    }

    /// When something is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.held.values().map(|held| held.since + HOLD).min()
    }

    /// What goes with the first lines that are held.
    pub fn held(&self) -> impl Iterator<Item = &T> {
        self.held.values().map(|held| &held.first)
    }
}

impl<T> Held<T> {
    fn bytes(&self) -> usize {
        self.first_bytes + self.event.body.len()
    }

    fn out(self) -> Out<T> {
        (self.first, Some((self.broker, finished(self.broker, self.event))))
    }
}

/// The event without empty lines at its ends, and with what its message says.
fn finished(broker: Broker, mut event: Event) -> Event {
    let body = event.body.trim_end().trim_start_matches(['\n', '\r']);
    event.body = body.to_owned();
    if broker == Broker::RabbitMq {
        rabbitmq::read(&mut event);
    }
    let name = if broker == Broker::RabbitMq { "rabbitmq" } else { "lavinmq" };
    event.text("messaging.system", name);
    event.text("appname", name);
    event
}
