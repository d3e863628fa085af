//! XPath 1.0 over [`Document`]: paths with all axes but `namespace`, predicates, operators, the functions of the recommendation, and those that
//! upstream's library adds (`ends-with`, `matches`, `replace`, `lower-case`, `string-join`, `reverse`).
//!
//! A path is read once ([`read`]) and evaluated for each document ([`eval`]) within a bound of steps. As in upstream's library, texts of nothing but
//! spaces are passed over unless they stand first in their element, a union has the parts of its left side first, a name with a prefix matches
//! the prefix as it is written, and what follows a whole path is ignored. Comparisons and positions follow the recommendation, also where upstream's
//! library errs or panics.

mod call;
mod eval;
mod lex;
mod read;

use super::tree::{Document, Id};
use crate::Failure;

/// A path that was read.
#[derive(Debug)]
pub(in super::super) struct XPath(Expr);

/// A selected part of a document, in the order of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in super::super) struct Selected {
    /// The node.
    pub(in super::super) node: Id,
    /// Which of its attributes, if one is selected.
    pub(in super::super) attribute: Option<usize>,
}

impl XPath {
    /// Reads a path.
    ///
    /// # Errors
    /// In the words of upstream's library.
    pub(in super::super) fn new(text: &str) -> Result<Self, String> {
        read::read(text).map(Self)
    }

    /// The parts that the path selects; none if it yields anything else.
    ///
    /// # Errors
    /// When that takes too many steps.
    pub(in super::super) fn select(&self, document: &Document<'_>) -> Result<Vec<Selected>, Failure> {
        eval::select(&self.0, document)
    }
}

#[derive(Debug)]
enum Expr {
    Number(f64),
    Text(Box<str>),
    Path { start: Start, steps: Vec<Step> },
    Filter { input: Box<Expr>, predicate: Box<Expr> },
    Union(Box<Expr>, Box<Expr>),
    Binary(Operator, Box<Expr>, Box<Expr>),
    Negated(Box<Expr>),
    Call(call::Function, Vec<Expr>),
}

/// Where a path begins.
#[derive(Debug)]
enum Start {
    Root,
    Context,
    Expr(Box<Expr>),
}

#[derive(Debug)]
struct Step {
    axis: Axis,
    test: Test,
    predicates: Vec<Expr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Axis {
    Ancestor,
    AncestorOrSelf,
    Attribute,
    Child,
    Descendant,
    DescendantOrSelf,
    Following,
    FollowingSibling,
    Parent,
    Preceding,
    PrecedingSibling,
    SelfNode,
}

/// Which nodes of an axis are taken.
#[derive(Debug)]
enum Test {
    /// Elements or attributes of this name; no prefix and no name for all of them.
    Name {
        prefix: Box<str>,
        local: Option<Box<str>>,
    },
    Node,
    Text,
    Comment,
    Instruction(Option<Box<str>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}
