//! `time_parser` and the block `timestamp`.

use super::{Transform, expected};
use crate::entry::type_name;
use crate::{Entry, Field};
use warren_gotime::Time;
use warren_gotime::strptime::{Reader, native};
use warren_pdata::Value;

/// Reads a time.
#[derive(Debug)]
pub(crate) struct TimeReader {
    from: Field,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Layout(Box<Reader>),
    /// A count since 1970; with what is behind a point, if `fraction`.
    Epoch {
        layout: &'static str,
        /// Nanoseconds of one.
        unit: i64,
        fraction: Option<Fraction>,
    },
}

/// What is behind the point: nanoseconds of one, and digits.
type Fraction = (i64, usize);

/// Counts since 1970: the name, nanoseconds of one, nanoseconds of one behind the point and how many digits are there.
const EPOCHS: [(&str, i64, Option<Fraction>); 7] = [
    ("s", 1_000_000_000, None),
    ("ms", 1_000_000, None),
    ("us", 1_000, None),
    ("ns", 1, None),
    ("s.ms", 1_000_000_000, Some((1_000_000, 3))),
    ("s.us", 1_000_000_000, Some((1_000, 6))),
    ("s.ns", 1_000_000_000, Some((1, 9))),
];

impl TimeReader {
    /// Prepares a layout of a type.
    ///
    /// # Errors
    /// The key that is wrong, why, and what would be right.
    pub(crate) fn new(
        from: Field,
        kind: &str,
        layout: &str,
        location: &str,
    ) -> Result<Self, (&'static str, String, Option<&'static str>)> {
        let located = |layout: &str| {
            let reader = Reader::of_layout(layout, Some(location).filter(|name| !name.is_empty()));
            let reader = reader.map_err(|error| ("location", format!("invalid 'location': {error}"), None))?;
            Ok(Form::Layout(Box::new(reader)))
        };
        let form = match kind {
            "" | "strptime" => {
                let wrong = |unknown: Vec<String>| ("layout", format!("parse strptime layout: {}", unknown.join(" ")), None);
                located(&native(layout).map_err(wrong)?)?
            }
            "gotime" => located(layout)?,
            "epoch" => match EPOCHS.iter().find(|(name, ..)| *name == layout) {
                Some((layout, unit, fraction)) => Form::Epoch { layout, unit: *unit, fraction: *fraction },
                None => {
                    let hint = "specify 's', 'ms', 'us', 'ns', 's.ms', 's.us', or 's.ns'";
                    return Err(("layout", "invalid `layout` for `epoch` type".to_owned(), Some(hint)));
                }
            },
            other => {
                let hint = "valid values are 'strptime', 'gotime', and 'epoch'";
                return Err(("layout_type", format!("unsupported layout_type {other}"), Some(hint)));
            }
        };
        Ok(Self { from, form })
    }
}

impl Transform for TimeReader {
    fn apply(&self, entry: &mut Entry) -> Result<(), String> {
        let value = expected(&self.from, entry)?;
        let nanos = match &self.form {
            Form::Layout(reader) => {
                let bytes;
                let text = match &value {
                    Value::Str(text) => text.as_str(),
                    Value::Bytes(raw) => {
                        bytes = String::from_utf8_lossy(raw);
                        &bytes
                    }
                    other => return Err(format!("type {} cannot be parsed as a time", type_name(other))),
                };
                let seen = i64::try_from(entry.record.observed_time).unwrap_or(i64::MAX);
                reader.read(text, || Time::utc(seen))?.unix_nanos()
            }
            Form::Epoch { layout, unit, fraction } => epoch(&value, layout, *unit, *fraction)?,
        };
        // Times before 1970 have no place in a record.
        entry.record.time = u64::try_from(nanos).unwrap_or(0);
        Ok(())
    }
}

fn epoch(value: &Value, layout: &str, unit: i64, fraction: Option<Fraction>) -> Result<i64, String> {
    let stamp = match (value, fraction) {
        (Value::Str(text), _) => text.to_string(),
        (Value::Bytes(bytes), _) => String::from_utf8_lossy(bytes).into_owned(),
        (Value::Int(number), None) => number.to_string(),
        (Value::Int(number), Some(_)) => format!("{number}.0"),
        (Value::Double(number), None) => (*number as i64).to_string(),
        // Upstream pads short ones with blanks, and then refuses them.
        (Value::Double(number), Some((_, digits))) => format!("{number:>10.digits$}"),
        (other, _) => return Err(format!("type {} cannot be parsed as a time", type_name(other))),
    };
    let invalid = || format!("invalid value '{stamp}' for layout '{layout}'");
    let number = |text: &str| text.parse::<i64>().ok();
    let nanos = match fraction {
        None => number(&stamp).map(|count| count.wrapping_mul(unit)),
        Some((part, _)) => stamp.split_once('.').and_then(|(whole, behind)| {
            let (whole, behind) = (number(whole)?, number(behind)?);
            Some(whole.wrapping_mul(unit).wrapping_add(behind.wrapping_mul(part)))
        }),
    };
    nanos.ok_or_else(invalid)
}
