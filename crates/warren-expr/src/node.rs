//! A compiled expression.

use crate::builtins::Builtin;
use warren_pdata::Value;
use warren_regex::Regex;

/// One part.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Const(Value),
    /// A name of the language.
    Name(u16),
    /// A function of the language.
    Call(u16, Vec<Node>),
    Builtin(&'static Builtin, Vec<Node>),
    /// The member of a map or list. An optional one ends the chain it is in when there is nothing to take it from.
    Member {
        of: Box<Node>,
        key: Box<Node>,
        optional: bool,
    },
    /// Where a chain of members ends.
    Chain(Box<Node>),
    List(Vec<Node>),
    Not(Box<Node>),
    Negative(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Equal(Box<[Node; 2]>),
    /// `a < b`, and `a < b < c`, which is `a < b and b < c`.
    Ordered(Box<Node>, Vec<(Order, Node)>),
    In(Box<[Node; 2]>),
    Matches(Box<Node>, Regex),
    Text(TextTest, Box<[Node; 2]>),
    Arithmetic(Operation, Box<[Node; 2]>),
    /// The first, unless it is nothing.
    Coalesce(Box<[Node; 2]>),
    Choice(Box<[Node; 3]>),
}

/// How two values are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What a text is asked about another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextTest {
    Contains,
    StartsWith,
    EndsWith,
}

/// What is done with two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
}

impl Order {
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    pub(crate) fn of(operator: &str) -> Option<Self> {
        [Self::Less, Self::LessOrEqual, Self::Greater, Self::GreaterOrEqual].into_iter().find(|order| order.sign() == operator)
    }

    pub(crate) fn holds<T: PartialOrd + ?Sized>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}

impl TextTest {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Contains => "contains",
            Self::StartsWith => "startsWith",
            Self::EndsWith => "endsWith",
        }
    }

    pub(crate) fn of(operator: &str) -> Option<Self> {
        [Self::Contains, Self::StartsWith, Self::EndsWith].into_iter().find(|test| test.word() == operator)
    }

    pub(crate) fn holds(self, left: &str, right: &str) -> bool {
        match self {
            Self::Contains => left.contains(right),
            Self::StartsWith => left.starts_with(right),
            Self::EndsWith => left.ends_with(right),
        }
    }
}

impl Operation {
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::Power => "**",
        }
    }

    pub(crate) fn of(operator: &str) -> Option<Self> {
        let all = [Self::Add, Self::Subtract, Self::Multiply, Self::Divide, Self::Remainder, Self::Power];
        let operator = if operator == "^" { "**" } else { operator };
        all.into_iter().find(|operation| operation.sign() == operator)
    }
}
