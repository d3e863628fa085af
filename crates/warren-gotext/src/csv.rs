//! Rows of comma separated values, by the rules of Go's `encoding/csv`. A row may go over several lines: a line that ends within no quotes goes on in
//! the next one, as part of the same field.

/// How quotes are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quotes {
    /// A quote stands at both ends of a field, or doubled within one that is quoted.
    Strict,
    /// A quote may stand anywhere.
    Lazy,
    /// A quote is a character like any other.
    Ignored,
}

/// The fields of a row.
///
/// # Errors
/// When there is no line, or the first field of a line is quoted wrongly.
pub fn fields(row: &str, delimiter: char, quotes: Quotes) -> Result<Vec<String>, String> {
    if quotes == Quotes::Ignored {
        return Ok(row.split(delimiter).map(str::to_owned).collect());
    }
    if matches!(delimiter, '\0' | '"' | '\r' | '\n' | char::REPLACEMENT_CHARACTER) {
        return Err("read csv line: csv: invalid field or comment delimiter".to_owned());
    }
    let mut reader = Reader { rest: row, line_number: 0, delimiter, lazy: quotes == Quotes::Lazy };
    let mut joined: Option<Vec<String>> = None;
    while let Some(record) = reader.record()? {
        let Some(joined) = &mut joined else {
            joined = Some(record);
            continue;
        };
        let mut record = record.into_iter();
        if let (Some(last), Some(first)) = (joined.last_mut(), record.next()) {
            last.push('\n');
            last.push_str(&first);
        }
        joined.extend(record);
    }
    joined.ok_or_else(|| "no csv lines found".to_owned())
}

struct Reader<'a> {
    rest: &'a str,
    line_number: usize,
    delimiter: char,
    lazy: bool,
}

/// A line without its end, and whether it had one.
struct Line<'a> {
    text: &'a str,
    ended: bool,
}

impl<'a> Reader<'a> {
    /// The next line, if there is one. A carriage return before the end of the line or of the text is not part of it.
    fn line(&mut self) -> Option<Line<'a>> {
        self.line_number += 1;
        if self.rest.is_empty() {
            return None;
        }
        let (text, ended) = match self.rest.split_once('\n') {
            Some((text, rest)) => {
                self.rest = rest;
                (text, true)
            }
            None => (std::mem::take(&mut self.rest), false),
        };
        Some(Line { text: text.strip_suffix('\r').unwrap_or(text), ended })
    }

    /// The next line that is not empty.
    fn filled_line(&mut self) -> Option<Line<'a>> {
        loop {
            let line = self.line()?;
            if !line.text.is_empty() {
                return Some(line);
            }
        }
    }

    /// The fields of the next record; nothing at the end. A record with a fault behind its first field ends there, as upstream lets it pass.
    fn record(&mut self) -> Result<Option<Vec<String>>, String> {
        let Some(mut line) = self.filled_line() else { return Ok(None) };
        let mut fields = Vec::new();
        let (start, mut column) = (self.line_number, 1);
        loop {
            let Some(quoted) = line.text.strip_prefix('"') else {
                let (field, after) = match line.text.split_once(self.delimiter) {
                    Some((field, after)) => (field, Some(after)),
                    None => (line.text, None),
                };
                if let (false, Some(quote)) = (self.lazy, field.find('"')) {
                    return self.fault(fields, start, self.line_number, column + quote, "bare \" in non-quoted-field");
                }
                fields.push(field.to_owned());
                let Some(after) = after else { return Ok(Some(fields)) };
                column += field.len() + self.delimiter.len_utf8();
                line.text = after;
                continue;
            };
            line.text = quoted;
            column += 1;
            match self.quoted(&mut line, &mut column) {
                Quoted::Field(field) => fields.push(field),
                Quoted::Last(field) => {
                    fields.push(field);
                    return Ok(Some(fields));
                }
                Quoted::Fault { line, column } => {
                    return self.fault(fields, start, line, column, "extraneous or missing \" in quoted-field");
                }
            }
        }
    }

    /// The rest of a field behind its opening quote.
    fn quoted(&mut self, line: &mut Line<'a>, column: &mut usize) -> Quoted {
        let mut field = String::new();
        // Where the field's last line stood, which is what faults name.
        let mut line_number = self.line_number;
        loop {
            if let Some((before, after)) = line.text.split_once('"') {
                field.push_str(before);
                *column += before.len() + 1;
                line.text = after;
                if let Some(after) = after.strip_prefix('"') {
                    field.push('"');
                    line.text = after;
                    *column += 1;
                } else if let Some(after) = after.strip_prefix(self.delimiter) {
                    line.text = after;
                    *column += self.delimiter.len_utf8();
                    return Quoted::Field(field);
                } else if after.is_empty() {
                    return Quoted::Last(field);
                } else if self.lazy {
                    field.push('"');
                } else {
                    return Quoted::Fault { line: self.line_number, column: *column - 1 };
                }
                continue;
            }
            field.push_str(line.text);
            *column += line.text.len();
            let next = if line.ended {
                field.push('\n');
                *column += 1;
                self.line()
            } else {
                None
            };
            match next {
                Some(next) => {
                    *line = next;
                    *column = 1;
                    line_number = self.line_number;
                }
                None if self.lazy => return Quoted::Last(field),
                None => return Quoted::Fault { line: line_number, column: *column },
            }
        }
    }

    fn fault(
        &self,
        fields: Vec<String>,
        start: usize,
        line: usize,
        column: usize,
        reason: &str,
    ) -> Result<Option<Vec<String>>, String> {
        if !fields.is_empty() {
            return Ok(Some(fields));
        }
        let place = if start == line {
            format!("parse error on line {line}, column {column}")
        } else {
            format!("record on line {start}; parse error on line {line}, column {column}")
        };
        Err(format!("read csv line: {place}: {reason}"))
    }
}

enum Quoted {
    /// A field with another one behind it.
    Field(String),
    /// The last field of the record.
    Last(String),
    /// A quote where none may be, or none where one must be.
    Fault { line: usize, column: usize },
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(row: &str, quotes: Quotes) -> Result<Vec<String>, String> {
        fields(row, ',', quotes)
    }

    /// The facts of upstream's table for rows.
    #[test]
    fn rows_are_split_as_go_splits_them() {
        use Quotes::{Ignored, Lazy, Strict};
        for (text, quotes, wanted) in [
            ("field1,field2,field3", Strict, &["field1", "field2", "field3"][..]),
            ("field1,\"field2,contains delimiter\",field3", Strict, &["field1", "field2,contains delimiter", "field3"]),
            ("field1,field\"2,field3", Strict, &["field1"]),
            ("field1,field\"2,field3", Lazy, &["field1", "field\"2", "field3"]),
            ("field1,fie\nld2,field3", Strict, &["field1", "fie\nld2", "field3"]),
            ("field1,\nfield2,field3", Strict, &["field1", "\nfield2", "field3"]),
            ("field1,field2\n,field3", Strict, &["field1", "field2\n", "field3"]),
            ("\nfield1,field2,field3\n", Strict, &["field1", "field2", "field3"]),
            ("\nfiel\nd1,fie\nld2,fie\nld3\n", Strict, &["fiel\nd1", "fie\nld2", "fie\nld3"]),
            ("a,\"b\"\"c\",\"\"", Strict, &["a", "b\"c", ""]),
            ("a,\"b\r\nc\"\r\n", Strict, &["a", "b\nc"]),
            ("a,\"b\" c,d", Lazy, &["a", "b\" c,d"]),
            ("a,\"b", Lazy, &["a", "b"]),
            ("a,\"b,c\n", Ignored, &["a", "\"b", "c\n"]),
            ("", Ignored, &[""]),
        ] {
            let wanted: Vec<String> = wanted.iter().map(|&field| field.to_owned()).collect();
            assert_eq!(row(text, quotes), Ok(wanted), "{text:?} {quotes:?}");
        }
    }

    #[test]
    fn faults_of_a_first_field_have_a_place() {
        for (text, wanted) in [
            ("", "no csv lines found"),
            ("\n\n", "no csv lines found"),
            ("a\"b,c", "read csv line: parse error on line 1, column 2: bare \" in non-quoted-field"),
            ("\n\"a\" b,c", "read csv line: parse error on line 2, column 3: extraneous or missing \" in quoted-field"),
            (
                "\"a\nb",
                "read csv line: record on line 1; parse error on line 2, column 2: extraneous or missing \" in quoted-field",
            ),
        ] {
            assert_eq!(row(text, Quotes::Strict).unwrap_err(), wanted, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn prop_quoted_fields_come_back(wanted in proptest::collection::vec("[a-z\",é ]{0,6}", 1..6)) {
            prop_assume!(wanted.len() > 1 || !wanted[0].is_empty());
            let text = wanted.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect::<Vec<_>>().join(",");
            prop_assert_eq!(row(&text, Quotes::Strict), Ok(wanted));
        }

        #[test]
        fn prop_any_text_is_read_or_refused(text in "[a,\"\r\n é]{0,24}") {
            for quotes in [Quotes::Strict, Quotes::Lazy, Quotes::Ignored] {
                let _ = row(&text, quotes);
            }
        }
    }
}
