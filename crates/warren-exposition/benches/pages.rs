//! How fast pages like RabbitMQ's are read: `cargo bench -p warren-exposition --profile fast`.

use std::collections::HashMap;
use std::time::Instant;
use warren_exposition::{ExemplarText, FamilyText, Format, NativeHistogram, Options, Parser, Refusal, SeriesText, Sink};

const QUEUES: usize = 10_000;
const FAMILIES: [&str; 5] = ["messages_ready", "messages_unacked", "messages", "process_reductions_total", "consumers"];
const WINDOW: usize = 64 * 1024;
const ROUNDS: usize = 20;

/// Knows series by where they stood on the page before, as the scrape's cache does.
#[derive(Default)]
struct Known {
    hashes: Vec<u64>,
    index: HashMap<u64, u32>,
    next: usize,
    sum: f64,
    hasher: foldhash::quality::RandomState,
}

impl Sink for Known {
    type Error = String;
    type Series = u32;

    fn metadata(&mut self, _: &str, _: FamilyText<'_>) {}

    #[inline]
    fn find(&mut self, text: &[u8]) -> Option<u32> {
        let hash = std::hash::BuildHasher::hash_one(&self.hasher, text);
        if self.hashes.get(self.next) == Some(&hash) {
            self.next += 1;
            return Some(self.next as u32 - 1);
        }
        self.index.get(&hash).copied()
    }

    fn meet(&mut self, series: &SeriesText<'_>) -> Result<u32, Refusal<String>> {
        let hash = std::hash::BuildHasher::hash_one(&self.hasher, series.text);
        self.index.insert(hash, self.hashes.len() as u32);
        self.hashes.push(hash);
        Ok(self.hashes.len() as u32 - 1)
    }

    #[inline]
    fn sample(&mut self, _: u32, value: f64, _: Option<i64>) -> Result<(), String> {
        self.sum += value;
        Ok(())
    }

    fn histogram(&mut self, _: u32, _: NativeHistogram, _: Option<i64>) -> Result<(), String> {
        Ok(())
    }

    fn exemplar(&mut self, _: &ExemplarText<'_>) {}

    fn created(&mut self, _: i64) {}
}

fn page() -> String {
    let mut page = String::new();
    for (at, family) in FAMILIES.iter().enumerate() {
        page.push_str(&format!("# TYPE rabbitmq_detailed_queue_{family} gauge\n# HELP rabbitmq_detailed_queue_{family} Help\n"));
        for queue in 0..QUEUES {
            let value = queue * (at + 1) * 37 % 100_003;
            page.push_str(&format!("rabbitmq_detailed_queue_{family}{{vhost=\"shop\",queue=\"orders-{queue:06}\"}} {value}\n"));
        }
    }
    page
}

#[allow(clippy::print_stdout, clippy::expect_used)]
fn main() {
    let page = page();
    let mut known = Known::default();
    let mut best = [f64::INFINITY; 2];
    for round in 0..=ROUNDS {
        known.next = 0;
        let began = Instant::now();
        let mut parser = Parser::new(Format::Text, Options::default());
        for window in page.as_bytes().chunks(WINDOW) {
            parser.feed(window, &mut known).expect("the page is well formed");
        }
        parser.finish(&mut known).expect("the page is well formed");
        let took = began.elapsed().as_secs_f64();
        let slot = &mut best[usize::from(round > 0)];
        *slot = slot.min(took);
    }
    let samples = (QUEUES * FAMILIES.len()) as f64;
    for (what, took) in [("first page", best[0]), ("known page", best[1])] {
        println!(
            "{what}: {:.1} ns per sample, {:.1} M samples/s, {:.2} GB/s",
            took / samples * 1e9,
            samples / took / 1e6,
            page.len() as f64 / took / 1e9
        );
    }
    assert!(known.sum > 0.0);
}
