//! From tokens to something that holds or does not.
//!
//! Operators are climbed by precedence; every part that was read is of a known type, and an operator takes only what it can compare.

use super::lexer::{Kind, Token};
use super::{Comparison, Condition, Fault, Words};
use warren_pdata::Text;
use warren_regex::Regex;

/// Deepest nesting that is accepted.
const DEPTH_MAX: u32 = 100;

/// Precedence of `not`: it takes what binds tighter, which no comparison does.
const NOT: u8 = 50;

/// Compiles a whole expression; tells besides whether it asks for labels.
pub(super) fn compile(tokens: &[Token], end: usize) -> Result<(Condition, bool), Fault> {
    let mut parser = Parser { tokens, end, place: 0, depth: 0, asks_labels: false };
    let value = parser.expression(0)?;
    if let Some(token) = parser.peek() {
        return Err(unexpected(token));
    }
    match value {
        Value::Condition(condition) => Ok((condition, parser.asks_labels)),
        other => Err(Fault::new(0, format!("filter returned non-boolean value: the expression yields {}", other.what()))),
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    /// Where the text ends, in bytes.
    end: usize,
    place: usize,
    depth: u32,
    asks_labels: bool,
}

/// A part that was read.
enum Value {
    Condition(Condition),
    Words(Words),
    Number(f64),
    List(Vec<Value>),
}

impl Value {
    fn what(&self) -> &'static str {
        match self {
            Self::Condition(_) => "a boolean",
            Self::Words(_) => "text",
            Self::Number(_) => "a number",
            Self::List(_) => "a list",
        }
    }
}

impl Parser<'_> {
    fn expression(&mut self, precedence: u8) -> Result<Value, Fault> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Fault::new(self.at(), "expression nests too deeply"));
        }
        let mut value = self.primary()?;
        while let Some((operator, negated, at)) = self.operator(precedence)? {
            value = self.infix(value, operator, at)?;
            if negated {
                value = negate(value, at)?;
            }
        }
        if precedence == 0 {
            while self.takes('?') {
                value = self.choice(value)?;
            }
        }
        self.depth -= 1;
        Ok(value)
    }

    /// The operator that follows, if it binds at least so tightly; whether a `not` stands before it, and where it stands.
    fn operator(&mut self, precedence: u8) -> Result<Option<(&'static str, bool, usize)>, Fault> {
        let Some(Token { at, kind: Kind::Operator(operator) }) = self.peek() else { return Ok(None) };
        let (at, mut operator, mut negated) = (*at, *operator, false);
        if operator == "not" {
            match self.tokens.get(self.place + 1).map(|token| &token.kind) {
                Some(Kind::Operator(after @ ("in" | "matches" | "contains" | "startsWith" | "endsWith"))) => {
                    (operator, negated) = (after, true);
                }
                _ => return Err(self.peek().map_or_else(|| self.ended(), unexpected)),
            }
        }
        let binds = match operator {
            "or" => 10,
            "and" => 15,
            "==" | "!=" | "<" | ">" | "<=" | ">=" | "in" | "matches" | "contains" | "startsWith" | "endsWith" => 20,
            "+" | "-" | "*" | "%" | "^" | "**" | "|" | "??" => return Err(unsupported(at, &format!("operator {operator}"))),
            _ => return Ok(None),
        };
        if binds < precedence {
            return Ok(None);
        }
        self.place += 1 + usize::from(negated);
        Ok(Some((operator, negated, at)))
    }

    /// What an operator makes of what stands before it and what follows.
    fn infix(&mut self, left: Value, operator: &'static str, at: usize) -> Result<Value, Fault> {
        let precedence = match operator {
            "or" => 11,
            "and" => 16,
            _ => 21,
        };
        if matches!(operator, "<" | ">" | "<=" | ">=") {
            return self.comparisons(left, operator, at);
        }
        let right = self.expression(precedence)?;
        let mismatch = |left: &Value, right: &Value| {
            let (left, right) = (left.what(), right.what());
            Fault::new(at, format!("invalid operation: {operator} (mismatched types: {left} and {right})"))
        };
        let condition = match (operator, left, right) {
            ("or", Value::Condition(Condition::Or(mut all)), Value::Condition(right)) => {
                all.push(right);
                Condition::Or(all)
            }
            ("and", Value::Condition(Condition::And(mut all)), Value::Condition(right)) => {
                all.push(right);
                Condition::And(all)
            }
            ("or", Value::Condition(left), Value::Condition(right)) => Condition::Or(vec![left, right]),
            ("and", Value::Condition(left), Value::Condition(right)) => Condition::And(vec![left, right]),
            ("==", left, right) => equal(left, right),
            ("!=", left, right) => Condition::Not(Box::new(equal(left, right))),
            ("in", Value::Words(words), Value::List(list)) => {
                // What is no text is never equal to text.
                let list = list.into_iter().filter_map(|value| if let Value::Words(words) = value { Some(words) } else { None });
                Condition::OneOf(words, list.collect())
            }
            ("matches", Value::Words(words), Value::Words(Words::Literal(pattern))) => {
                Condition::Matches(words, Regex::new(&pattern).map_err(|error| Fault::new(at, error.to_string()))?)
            }
            ("matches", Value::Words(_), Value::Words(_)) => {
                return Err(unsupported(at, "a pattern that is no literal"));
            }
            ("contains", Value::Words(left), Value::Words(right)) => Condition::Compare(Comparison::Contains, left, right),
            ("startsWith", Value::Words(left), Value::Words(right)) => Condition::Compare(Comparison::StartsWith, left, right),
            ("endsWith", Value::Words(left), Value::Words(right)) => Condition::Compare(Comparison::EndsWith, left, right),
            (_, left, right) => return Err(mismatch(&left, &right)),
        };
        Ok(Value::Condition(condition))
    }

    /// `a < b`, and `a < b < c`, which is `a < b and b < c`.
    fn comparisons(&mut self, mut left: Value, mut operator: &'static str, mut at: usize) -> Result<Value, Fault> {
        let mut all = Vec::new();
        loop {
            let right = self.expression(21)?;
            let next = match self.peek() {
                Some(Token { at, kind: Kind::Operator(next @ ("<" | ">" | "<=" | ">=")) }) => Some((*next, *at)),
                _ => None,
            };
            let shared = match &right {
                Value::Words(words) => Value::Words(words.clone()),
                Value::Number(number) => Value::Number(*number),
                // Told below: nothing else is compared.
                Value::Condition(_) | Value::List(_) => Value::List(Vec::new()),
            };
            all.push(compared(left, operator, right, at)?);
            let Some(next) = next else { return Ok(Value::Condition(Condition::And(all))) };
            ((operator, at), left) = (next, shared);
            self.place += 1;
        }
    }

    /// `? yes : no`, after a condition.
    fn choice(&mut self, condition: Value) -> Result<Value, Fault> {
        let at = self.at();
        let Value::Condition(condition) = condition else {
            return Err(Fault::new(at, format!("non-bool expression (type {}) used as condition", condition.what())));
        };
        let yes = self.expression(0)?;
        self.expect(':')?;
        let no = self.expression(0)?;
        match (yes, no) {
            (Value::Condition(yes), Value::Condition(no)) => {
                Ok(Value::Condition(Condition::Choice(Box::new([condition, yes, no]))))
            }
            (Value::Words(yes), Value::Words(no)) => Ok(Value::Words(Words::Choice(Box::new((condition, [yes, no]))))),
            (yes, no) => Err(unsupported(at, &format!("a choice between {} and {}", yes.what(), no.what()))),
        }
    }

    fn primary(&mut self) -> Result<Value, Fault> {
        let Some(Token { at, kind }) = self.tokens.get(self.place) else { return Err(self.ended()) };
        self.place += 1;
        match kind {
            Kind::Operator("not") => negate(self.expression(NOT)?, *at),
            Kind::Operator("-") | Kind::Operator("+") => match self.expression(90)? {
                Value::Number(number) => Ok(Value::Number(if matches!(kind, Kind::Operator("-")) { -number } else { number })),
                other => Err(Fault::new(*at, format!("invalid operation: - (mismatched type {})", other.what()))),
            },
            Kind::Operator(word @ ("let" | "if")) => Err(unsupported(*at, word)),
            Kind::Text(text) => Ok(Value::Words(Words::Literal(text.as_str().into()))),
            Kind::Number(number) => Ok(Value::Number(*number)),
            Kind::Mark('(') => {
                let value = self.expression(0)?;
                self.expect(')')?;
                Ok(value)
            }
            Kind::Mark('[') => self.list(),
            Kind::Name(name) => self.name(name, *at),
            Kind::Operator(_) | Kind::Mark(_) => Err(unexpected(&Token { at: *at, kind: kind.clone() })),
        }
    }

    fn list(&mut self) -> Result<Value, Fault> {
        let mut list = Vec::new();
        while !self.takes(']') {
            if !list.is_empty() {
                self.expect(',')?;
                // A comma may stand at the end.
                if self.takes(']') {
                    break;
                }
            }
            list.push(self.expression(0)?);
        }
        Ok(Value::List(list))
    }

    fn name(&mut self, name: &str, at: usize) -> Result<Value, Fault> {
        match name {
            "true" | "false" => Ok(Value::Condition(Condition::Always(name == "true"))),
            "MetricName" => Ok(Value::Words(Words::Name)),
            "MetricType" => Ok(Value::Words(Words::Kind)),
            "HasLabel" => Ok(Value::Condition(Condition::HasLabel(self.key(name)?))),
            "Label" => Ok(Value::Words(Words::Label(self.key(name)?))),
            _ if self.peek().is_some_and(|token| token.kind == Kind::Mark('(')) => {
                Err(unsupported(at, &format!("function {name}")))
            }
            _ => Err(Fault::new(at, format!("unknown name {name}, there are MetricName, MetricType, HasLabel and Label"))),
        }
    }

    /// The one argument of a function on labels.
    fn key(&mut self, name: &str) -> Result<Text, Fault> {
        self.expect('(')?;
        let at = self.at();
        let key = self.expression(0)?;
        self.expect(')')?;
        self.asks_labels = true;
        match key {
            Value::Words(Words::Literal(key)) => Ok(key),
            _ => Err(Fault::new(at, format!("{name} takes the key of a label as a text literal"))),
        }
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.place)
    }

    fn at(&self) -> usize {
        self.peek().map_or(self.end, |token| token.at)
    }

    fn takes(&mut self, mark: char) -> bool {
        let found = self.peek().is_some_and(|token| token.kind == Kind::Mark(mark));
        self.place += usize::from(found);
        found
    }

    fn expect(&mut self, mark: char) -> Result<(), Fault> {
        if self.takes(mark) {
            return Ok(());
        }
        Err(self.peek().map_or_else(|| self.ended(), unexpected))
    }

    fn ended(&self) -> Fault {
        Fault::new(self.end, "unexpected token EOF")
    }
}

fn unexpected(token: &Token) -> Fault {
    let shown = match &token.kind {
        Kind::Operator(operator) => format!("Operator({operator:?})"),
        Kind::Mark(mark) if "()[]{}".contains(*mark) => format!("Bracket({:?})", mark.to_string()),
        Kind::Mark(mark) => format!("Operator({:?})", mark.to_string()),
        Kind::Name(name) => format!("Identifier({name:?})"),
        Kind::Text(text) => format!("String({text:?})"),
        Kind::Number(number) => format!("Number({:?})", number.to_string()),
    };
    Fault::new(token.at, format!("unexpected token {shown}"))
}

fn unsupported(at: usize, what: &str) -> Fault {
    Fault::new(at, format!("{what} is not supported in expressions on metrics"))
}

fn negate(value: Value, at: usize) -> Result<Value, Fault> {
    match value {
        Value::Condition(condition) => Ok(Value::Condition(Condition::Not(Box::new(condition)))),
        other => {
            let what = other.what();
            Err(Fault::new(at, format!("invalid operation: not (mismatched type {what}); not binds tighter than comparisons")))
        }
    }
}

/// What is of two types is not equal.
fn equal(left: Value, right: Value) -> Condition {
    match (left, right) {
        (Value::Condition(left), Value::Condition(right)) => Condition::Same(Box::new([left, right])),
        (Value::Words(left), Value::Words(right)) => Condition::Compare(Comparison::Equal, left, right),
        (Value::Number(left), Value::Number(right)) => Condition::Always(left == right),
        _ => Condition::Always(false),
    }
}

fn compared(left: Value, operator: &str, right: Value, at: usize) -> Result<Condition, Fault> {
    // More is less the other way round.
    let (left, right) = if operator.starts_with('>') { (right, left) } else { (left, right) };
    let comparison = if operator.ends_with('=') { Comparison::LessOrEqual } else { Comparison::Less };
    match (left, right) {
        (Value::Words(left), Value::Words(right)) => Ok(Condition::Compare(comparison, left, right)),
        (Value::Number(left), Value::Number(right)) => {
            Ok(Condition::Always(if comparison == Comparison::Less { left < right } else { left <= right }))
        }
        (left, right) => {
            let (left, right) = (left.what(), right.what());
            Err(Fault::new(at, format!("invalid operation: {operator} (mismatched types: {left} and {right})")))
        }
    }
}
