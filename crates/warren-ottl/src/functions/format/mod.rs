//! `Format`: Go's `fmt.Sprintf` over values whose kind is known only when they come.
//!
//! A template is read directive by directive ([`format`]); [`print`] writes one value for one verb, [`number`] the digits. Faults of a directive do
//! not fail, they stand in the text as Go writes them: `%!d(string=a)`, `%!d(MISSING)`, `%!(EXTRA int64=2)`. Maps and lists are printed by their
//! content (`map[a:1]`, `[1 2]`), where upstream may print memory addresses.

mod number;
mod print;
#[cfg(test)]
mod tests;

use super::TEXT_BYTES_MAX;
use crate::function::{Call, Converter, Kind, Yields, param};
use crate::{Failure, Val};
use print::Printer;

/// The converters of this file.
pub(super) const CONVERTERS: &[Converter] = &[Converter {
    name: "Format",
    params: &[param("format", Kind::LitStr), param("vals", Kind::Items)],
    yields: Yields::Str,
    bind: |literals| {
        let template: Box<str> = literals.text(0).unwrap_or_default().into();
        Ok(Call::new(move |args| format(&template, args.items).map(Val::from)))
    },
}];

/// Largest width, precision and index of an argument, as in Go.
const NUMBER_MAX: i64 = 1_000_000;

/// The template with its directives replaced by the values.
///
/// # Errors
/// When the text is longer than 16 MiB.
fn format(template: &str, values: &[Val]) -> Result<String, Failure> {
    let mut directives = Directives { rest: template, values, next: 0, reordered: false, index_is_good: true };
    let mut printer = Printer::new(template.len() * 2, TEXT_BYTES_MAX);
    while let Some((before, after)) = directives.rest.split_once('%') {
        printer.text(before);
        directives.rest = after;
        directives.directive(&mut printer);
    }
    printer.text(directives.rest);
    let left = values.get(directives.next..).unwrap_or_default();
    if !directives.reordered && !left.is_empty() {
        printer.flags = print::Flags::default();
        printer.text("%!(EXTRA ");
        for (index, value) in left.iter().enumerate() {
            printer.text(if index > 0 { ", " } else { "" });
            if value.is_nil() {
                printer.text("<nil>");
            } else {
                printer.text(value.type_name());
                printer.text("=");
                printer.value(value, 'v');
            }
        }
        printer.text(")");
    }
    printer.finish().ok_or_else(|| Failure::new(format!("the formatted text is longer than {TEXT_BYTES_MAX} bytes")))
}

/// A template being read, and which value comes next.
struct Directives<'a> {
    rest: &'a str,
    values: &'a [Val],
    next: usize,
    /// Whether a directive named its value by index.
    reordered: bool,
    index_is_good: bool,
}

impl Directives<'_> {
    fn take(&mut self, c: char) -> bool {
        match self.rest.strip_prefix(c) {
            Some(after) => {
                self.rest = after;
                true
            }
            None => false,
        }
    }

    /// Reads what follows a percent sign and prints it.
    fn directive(&mut self, printer: &mut Printer) {
        self.index_is_good = true;
        printer.flags = print::Flags::default();
        loop {
            match self.rest.bytes().next() {
                Some(b'#') => printer.flags.sharp = true,
                Some(b'0') => printer.flags.zero = true,
                Some(b'+') => printer.flags.plus = true,
                Some(b'-') => printer.flags.minus = true,
                Some(b' ') => printer.flags.space = true,
                _ => break,
            }
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        let mut after_index = self.index();
        if self.take('*') {
            let width = self.number_from_value();
            if width.is_none() {
                printer.text("%!(BADWIDTH)");
            }
            printer.flags.minus |= width.is_some_and(|width| width < 0);
            printer.flags.width = width.map(|width| width.unsigned_abs() as usize);
            after_index = false;
        } else {
            printer.flags.width = self.number();
            self.index_is_good &= !(after_index && printer.flags.width.is_some());
        }
        // A point at the very end begins no precision.
        if self.rest.len() > 1 && self.take('.') {
            self.index_is_good &= !after_index;
            after_index = self.index();
            if self.take('*') {
                let precision = self.number_from_value().filter(|precision| *precision >= 0);
                if precision.is_none() {
                    printer.text("%!(BADPREC)");
                }
                printer.flags.precision = precision.map(|precision| precision as usize);
                after_index = false;
            } else {
                printer.flags.precision = Some(self.number().unwrap_or(0));
            }
        }
        if !after_index {
            self.index();
        }
        let Some(verb) = self.rest.chars().next() else {
            printer.text("%!(NOVERB)");
            return;
        };
        self.take(verb);
        match self.values.get(self.next) {
            _ if verb == '%' => printer.text("%"),
            _ if !self.index_is_good => printer.fault(verb, "BADINDEX"),
            None => printer.fault(verb, "MISSING"),
            Some(value) => {
                self.next += 1;
                if matches!(verb, 'v' | 'w') {
                    printer.flags.go_syntax = std::mem::take(&mut printer.flags.sharp);
                    printer.flags.plus = false;
                }
                printer.value(value, verb);
            }
        }
    }

    /// Digits; too large a number takes the rest of the template with it.
    fn number(&mut self) -> Option<usize> {
        let end = self.rest.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, after) = self.rest.split_at(end);
        let mut number = 0;
        for digit in digits.bytes() {
            if number > NUMBER_MAX {
                self.rest = "";
                return None;
            }
            number = number * 10 + i64::from(digit - b'0');
        }
        self.rest = after;
        (!digits.is_empty()).then_some(number as usize)
    }

    /// Reads `[n]` if it stands here: the n-th value is the next one.
    fn index(&mut self) -> bool {
        let Some(inside) = self.rest.strip_prefix('[') else { return false };
        self.reordered = true;
        let Some((text, after)) = inside.split_once(']').filter(|_| self.rest.len() > 2) else {
            self.rest = inside;
            self.index_is_good = false;
            return false;
        };
        self.rest = text;
        let number = self.number().filter(|_| self.rest.is_empty());
        self.rest = after;
        match number {
            Some(number) if (1..=self.values.len()).contains(&number) => self.next = number - 1,
            _ => self.index_is_good = false,
        }
        number.is_some()
    }

    /// The next value as a width or precision.
    fn number_from_value(&mut self) -> Option<i64> {
        let value = self.values.get(self.next)?;
        self.next += 1;
        match value {
            Val::Int(number) | Val::Duration(number) => {
                Some(*number).filter(|number| (-NUMBER_MAX..=NUMBER_MAX).contains(number))
            }
            _ => None,
        }
    }
}
