//! Any page, in any format and in windows of any size: reading it ends without a panic, a page that was accepted is accepted again once its
//! series are known, with as many samples, and whole or in windows makes no difference.
//!
//! Input: the first byte is the format, the second how lenient, the third the window; the rest is the page.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::collections::HashSet;
use warren_exposition::{ExemplarText, FamilyText, Format, NativeHistogram, Options, Parser, Refusal, SeriesText, Sink};

#[derive(Default)]
struct Counting {
    known: HashSet<Vec<u8>>,
    samples: usize,
}

impl Sink for Counting {
    type Error = String;
    type Series = ();

    fn metadata(&mut self, _: &str, _: FamilyText<'_>) {}

    fn find(&mut self, text: &[u8]) -> Option<()> {
        self.known.contains(text).then_some(())
    }

    fn meet(&mut self, series: &SeriesText<'_>) -> Result<(), Refusal<String>> {
        assert!(series.labels.first().is_some_and(|(name, _)| name == "__name__"));
        self.known.insert(series.text.to_vec());
        Ok(())
    }

    fn sample(&mut self, (): (), _: f64, _: Option<i64>) -> Result<(), String> {
        self.samples += 1;
        Ok(())
    }

    fn histogram(&mut self, (): (), _: NativeHistogram, _: Option<i64>) -> Result<(), String> {
        self.samples += 1;
        Ok(())
    }

    fn exemplar(&mut self, _: &ExemplarText<'_>) {}

    fn created(&mut self, _: i64) {}
}

fn read(format: Format, options: Options, page: &[u8], window: usize, sink: &mut Counting) -> Option<usize> {
    sink.samples = 0;
    let mut parser = Parser::new(format, options);
    for part in page.chunks(window) {
        parser.feed(part, sink).ok()?;
    }
    parser.finish(sink).ok()?;
    Some(sink.samples)
}

fuzz_target!(|data: &[u8]| {
    let [format, lenient, window, page @ ..] = data else { return };
    let format = [Format::Text, Format::OpenMetrics, Format::Protobuf][usize::from(format % 3)];
    let options = Options { lenient: lenient % 2 == 1, classic_histograms: lenient % 4 > 1 };
    let whole = read(format, options, page, usize::MAX, &mut Counting::default());
    let mut sink = Counting::default();
    assert_eq!(whole, read(format, options, page, usize::from(*window) + 1, &mut sink));
    if whole.is_some() {
        assert_eq!(whole, read(format, options, page, usize::MAX, &mut sink));
    }
});
