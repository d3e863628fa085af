//! Tables for people.

use serde_json::Value;

/// A table with a head, as wide as what is in it.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = (0..head.len())
        .map(|at| {
            let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count());
            cells.chain(head.get(at).map(|title| title.len())).max().unwrap_or(0)
        })
        .collect();
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(head.to_vec())];
    lines.extend(rows.iter().map(|row| line(row.iter().map(String::as_str).collect())));
    lines.join("\n")
}

/// A value in a cell: by a pointer, without quotes.
pub(crate) fn cell(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.replace('\n', " "),
        Some(other) => other.to_string(),
    }
}

/// Milliseconds since 1970 as how long that is ago.
pub(crate) fn ago(value: &Value, pointer: &str, now: i64) -> String {
    let Some(at) = value.pointer(pointer).and_then(Value::as_i64).filter(|at| *at > 0) else { return String::new() };
    let seconds = (now - at).max(0) / 1000;
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let rows = [vec!["a".to_owned(), "long".to_owned()], vec!["longer".to_owned(), String::new()]];
        assert_eq!(table(&["ID", "X"], &rows), "ID      X\na       long\nlonger");
    }

    #[test]
    fn ages_are_told_in_one_unit() {
        for (at, told) in [(100_000, "0s"), (41_000, "59s"), (-200_000, ""), (0, "")] {
            assert_eq!(ago(&json!({"at": at}), "/at", 100_000), told);
        }
        assert_eq!(ago(&json!({"at": 1}), "/at", 86_400_000 * 3 + 1), "3d");
    }
}
