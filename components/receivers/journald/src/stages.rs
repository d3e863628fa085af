//! What is done with single records before they become a batch: lines of brokers are put together and understood, then operators run.
//!
//! Both may hold records back. Until these are let go the position must not go past them: of each record it is known where the journal was
//! before it, and [`Stages::safe`] tells the position before the oldest that is held.

use crate::groups::Groups;
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::time::Instant;
use warren_brokerlog::{Attribute, Broker, Event, Joiner, Line, Out};
use warren_journal::Position;
use warren_pdata::{Text, Value};
use warren_stanza::{Chain, Entry, Failure, Sink};

/// Positions that are remembered. With more every second one is forgotten: an earlier one serves, from which more is read again.
const POSITIONS_MAX: usize = 8192;

/// Operators of which failures are told apart.
const TROUBLES_MAX: usize = 256;

/// The stages, as far as they are wanted.
pub(crate) struct Stages {
    broker: Option<Joiner<Entry>>,
    chain: Option<Chain>,
    /// Marks of entries, and how far the journal was read before each; oldest first.
    positions: VecDeque<(u64, Position)>,
    /// The mark of the next entry.
    next: u64,
    joined: Vec<Out<Entry>>,
}

/// What operators could not do, expressions in attributes, and journald itself, since it was told last.
#[derive(Default)]
pub(crate) struct Troubles {
    /// By operator or attribute: how often, and what was said last; quiet ones say nothing.
    pub(crate) failures: HashMap<String, Trouble>,
    /// Records that were dropped because an operator failed on them.
    pub(crate) dropped: u64,
    /// Records that fitted no route.
    pub(crate) unrouted: u64,
    /// Messages that journald did not take, as its own entries say.
    pub(crate) suppressed: u64,
}

/// What one operator could not do.
#[derive(Default)]
pub(crate) struct Trouble {
    pub(crate) count: u64,
    pub(crate) message: String,
    pub(crate) quiet: bool,
}

/// A record's part in the journal that the broker's stage looks at.
pub(crate) struct Source<'a> {
    pub(crate) message: Option<&'a str>,
    pub(crate) stream: &'a str,
    pub(crate) unit: &'a str,
    pub(crate) priority: Option<u8>,
    pub(crate) is_cut: bool,
}

/// Where records go that have passed, and what was met on the way.
#[derive(Default)]
pub(crate) struct Passed {
    pub(crate) groups: Groups,
    pub(crate) troubles: Troubles,
}

impl Stages {
    /// The stages that are wanted, if any is.
    pub(crate) fn new(broker: Option<Broker>, chain: Option<Chain>) -> Option<Self> {
        (broker.is_some() || chain.is_some()).then(|| Self {
            broker: broker.map(Joiner::new),
            chain,
            positions: VecDeque::new(),
            next: 0,
            joined: Vec::new(),
        })
    }

    /// Whether lines of brokers are looked for.
    pub(crate) fn joins(&self) -> bool {
        self.broker.is_some()
    }

    /// Takes a record.
    pub(crate) fn push(&mut self, mut entry: Entry, source: &Source<'_>, passed: &mut Passed) {
        entry.mark = self.next;
        let now = Instant::now();
        let Some(joiner) = &mut self.broker else { return self.pass(entry, now, passed) };
        let Some(text) = source.message else { return self.pass(entry, now, passed) };
        let Source { stream, unit, priority, is_cut, .. } = *source;
        let line = Line { stream, text, priority, unit, is_cut, item_bytes: entry.held_bytes() };
        joiner.push(line, entry, now, &mut self.joined);
        self.pass_joined(now, passed);
    }

    fn pass_joined(&mut self, now: Instant, passed: &mut Passed) {
        let mut joined = std::mem::take(&mut self.joined);
        for (mut entry, event) in joined.drain(..) {
            if let Some((_, event)) = event {
                tell(&mut entry, event);
            }
            self.pass(entry, now, passed);
        }
        self.joined = joined;
    }

    fn pass(&mut self, entry: Entry, now: Instant, passed: &mut Passed) {
        match &mut self.chain {
            Some(chain) => chain.push(entry, now, passed),
            None => passed.entry(entry),
        }
    }

    /// Lets go what was held for as long as it may be; all of it, if `all`.
    pub(crate) fn flush(&mut self, all: bool, passed: &mut Passed) {
        let now = Instant::now();
        if let Some(joiner) = &mut self.broker {
            if all { joiner.flush_all(&mut self.joined) } else { joiner.flush_due(now, &mut self.joined) }
        }
        self.pass_joined(now, passed);
        if let Some(chain) = &mut self.chain {
            if all { chain.flush_all(now, passed) } else { chain.flush_due(now, passed) }
        }
    }

    /// When something that is held is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let joiner = self.broker.as_ref().and_then(Joiner::next_due);
        joiner.into_iter().chain(self.chain.as_ref().and_then(Chain::next_due)).min()
    }

    /// Remembers how far the journal is read before the next entry.
    pub(crate) fn reached(&mut self, position: Position) {
        self.next += 1;
        self.positions.push_back((self.next, position));
        if self.positions.len() > POSITIONS_MAX {
            let mut number = 0;
            self.positions.retain(|_| {
                number += 1;
                number % 2 == 1
            });
        }
    }

    /// How far the journal may count as read, given how far it is.
    pub(crate) fn safe(&mut self, position: Position) -> Position {
        let joined = self.broker.iter().flat_map(Joiner::held).map(|entry| entry.mark);
        let oldest = joined.chain(self.chain.as_ref().and_then(Chain::oldest)).min();
        let Some(oldest) = oldest else {
            self.positions.clear();
            self.positions.push_back((self.next, position.clone()));
            return position;
        };
        while self.positions.get(1).is_some_and(|(mark, _)| *mark <= oldest) {
            self.positions.pop_front();
        }
        self.positions.front().map_or(position, |(_, before)| before.clone())
    }
}

impl Sink for Passed {
    fn entry(&mut self, entry: Entry) {
        self.groups.push(entry.record, entry.resource, entry.scope_name);
    }

    fn failed(&mut self, failure: Failure<'_>) {
        self.troubles.dropped += u64::from(failure.dropped);
        if self.troubles.failures.len() >= TROUBLES_MAX && !self.troubles.failures.contains_key(failure.operator) {
            return;
        }
        let trouble = self.troubles.failures.entry_ref(failure.operator).or_default();
        trouble.count += 1;
        trouble.quiet = failure.quiet;
        if trouble.count == 1 {
            failure.message.clone_into(&mut trouble.message);
        }
    }

    fn unrouted(&mut self, _: &str) {
        self.troubles.unrouted += 1;
    }
}

/// Makes the record say what the broker said.
fn tell(entry: &mut Entry, event: Event) {
    let record = &mut entry.record;
    record.body = Value::Str(event.body.into());
    if let Some(severity) = event.severity {
        (record.severity_number, record.severity_text) = (severity.number, Text::from(severity.word));
    }
    for (name, value) in event.attributes {
        let value = match value {
            Attribute::Text(text) => Value::Str(text.into()),
            Attribute::Number(number) => Value::Int(number),
        };
        record.attrs.upsert(name.into(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use warren_config::{Block, Diagnostics, Fields, decode_settings, parse_yaml};
    use warren_journal::Cursor;
    use warren_pdata::{Attrs, LogRecord};
    use warren_stanza::Operators;

    #[derive(Default)]
    struct Config(Operators);

    impl Block for Config {
        fn fields(&mut self, f: &mut Fields<'_>) {
            f.custom("operators", &mut self.0);
        }
    }

    fn chain(yaml: &str) -> Option<Chain> {
        let (mut config, mut diagnostics) = (Config::default(), Diagnostics::new());
        decode_settings(&parse_yaml("test", yaml).unwrap(), &mut config, &mut diagnostics);
        config.0.compile().unwrap()
    }

    const RECOMBINE: &str = "operators: [{type: recombine, combine_field: body.MESSAGE, source_identifier: body._PID, is_last_entry: 'body.MESSAGE endsWith \";\"'}]";

    /// The position behind so many entries.
    fn behind(entries: u64) -> Position {
        Position { cursor: Cursor::parse(&format!("t={entries:x}")), ..Position::default() }
    }

    fn entry(message: &str, pid: &str) -> Entry {
        let body = Attrs::from([("MESSAGE", message), ("_PID", pid)]);
        Entry { record: LogRecord { body: body.into(), ..LogRecord::default() }, ..Entry::default() }
    }

    fn source<'a>(message: &'a str, stream: &'a str) -> Source<'a> {
        Source { message: Some(message), stream, unit: "", priority: Some(6), is_cut: false }
    }

    #[test]
    fn the_position_stays_before_the_oldest_record_that_is_held() {
        let mut stages = Stages::new(None, chain(RECOMBINE)).unwrap();
        let mut passed = Passed::default();
        assert_eq!(stages.safe(behind(0)), behind(0));
        let mut read = 0;
        for (message, pid, safe) in [
            ("a;", "1", 1),
            ("b", "1", 1),
            ("c", "2", 1),
            ("d;", "1", 2), // of the second source the third entry is held
            ("e", "1", 2),
            ("f;", "2", 4),
            ("g;", "1", 7),
        ] {
            stages.push(entry(message, pid), &source(message, pid), &mut passed);
            read += 1;
            stages.reached(behind(read));
            assert_eq!(stages.safe(behind(read)), behind(safe), "{message}");
        }
        assert_eq!(passed.groups.len(), 4);
    }

    #[test]
    fn broker_lines_are_held_back_and_let_go() {
        let mut stages = Stages::new(Some(Broker::Any), chain("operators: [{type: filter, expr: 'body == \"b\"'}]")).unwrap();
        let mut passed = Passed::default();
        stages.safe(behind(0));
        for (number, text) in ["<0.1.0> a", "<0.1.0> more", "<0.2.0> b"].iter().enumerate() {
            let line = format!("2025-08-12 12:00:00.1+00:00 [error] {text}");
            stages.push(entry(&line, "1"), &source(&line, "s"), &mut passed);
            stages.reached(behind(number as u64 + 1));
        }
        assert_eq!((passed.groups.len(), stages.safe(behind(3))), (1, behind(2)));
        assert!(stages.next_due().is_some());
        stages.flush(true, &mut passed);
        // What was dropped on purpose counts as read.
        assert_eq!((passed.groups.len(), stages.safe(behind(3))), (1, behind(3)));
        let Some(warren_pdata::Batch::Logs(logs)) = passed.groups.take() else { panic!("logs") };
        let record = &logs.resources[0].scopes[0].items[0];
        assert_eq!((record.body.as_str(), record.severity_number), (Some("a\nmore"), 17));
        assert_eq!(record.attrs.get("erlang.pid"), Some(&"<0.1.0>".into()));
    }

    proptest! {
        #[test]
        fn prop_nothing_that_is_held_is_behind_the_position(lines in proptest::collection::vec((any::<bool>(), 0u8..4, any::<bool>()), 0..200)) {
            let mut stages = Stages::new(None, chain(RECOMBINE)).unwrap();
            let mut passed = Passed::default();
            stages.safe(behind(0));
            let mut oldest: HashMap<u8, u64> = HashMap::new();
            for (number, (ends, pid, slice_ends)) in (0u64..).zip(&lines) {
                let message = if *ends { "x;" } else { "x" };
                stages.push(entry(message, &pid.to_string()), &source(message, ""), &mut passed);
                stages.reached(behind(number + 1));
                oldest.entry(*pid).or_insert(number);
                if *ends {
                    oldest.remove(pid);
                }
                if *slice_ends {
                    let expected = oldest.values().min().copied().unwrap_or(number + 1);
                    prop_assert_eq!(stages.safe(behind(number + 1)), behind(expected));
                }
            }
        }
    }

    #[test]
    fn positions_are_bounded_and_never_too_far() {
        let mut stages = Stages::new(None, chain(RECOMBINE)).unwrap();
        let mut passed = Passed::default();
        stages.safe(behind(0));
        for number in 0..POSITIONS_MAX as u64 + 100 {
            let (message, pid) = if number == 17 { ("x", "1") } else { ("x;", "2") };
            stages.push(entry(message, pid), &source(message, pid), &mut passed);
            stages.reached(behind(number + 1));
        }
        assert!(stages.positions.len() <= POSITIONS_MAX);
        let safe = stages.safe(behind(9000)).cursor.and_then(|cursor| cursor.realtime).unwrap_or(0);
        assert!((16..=17).contains(&safe), "{safe}");
    }
}
