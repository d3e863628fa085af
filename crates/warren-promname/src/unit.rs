//! Units: from UCUM's spelling (`By/s`) to words (`bytes_per_second`).

use crate::is_word;

/// What stands before the slash, by its UCUM spelling. An empty word means that the unit adds nothing to a name.
const UNITS: [(&str, &str); 26] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tibibytes"),
    ("KBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("1", ""),
    ("%", "percent"),
];

/// What stands after the slash, by its UCUM spelling.
const PER_UNITS: [(&str, &str); 7] =
    [("s", "second"), ("m", "minute"), ("h", "hour"), ("d", "day"), ("w", "week"), ("mo", "month"), ("y", "year")];

/// The words for a unit: of what, and per what (`per_second`). Either may be empty; unknown units pass through, cleaned; parts in braces
/// are comments and give nothing.
pub(crate) fn words(unit: &str) -> (String, String) {
    let (of, per) = unit.split_once('/').unwrap_or((unit, ""));
    let of = translated(of, &UNITS);
    let per = translated(per, &PER_UNITS);
    let per = if per.is_empty() { String::new() } else { format!("per_{per}") };
    (clean(of), clean(&per))
}

/// The words for a unit as they stand: of what, and per what, without `per`. Either may be empty.
pub(crate) fn plain_words(unit: &str) -> (&str, &str) {
    let (of, per) = unit.split_once('/').unwrap_or((unit, ""));
    (translated(of, &UNITS), translated(per, &PER_UNITS))
}

/// The word for a unit as metadata carries it: `bytes_per_second` for `By/s`.
pub fn unit_name(unit: &str) -> String {
    let name = match words(unit) {
        (of, per) if per.is_empty() => of,
        (of, per) if of.is_empty() => per,
        (of, per) => format!("{of}_{per}"),
    };
    let name = name.strip_prefix('_').unwrap_or(&name);
    name.strip_suffix('_').unwrap_or(name).to_owned()
}

fn translated<'a>(part: &'a str, table: &[(&str, &'static str)]) -> &'a str {
    let part = part.trim();
    if part.contains(['{', '}']) {
        return "";
    }
    table.iter().find(|(symbol, _)| *symbol == part).map_or(part, |(_, word)| word)
}

/// Replaces what may not stand in a name by single underscores; none is left at the start.
fn clean(unit: &str) -> String {
    let mut out = String::with_capacity(unit.len());
    for c in unit.chars() {
        if is_word(c) {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The unit names of `otlptranslator` `metric_namer_test.go` at 94f535e0c588, and edges of the source.
    #[test]
    fn units_become_words() {
        for (unit, name) in [
            ("", ""),
            ("1", ""),
            ("ms", "milliseconds"),
            ("By", "bytes"),
            ("TiBy", "tibibytes"),
            ("1/s", "per_second"),
            ("By/s", "bytes_per_second"),
            (" By / s ", "bytes_per_second"),
            ("custom_unit", "custom_unit"),
            ("{custom}", ""),
            ("By/{custom}", "bytes"),
            ("{packet}/s", "per_second"),
            ("unit__multiple__underscores", "unit_multiple_underscores"),
            ("unit@with#special/chars", "unit_with_special_per_chars"),
            ("a/b/c", "a_per_b_c"),
            ("%%", ""),
            ("/%%", "per"),
            ("°F", "F"),
        ] {
            assert_eq!(unit_name(unit), name, "{unit}");
        }
    }
}
