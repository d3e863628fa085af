//! From tokens to a compiled expression.
//!
//! Operators are climbed by precedence. Of every part the type is known as far as it can be, and an operator refuses what it can never take.

mod names;

use crate::fault::Fault;
use crate::lexer::{Kind, Token};
use crate::node::{Node, Operation, Order, TextTest};
use crate::{Language, Type};
use warren_pdata::Value;
use warren_regex::Regex;

/// Deepest nesting that is accepted.
const DEPTH_MAX: u32 = 100;

/// Operators that may follow each other without parentheses, but for those that make lists of their operands.
const HEIGHT_MAX: u32 = 300;

/// Precedence of `not`: it takes what binds tighter, which no comparison does.
const NOT: u8 = 50;

/// Precedence of a sign.
const SIGN: u8 = 90;

/// Compiles a whole expression; tells besides whether it calls a function of its language.
pub(crate) fn compile(tokens: &[Token], end: usize, language: &Language, wanted: Type) -> Result<(Node, bool), Fault> {
    let mut parser = Parser { tokens, end, place: 0, depth: 0, language, calls: false };
    let part = parser.expression(0)?;
    if let Some(token) = parser.peek() {
        return Err(unexpected(token));
    }
    if !part.kind.may_be(wanted) {
        let what = part.kind.what();
        return Err(Fault::new(0, format!("filter returned non-boolean value: the expression yields {what}")));
    }
    Ok((part.node, parser.calls))
}

struct Parser<'a> {
    tokens: &'a [Token],
    /// Where the text ends, in bytes.
    end: usize,
    place: usize,
    depth: u32,
    language: &'a Language,
    calls: bool,
}

/// A part that was read.
struct Part {
    node: Node,
    kind: Type,
    /// How many nodes lie on the longest way down.
    height: u32,
}

impl Part {
    fn leaf(node: Node, kind: Type) -> Self {
        Self { node, kind, height: 1 }
    }

    fn over(node: Node, kind: Type, below: u32) -> Self {
        Self { node, kind, height: below + 1 }
    }
}

impl Parser<'_> {
    fn expression(&mut self, precedence: u8) -> Result<Part, Fault> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Fault::new(self.at(), "expression nests too deeply"));
        }
        let mut part = self.primary()?;
        while let Some((operator, negated, at)) = self.operator(precedence)? {
            part = self.infix(part, operator, at)?;
            if negated {
                part = negate(part, at)?;
            }
            if part.height > HEIGHT_MAX {
                return Err(Fault::new(at, "expression nests too deeply"));
            }
        }
        if precedence == 0 {
            while self.takes('?') {
                part = self.choice(part)?;
            }
        }
        self.depth -= 1;
        Ok(part)
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
        if operator == "|" {
            return Err(self.unsupported(at, "operator |"));
        }
        let Some(binds) = precedence_of(operator).filter(|binds| *binds >= precedence) else { return Ok(None) };
        debug_assert!(binds > 0, "every operator binds");
        self.place += 1 + usize::from(negated);
        Ok(Some((operator, negated, at)))
    }

    /// What an operator makes of what stands before it and what follows.
    fn infix(&mut self, left: Part, operator: &'static str, at: usize) -> Result<Part, Fault> {
        if Order::of(operator).is_some() {
            return self.comparisons(left, operator, at);
        }
        let binds = precedence_of(operator).unwrap_or_default();
        let to_the_right = matches!(operator, "**" | "^");
        let right = self.expression(if to_the_right { binds } else { binds + 1 })?;
        let (left_kind, right_kind) = (left.kind, right.kind);
        let fits = |kind: Type| left_kind.may_be(kind) && right_kind.may_be(kind);
        let mismatch = || {
            let (left, right) = (left_kind.what(), right_kind.what());
            Err(Fault::new(at, format!("invalid operation: {operator} (mismatched types: {left} and {right})")))
        };
        let height = left.height.max(right.height);
        let both = |left: Part, right: Part| Box::new([left.node, right.node]);
        let (node, kind) = match operator {
            "or" | "and" if !fits(Type::Bool) => return mismatch(),
            "or" | "and" => {
                let (mut all, below) = match (operator, left.node) {
                    ("or", Node::Or(all)) | ("and", Node::And(all)) => (all, left.height - 1),
                    (_, node) => (vec![node], left.height),
                };
                all.push(right.node);
                let node = if operator == "or" { Node::Or(all) } else { Node::And(all) };
                return Ok(Part::over(node, Type::Bool, below.max(right.height)));
            }
            "==" => (Node::Equal(both(left, right)), Type::Bool),
            "!=" => (Node::Not(Box::new(Node::Equal(both(left, right)))), Type::Bool),
            "in" => match right_kind {
                Type::Any | Type::List | Type::Map | Type::Nil => (Node::In(both(left, right)), Type::Bool),
                _ => return mismatch(),
            },
            "matches" => {
                if !left_kind.may_be(Type::Text) && left_kind != Type::Nil {
                    return mismatch();
                }
                let Node::Const(Value::Str(pattern)) = &right.node else {
                    return Err(self.unsupported(at, "a pattern that is no literal"));
                };
                let pattern = Regex::new(pattern).map_err(|error| Fault::new(at, error.to_string()))?;
                (Node::Matches(Box::new(left.node), pattern), Type::Bool)
            }
            "??" => {
                let kind = if left_kind == right_kind { left_kind } else { Type::Any };
                (Node::Coalesce(both(left, right)), kind)
            }
            _ => match (TextTest::of(operator), Operation::of(operator)) {
                (Some(test), _) if fits(Type::Text) || fits(Type::Nil) => (Node::Text(test, both(left, right)), Type::Bool),
                (_, Some(Operation::Add)) if fits(Type::Number) || fits(Type::Text) => {
                    let kind = if left_kind == Type::Any { right_kind } else { left_kind };
                    (Node::Arithmetic(Operation::Add, both(left, right)), kind)
                }
                (_, Some(operation)) if fits(Type::Number) => (Node::Arithmetic(operation, both(left, right)), Type::Number),
                _ => return mismatch(),
            },
        };
        Ok(Part::over(node, kind, height))
    }

    /// `a < b`, and `a < b < c`.
    fn comparisons(&mut self, left: Part, first: &'static str, first_at: usize) -> Result<Part, Fault> {
        let (mut operator, mut at) = (first, first_at);
        let (mut kind, mut height) = (left.kind, left.height);
        let mut others = Vec::new();
        loop {
            let right = self.expression(21)?;
            let comparable = |kind: Type| kind.may_be(Type::Number) || kind.may_be(Type::Text);
            if !(kind.may_be(right.kind) && comparable(kind) && comparable(right.kind)) {
                let (left, right) = (kind.what(), right.kind.what());
                return Err(Fault::new(at, format!("invalid operation: {operator} (mismatched types: {left} and {right})")));
            }
            (kind, height) = (right.kind, height.max(right.height));
            if let Some(order) = Order::of(operator) {
                others.push((order, right.node));
            }
            match self.peek() {
                Some(Token { at: next_at, kind: Kind::Operator(next) }) if Order::of(next).is_some() => {
                    (operator, at) = (next, *next_at);
                    self.place += 1;
                }
                _ => return Ok(Part::over(Node::Ordered(Box::new(left.node), others), Type::Bool, height)),
            }
        }
    }

    /// `? yes : no`, after a condition.
    fn choice(&mut self, condition: Part) -> Result<Part, Fault> {
        let at = self.at();
        if !condition.kind.may_be(Type::Bool) {
            let what = condition.kind.what();
            return Err(Fault::new(at, format!("non-bool expression (type {what}) used as condition")));
        }
        let yes = self.expression(0)?;
        self.expect(':')?;
        let no = self.expression(0)?;
        let kind = if yes.kind == no.kind { yes.kind } else { Type::Any };
        let height = condition.height.max(yes.height).max(no.height);
        Ok(Part::over(Node::Choice(Box::new([condition.node, yes.node, no.node])), kind, height))
    }

    fn primary(&mut self) -> Result<Part, Fault> {
        let Some(Token { at, kind }) = self.tokens.get(self.place) else { return Err(self.ended()) };
        self.place += 1;
        let part = match kind {
            Kind::Operator("not") => return negate(self.expression(NOT)?, *at),
            Kind::Operator(sign @ ("-" | "+")) => return self.signed(sign, *at),
            Kind::Operator(word @ ("let" | "if")) => return Err(self.unsupported(*at, word)),
            Kind::Text(text) => Part::leaf(Node::Const(Value::from(text.as_str())), Type::Text),
            Kind::Int(number) => Part::leaf(Node::Const(Value::Int(*number)), Type::Number),
            Kind::Float(number) => Part::leaf(Node::Const(Value::Double(*number)), Type::Number),
            Kind::Mark('(') => {
                let part = self.expression(0)?;
                self.expect(')')?;
                part
            }
            Kind::Mark('[') => self.list()?,
            Kind::Name(name) => self.name(name, *at)?,
            Kind::Operator(_) | Kind::Mark(_) => return Err(unexpected(&Token { at: *at, kind: kind.clone() })),
        };
        self.members(part)
    }

    fn signed(&mut self, sign: &str, at: usize) -> Result<Part, Fault> {
        let part = self.expression(SIGN)?;
        if !part.kind.may_be(Type::Number) {
            return Err(Fault::new(at, format!("invalid operation: {sign} (mismatched type {})", part.kind.what())));
        }
        Ok(match (sign, part) {
            ("+", part) => part,
            (_, Part { node: Node::Const(Value::Int(number)), .. }) => {
                Part::leaf(Node::Const(Value::Int(number.wrapping_neg())), Type::Number)
            }
            (_, part) => Part::over(Node::Negative(Box::new(part.node)), Type::Number, part.height),
        })
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

    fn unsupported(&self, at: usize, what: &str) -> Fault {
        Fault::new(at, format!("{what} is not supported in {}", self.language.about))
    }
}

/// How tightly an operator binds.
fn precedence_of(operator: &str) -> Option<u8> {
    Some(match operator {
        "or" => 10,
        "and" => 15,
        "==" | "!=" | "<" | ">" | "<=" | ">=" | "in" | "matches" | "contains" | "startsWith" | "endsWith" => 20,
        "+" | "-" => 30,
        "*" | "/" | "%" => 60,
        "**" | "^" => 100,
        "??" => 200,
        _ => return None,
    })
}

fn unexpected(token: &Token) -> Fault {
    let shown = match &token.kind {
        Kind::Operator(operator) => format!("Operator({operator:?})"),
        Kind::Mark(mark) if "()[]{}".contains(*mark) => format!("Bracket({:?})", mark.to_string()),
        Kind::Mark(mark) => format!("Operator({:?})", mark.to_string()),
        Kind::Name(name) => format!("Identifier({name:?})"),
        Kind::Text(text) => format!("String({text:?})"),
        Kind::Int(number) => format!("Number({:?})", number.to_string()),
        Kind::Float(number) => format!("Number({:?})", number.to_string()),
    };
    Fault::new(token.at, format!("unexpected token {shown}"))
}

fn negate(part: Part, at: usize) -> Result<Part, Fault> {
    if !part.kind.may_be(Type::Bool) {
        let what = part.kind.what();
        return Err(Fault::new(
            at,
            format!("invalid operation: not (mismatched type {what}); not binds tighter than comparisons"),
        ));
    }
    Ok(Part::over(Node::Not(Box::new(part.node)), Type::Bool, part.height))
}
