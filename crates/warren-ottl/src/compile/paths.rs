//! Paths in statements: whose they are, and the texts that upstream's errors and messages show.

use super::fault::{Problem, Source};
use super::{Compiler, Parsed};
use crate::path::{Index, resolve};
use crate::program::{Expr, KeyExpr, Keys, PathExpr};
use crate::syntax::{self, Field, Key, Path, Spanned, Visitor};
use crate::value::Val;

/// Whether paths begin with the name of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    /// They must.
    Required,
    /// Where it is missing, that of the statement's own context is meant, and the user is asked to write it.
    Added,
    /// It can be missing.
    Optional,
}

/// The first segment, if it can be a context's name.
pub(super) fn prefix(path: &Path) -> Option<&Spanned<String>> {
    match path.fields.as_slice() {
        [first, _, ..] if first.keys.is_empty() => Some(&first.name),
        _ => None,
    }
}

impl Compiler {
    pub(super) fn path(&self, path: &Path) -> Result<PathExpr, Problem> {
        let named = prefix(path).and_then(|name| self.context.prefix(&name.node));
        let mut text = path_text(&path.fields);
        let (owner, segments) = match named {
            Some(owner) => (owner, path.fields.get(1..).unwrap_or_default()),
            None if self.prefix == Prefix::Required => return Err(self.unnamed(path, &text)),
            None => {
                if self.prefix == Prefix::Added {
                    text.insert_str(0, &format!("{}.", self.context.name()));
                }
                (self.context, path.fields.as_slice())
            }
        };
        let resolved = resolve(segments, owner, self.context, &text);
        let (field, keys) = resolved.map_err(|error| Problem::new(error.span, error.message).help(error.hint))?;
        Ok(PathExpr { field: self.field(field), keys: self.keys(keys)? })
    }

    /// What is said of a path without a context's name.
    fn unnamed(&self, path: &Path, text: &str) -> Problem {
        let options = |suffix: &str| {
            let options: Vec<String> = self.context.prefixes().iter().map(|name| format!("\"{name}{suffix}\"")).collect();
            options.join(", ")
        };
        match prefix(path) {
            Some(name) => {
                let message = format!(
                    "context {:?} from path {text:?} is not valid, it must be replaced by one of: {}",
                    name.node,
                    options("")
                );
                let near = warren_config::nearest(&name.node, self.context.prefixes().iter().copied());
                Problem::new(name.span, message).help(near.map(|near| format!("did you mean `{near}`?")))
            }
            None => {
                let options = options(&format!(".{text}"));
                let message = format!("missing context name for path {text:?}, possibly valid options are: {options}");
                Problem::new(path.span, message)
            }
        }
    }

    pub(super) fn keys(&self, keys: &[Key]) -> Result<Keys, Problem> {
        let one = |key: &Key| {
            Ok(match key {
                Key::Text(text) => KeyExpr::Fixed(Index::Text(warren_pdata::key(&text.node))),
                Key::Int(at) => KeyExpr::Fixed(Index::Int(at.node)),
                Key::Expression(value) => match self.value(value)? {
                    Expr::Const(Val::Str(text)) => KeyExpr::Fixed(Index::Text(text)),
                    Expr::Const(Val::Int(at)) => KeyExpr::Fixed(Index::Int(at)),
                    expr => KeyExpr::Computed(expr),
                },
            })
        };
        let keys: Vec<KeyExpr> = keys.iter().map(one).collect::<Result<_, Problem>>()?;
        let fixed: Option<Box<[Index]>> =
            keys.iter().map(|key| if let KeyExpr::Fixed(index) = key { Some(index.clone()) } else { None }).collect();
        Ok(fixed.map_or_else(|| Keys::Computed(keys.into()), Keys::Fixed))
    }

    /// Every text in which a context's name is missing, as it was written and as it should be.
    pub(super) fn modified(
        &self,
        statements: &[Parsed<syntax::Statement>],
        conditions: &[Parsed<syntax::Boolean>],
    ) -> Vec<(Source, String, String)> {
        if self.prefix != Prefix::Added {
            return Vec::new();
        }
        let mut modified = Vec::new();
        let mut add = |source: Source, text: &String, visit: &dyn Fn(&mut dyn Visitor)| {
            let mut bare = Bare { compiler: self, places: Vec::new() };
            visit(&mut bare);
            if bare.places.is_empty() {
                return;
            }
            bare.places.sort_unstable();
            let mut right = text.clone();
            for place in bare.places.into_iter().rev().filter(|place| text.is_char_boundary(*place)) {
                right.insert_str(place, &format!("{}.", self.context.name()));
            }
            modified.push((source, text.clone(), right));
        };
        statements.iter().for_each(|parsed| add(parsed.source, &parsed.text, &|visitor| parsed.tree.visit(visitor)));
        conditions.iter().for_each(|parsed| add(parsed.source, &parsed.text, &|visitor| parsed.tree.visit(visitor)));
        modified
    }
}

/// Finds paths without a context's name.
struct Bare<'c> {
    compiler: &'c Compiler,
    places: Vec<usize>,
}

impl Visitor for Bare<'_> {
    fn path(&mut self, path: &Path) {
        if prefix(path).and_then(|name| self.compiler.context.prefix(&name.node)).is_none() {
            self.places.push(path.span.start);
        }
    }

    fn function(&mut self, _: &Spanned<String>) {}

    fn symbol(&mut self, _: &Spanned<String>) {}
}

/// A path as upstream's errors show it: keys without quotes.
fn path_text(fields: &[Field]) -> String {
    let mut text = String::new();
    for field in fields {
        if !text.is_empty() {
            text.push('.');
        }
        text.push_str(&field.name.node);
        for key in &field.keys {
            match key {
                Key::Text(key) => text.push_str(&format!("[{}]", key.node)),
                Key::Int(at) => text.push_str(&format!("[{}]", at.node)),
                Key::Expression(_) => {}
            }
        }
    }
    text
}
