//! Paths from text, by recursive descent.

use super::call::Function;
use super::lex::{Token, token};
use super::{Axis, Expr, Operator, Start, Step, Test};

/// Expressions within each other.
const DEPTH_MAX: usize = 64;

/// Parts of one path.
const PARTS_MAX: usize = 10_000;

const NO_NODES: &str = "expression must evaluate to a node-set";

/// Operators by how tightly they bind, loosest first.
const LEVELS: [&[(&str, Operator)]; 6] = [
    &[("or", Operator::Or)],
    &[("and", Operator::And)],
    &[("=", Operator::Equal), ("!=", Operator::NotEqual)],
    &[("<", Operator::Less), ("<=", Operator::LessOrEqual), (">", Operator::Greater), (">=", Operator::GreaterOrEqual)],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("*", Operator::Multiply), ("div", Operator::Divide), ("mod", Operator::Modulo)],
];

pub(super) fn read(text: &str) -> Result<Expr, String> {
    if text.is_empty() {
        return Err("expr expression is nil".to_owned());
    }
    let mut reader = Reader { token: Token::End, rest: text, depth: 0, parts: 0 };
    reader.advance()?;
    reader.expression()
}

struct Reader<'a> {
    token: Token,
    rest: &'a str,
    depth: usize,
    parts: usize,
}

impl Reader<'_> {
    fn advance(&mut self) -> Result<Token, String> {
        self.parts += 1;
        if self.parts > PARTS_MAX {
            return Err("the xpath expressions is too complex".to_owned());
        }
        let (next, rest) = token(self.rest)?;
        self.rest = rest;
        Ok(std::mem::replace(&mut self.token, next))
    }

    fn at(&self, mark: &str) -> bool {
        matches!(&self.token, Token::Mark(found) if *found == mark)
    }

    fn take(&mut self, mark: &str) -> Result<bool, String> {
        let found = self.at(mark);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn expect(&mut self, mark: &str) -> Result<(), String> {
        if self.take(mark)? { Ok(()) } else { Err(format!("{mark} is missing before `{}`", self.rest)) }
    }

    fn expression(&mut self) -> Result<Expr, String> {
        self.enter()?;
        let expr = self.level(0)?;
        self.depth -= 1;
        Ok(expr)
    }

    fn enter(&mut self) -> Result<(), String> {
        if self.depth == DEPTH_MAX {
            return Err(format!("the xpath query is too complex(depth > {DEPTH_MAX})"));
        }
        self.depth += 1;
        Ok(())
    }

    fn level(&mut self, level: usize) -> Result<Expr, String> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.level(level + 1)?;
        while let Some(operator) = self.operator(operators) {
            self.advance()?;
            let right = self.level(level + 1)?;
            left = Expr::Binary(operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn operator(&self, operators: &[(&str, Operator)]) -> Option<Operator> {
        let found: &str = match &self.token {
            Token::Mark(mark) => mark,
            Token::Name { prefix, local, .. } if prefix.is_empty() => local,
            _ => return None,
        };
        operators.iter().find(|(text, _)| *text == found).map(|(_, operator)| *operator)
    }

    fn unary(&mut self) -> Result<Expr, String> {
        let mut negated = false;
        while self.take("-")? {
            negated = !negated;
        }
        let mut expr = self.path()?;
        while self.take("|")? {
            expr = Expr::Union(Box::new(expr), Box::new(self.path()?));
        }
        Ok(if negated { Expr::Negated(Box::new(expr)) } else { expr })
    }

    /// A primary expression with steps behind it, or steps alone.
    fn path(&mut self) -> Result<Expr, String> {
        let Some(mut expr) = self.primary()? else { return self.location() };
        while self.at("[") {
            let predicate = Box::new(self.predicate()?);
            expr = Expr::Filter { input: Box::new(expr), predicate };
        }
        let mut steps = Vec::new();
        if self.take("//")? {
            steps.push(any_descendant());
        } else if !self.take("/")? {
            return Ok(expr);
        }
        self.steps(&mut steps)?;
        Ok(Expr::Path { start: Start::Expr(Box::new(expr)), steps })
    }

    fn primary(&mut self) -> Result<Option<Expr>, String> {
        Ok(Some(match &self.token {
            Token::Number(value) => {
                let value = *value;
                self.advance()?;
                Expr::Number(value)
            }
            Token::Text(text) => {
                let text = text.clone();
                self.advance()?;
                Expr::Text(text)
            }
            Token::Mark("(") => {
                self.advance()?;
                let expr = self.expression()?;
                self.expect(")")?;
                expr
            }
            Token::Mark("$") => {
                self.advance()?;
                let Token::Name { local, .. } = &self.token else { return Err(NO_NODES.to_owned()) };
                return Err(format!("undeclared variable in XPath expression: ${local}"));
            }
            Token::Name { prefix, local, function: true } if !(prefix.is_empty() && is_node_type(local)) => {
                let name = local.clone();
                self.advance()?;
                self.advance()?;
                let mut arguments = Vec::new();
                if !self.at(")") {
                    arguments.push(self.expression()?);
                    while self.take(",")? {
                        arguments.push(self.expression()?);
                    }
                }
                self.expect(")")?;
                let function = Function::new(&name, &arguments)?;
                Expr::Call(function, arguments)
            }
            _ => return Ok(None),
        }))
    }

    fn predicate(&mut self) -> Result<Expr, String> {
        self.expect("[")?;
        let expr = self.expression()?;
        self.expect("]")?;
        Ok(expr)
    }

    fn location(&mut self) -> Result<Expr, String> {
        let mut steps = Vec::new();
        let start = if self.take("//")? {
            steps.push(any_descendant());
            self.steps(&mut steps)?;
            Start::Root
        } else if self.take("/")? {
            let step = matches!(self.token, Token::Mark("." | ".." | "@" | "*") | Token::Name { .. } | Token::Axis(_));
            if step {
                self.steps(&mut steps)?;
            }
            Start::Root
        } else {
            self.steps(&mut steps)?;
            Start::Context
        };
        Ok(Expr::Path { start, steps })
    }

    fn steps(&mut self, steps: &mut Vec<Step>) -> Result<(), String> {
        loop {
            self.step(steps)?;
            if self.take("//")? {
                steps.push(any_descendant());
            } else if !self.take("/")? {
                return Ok(());
            }
        }
    }

    fn step(&mut self, steps: &mut Vec<Step>) -> Result<(), String> {
        let (axis, test) = if self.take("..")? {
            (Axis::Parent, Test::Node)
        } else if self.take(".")? {
            (Axis::SelfNode, Test::Node)
        } else if self.take("(")? {
            // A single step in parentheses.
            self.enter()?;
            self.step(steps)?;
            self.depth -= 1;
            return self.expect(")");
        } else {
            let axis = self.axis()?;
            (axis, self.test()?)
        };
        let mut predicates = Vec::new();
        while self.at("[") {
            predicates.push(self.predicate()?);
        }
        // `//name` without positions is every descendant of that name.
        if let (Axis::Child, true, Some(last)) = (axis, predicates.is_empty(), steps.last_mut())
            && last.axis == Axis::DescendantOrSelf
            && last.predicates.is_empty()
            && matches!(last.test, Test::Node)
        {
            *last = Step { axis: Axis::Descendant, test, predicates };
        } else {
            steps.push(Step { axis, test, predicates });
        }
        Ok(())
    }

    fn axis(&mut self) -> Result<Axis, String> {
        if self.take("@")? {
            return Ok(Axis::Attribute);
        }
        let Token::Axis(name) = &self.token else { return Ok(Axis::Child) };
        let axis = match &**name {
            "ancestor" => Axis::Ancestor,
            "ancestor-or-self" => Axis::AncestorOrSelf,
            "attribute" => Axis::Attribute,
            "child" => Axis::Child,
            "descendant" => Axis::Descendant,
            "descendant-or-self" => Axis::DescendantOrSelf,
            "following" => Axis::Following,
            "following-sibling" => Axis::FollowingSibling,
            "parent" => Axis::Parent,
            "preceding" => Axis::Preceding,
            "preceding-sibling" => Axis::PrecedingSibling,
            "self" => Axis::SelfNode,
            _ => return Err(format!("unknown axe type: {name}")),
        };
        self.advance()?;
        Ok(axis)
    }

    fn test(&mut self) -> Result<Test, String> {
        if self.take("*")? {
            return Ok(Test::Name { prefix: "".into(), local: None });
        }
        let Token::Name { prefix, local, function } = self.advance()? else { return Err(NO_NODES.to_owned()) };
        if !(function && prefix.is_empty() && is_node_type(&local)) {
            let local = (&*local != "*").then_some(local);
            return Ok(Test::Name { prefix, local });
        }
        self.expect("(")?;
        let mut target = None;
        if &*local == "processing-instruction"
            && let Token::Text(text) = &self.token
        {
            target = Some(text.clone());
            self.advance()?;
        }
        self.expect(")")?;
        Ok(match &*local {
            "comment" => Test::Comment,
            "text" => Test::Text,
            "node" => Test::Node,
            _ => Test::Instruction(target),
        })
    }
}

fn is_node_type(name: &str) -> bool {
    matches!(name, "node" | "text" | "comment" | "processing-instruction")
}

fn any_descendant() -> Step {
    Step { axis: Axis::DescendantOrSelf, test: Test::Node, predicates: Vec::new() }
}
