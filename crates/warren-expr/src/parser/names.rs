//! Names and what may follow them: members, calls; and lists.

use super::{HEIGHT_MAX, Parser, Part, unexpected};
use crate::Type;
use crate::builtins::{BUILTINS, Builtin};
use crate::fault::Fault;
use crate::lexer::Kind;
use crate::node::Node;
use warren_pdata::Value;

impl Parser<'_> {
    /// `.name`, `["name"]`, `[0]`, each also after `?`.
    pub(super) fn members(&mut self, mut part: Part) -> Result<Part, Fault> {
        let mut any_optional = false;
        loop {
            let at = self.at();
            let optional = self.is_optional_member();
            self.place += usize::from(optional);
            any_optional |= optional;
            let dot = self.takes('.');
            // Behind `?.` a bracket may stand as well as a name.
            let key = if (optional || !dot) && self.takes('[') {
                let key = self.expression(0)?;
                if self.peek().is_some_and(|token| token.kind == Kind::Mark(':')) {
                    return Err(self.unsupported(at, "a slice"));
                }
                self.expect(']')?;
                part.height = part.height.max(key.height);
                key.node
            } else if dot {
                Node::Const(Value::from(self.member_name()?.as_str()))
            } else {
                break;
            };
            if !(part.kind.may_be(Type::Map) || part.kind == Type::List || part.kind == Type::Nil) {
                return Err(Fault::new(at, format!("{} has no members", part.kind.what())));
            }
            let node = Node::Member { of: Box::new(part.node), key: Box::new(key), optional };
            part = Part::over(node, Type::Any, part.height);
            if part.height > HEIGHT_MAX {
                return Err(Fault::new(at, "expression nests too deeply"));
            }
        }
        if self.peek().is_some_and(|token| token.kind == Kind::Mark('(')) && matches!(part.node, Node::Member { .. }) {
            return Err(self.unsupported(self.at(), "calling a member"));
        }
        let height = part.height;
        Ok(if any_optional { Part::over(Node::Chain(Box::new(part.node)), Type::Any, height) } else { part })
    }

    /// Whether `?.` follows: no choice, whose `?` is not followed by a dot at once.
    fn is_optional_member(&self) -> bool {
        match (self.tokens.get(self.place), self.tokens.get(self.place + 1)) {
            (Some(question), Some(dot)) => {
                question.kind == Kind::Mark('?') && dot.kind == Kind::Mark('.') && dot.at == question.at + 1
            }
            _ => false,
        }
    }

    fn member_name(&mut self) -> Result<String, Fault> {
        let Some(token) = self.tokens.get(self.place) else { return Err(self.ended()) };
        self.place += 1;
        match &token.kind {
            Kind::Name(name) => Ok(name.clone()),
            // Words that are operators elsewhere.
            Kind::Operator(word) if word.starts_with(|c: char| c.is_ascii_alphabetic()) => Ok((*word).to_owned()),
            _ => Err(unexpected(token)),
        }
    }

    pub(super) fn list(&mut self) -> Result<Part, Fault> {
        let all = self.until(']')?;
        let height = all.iter().map(|part| part.height).max().unwrap_or(0);
        let nodes: Vec<Node> = all.into_iter().map(|part| part.node).collect();
        let constants = nodes.iter().map(|node| if let Node::Const(value) = node { Some(value.clone()) } else { None });
        let node = match constants.collect::<Option<Vec<_>>>() {
            Some(values) => Node::Const(Value::list(values)),
            None => Node::List(nodes),
        };
        Ok(Part::over(node, Type::List, height))
    }

    /// Expressions with commas between them, up to a closing mark.
    fn until(&mut self, mark: char) -> Result<Vec<Part>, Fault> {
        let mut all = Vec::new();
        while !self.takes(mark) {
            if !all.is_empty() {
                self.expect(',')?;
                // A comma may stand at the end.
                if self.takes(mark) {
                    break;
                }
            }
            all.push(self.expression(0)?);
        }
        Ok(all)
    }

    pub(super) fn name(&mut self, name: &str, at: usize) -> Result<Part, Fault> {
        if self.takes('(') {
            return self.call(name, at);
        }
        let known = self.language.names.iter().find(|(known, ..)| *known == name);
        match (name, known) {
            ("true" | "false", _) => Ok(Part::leaf(Node::Const(Value::Bool(name == "true")), Type::Bool)),
            ("nil", _) => Ok(Part::leaf(Node::Const(Value::Empty), Type::Nil)),
            (_, Some((_, number, kind))) => Ok(Part::leaf(Node::Name(*number), *kind)),
            (_, None) if self.language.refused.contains(&name) => Err(self.unsupported(at, name)),
            (_, None) if self.language.unknown_is_nil => Ok(Part::leaf(Node::Const(Value::Empty), Type::Any)),
            (_, None) => {
                let names = self.language.names.iter().map(|(name, ..)| *name);
                let all: Vec<&str> = names.chain(self.language.functions.iter().map(|function| function.name)).collect();
                let (last, others) = all.split_last().unwrap_or((&"none", &[]));
                Err(Fault::new(at, format!("unknown name {name}, there are {} and {last}", others.join(", "))))
            }
        }
    }

    fn call(&mut self, name: &str, at: usize) -> Result<Part, Fault> {
        let own = self.language.functions.iter().find(|function| function.name == name);
        let builtin: Option<&'static Builtin> = BUILTINS.iter().find(|builtin| builtin.name == name);
        let (params, least, yields) = match (own, builtin) {
            (Some(own), _) => (own.params, own.params.len(), own.yields),
            (None, Some(builtin)) => (builtin.params, builtin.least, builtin.yields),
            (None, None) => return Err(self.unsupported(at, &format!("function {name}"))),
        };
        let args = self.until(')')?;
        if args.len() < least {
            return Err(Fault::new(at, format!("not enough arguments to call {name}")));
        }
        if args.len() > params.len() {
            return Err(Fault::new(at, format!("too many arguments to call {name}")));
        }
        if let Some((arg, param)) = args.iter().zip(params).find(|(arg, param)| !arg.kind.may_be(**param)) {
            let (given, wanted) = (arg.kind.what(), param.what());
            return Err(Fault::new(at, format!("cannot use {given} as argument to call {name}, which takes {wanted}")));
        }
        let height = args.iter().map(|arg| arg.height).max().unwrap_or(0);
        let args = args.into_iter().map(|arg| arg.node).collect();
        let node = match (own, builtin) {
            (Some(own), _) => {
                self.calls = true;
                Node::Call(own.number, args)
            }
            (None, Some(builtin)) => Node::Builtin(builtin, args),
            (None, None) => return Err(self.unsupported(at, name)),
        };
        Ok(Part::over(node, yields, height))
    }
}
