//! One series as a message, in either version of the protocol.

use crate::exemplars::{self, Exemplars};
use crate::exponential;
use crate::labels::{Layout, Named};
use crate::points::Sample;
use crate::proto::{double, message, number_unless_zero, text, varint, varint_len};
use crate::symbols::Symbols;
use warren_pdata::{ExponentialHistogramPoint, KeyValue};

/// Everything that a series is sent with.
pub(crate) struct Series<'s, 'a> {
    /// Its labels.
    pub(crate) layout: &'s Layout,
    /// The attributes that the layout reads.
    pub(crate) set: &'a [KeyValue],
    /// The labels that are not attributes.
    pub(crate) named: Named<'s>,
    /// Its samples, in the order of time.
    pub(crate) samples: &'s [Sample],
    /// Its native histograms, in the order of time.
    pub(crate) histograms: &'s [&'a ExponentialHistogramPoint],
    /// Its exemplars.
    pub(crate) exemplars: &'s Exemplars<'a>,
}

/// What a series of version 2.0 says about its metric.
pub(crate) struct About<'a> {
    /// Type number.
    pub(crate) kind: u64,
    /// Help text.
    pub(crate) help: &'a str,
    /// Unit in words.
    pub(crate) unit: &'a str,
}

/// Bytes of a series' length: its labels have between 128 bytes and 16 KiB.
pub(crate) const ROOM: usize = 2;

impl Series<'_, '_> {
    /// Appends `prometheus.WriteRequest.timeseries`.
    pub(crate) fn write_v1(&self, out: &mut Vec<u8>) {
        message(out, 1, ROOM, |out| {
            self.layout.write_v1(out, self.set, self.named);
            self.samples.iter().for_each(|one| sample(out, one));
            for exemplar in self.exemplars.iter() {
                message(out, 3, 1, |out| {
                    exemplars::labels(exemplar, |name, value| label(out, name, value));
                    let Sample { value, time } = exemplars::sample(exemplar);
                    double(out, 2, value);
                    number_unless_zero(out, 3, time as u64);
                });
            }
            self.histograms.iter().for_each(|point| exponential::write(out, 4, point));
        });
    }

    /// Appends `io.prometheus.write.v2.Request.timeseries`.
    pub(crate) fn write_v2(&self, out: &mut Vec<u8>, symbols: &mut Symbols, about: &About<'_>) {
        message(out, 5, ROOM, |out| {
            message(out, 1, 1, |out| {
                self.layout.for_each(self.set, self.named, |name, value| reference(out, symbols, name, value));
            });
            self.samples.iter().for_each(|one| sample(out, one));
            self.histograms.iter().for_each(|point| exponential::write(out, 3, point));
            for exemplar in self.exemplars.iter() {
                message(out, 4, 1, |out| {
                    message(out, 1, 1, |out| {
                        exemplars::labels(exemplar, |name, value| reference(out, symbols, name, value));
                    });
                    let Sample { value, time } = exemplars::sample(exemplar);
                    double(out, 2, value);
                    number_unless_zero(out, 3, time as u64);
                });
            }
            message(out, 5, 1, |out| {
                number_unless_zero(out, 1, about.kind);
                number_unless_zero(out, 3, u64::from(symbols.number(about.help)));
                number_unless_zero(out, 4, u64::from(symbols.number(about.unit)));
            });
        });
    }
}

fn reference(out: &mut Vec<u8>, symbols: &mut Symbols, name: &str, value: &str) {
    varint(out, u64::from(symbols.number(name)));
    varint(out, u64::from(symbols.number(value)));
}

/// Appends `TimeSeries.labels` or `Exemplar.labels`.
pub(crate) fn label(out: &mut Vec<u8>, name: &str, value: &str) {
    let field = |len: usize| if len == 0 { 0 } else { 1 + varint_len(len as u64) + len };
    out.push(0x0a);
    varint(out, (field(name.len()) + field(value.len())) as u64);
    text(out, 1, name);
    text(out, 2, value);
}

/// Appends `TimeSeries.samples`, the same in both versions. Zeros are left out.
#[inline]
pub(crate) fn sample(out: &mut Vec<u8>, sample: &Sample) {
    // Tag and length of the message, tag and value, tag and time.
    let mut content = [0u8; 2 + 9 + 11];
    let mut len = 2;
    if sample.value != 0.0 {
        content[2] = 0x09;
        content[3..11].copy_from_slice(&sample.value.to_bits().to_le_bytes());
        len = 11;
    }
    let mut time = sample.time as u64;
    if time != 0 {
        content[len] = 0x10;
        len += 1;
        while time >= 0x80 {
            content[len] = time as u8 | 0x80;
            time >>= 7;
            len += 1;
        }
        content[len] = time as u8;
        len += 1;
    }
    content[0] = 0x12;
    content[1] = len as u8 - 2;
    out.extend_from_slice(content.get(..len).unwrap_or_default());
}
