//! The context of a group that names none, as upstream's `context_inferrer.go` at v0.132.0 finds it.

use super::Parsed;
use super::fault::{Fault, Source};
use super::library;
use super::paths::prefix;
use super::symbols::symbol;
use crate::record::Context;
use crate::syntax::{Boolean, Path, Span, Spanned, Statement, Visitor};
use warren_pdata::Signal;

/// Names of contexts, those that see most first.
const PRIORITY: &[&str] =
    &["log", "datapoint", "metric", "spanevent", "span", "profile", "scope", "instrumentation_scope", "resource"];

/// What statements and conditions ask of their context.
#[derive(Default)]
struct Wanted {
    paths: Vec<String>,
    functions: Vec<String>,
    symbols: Vec<String>,
}

impl Visitor for Wanted {
    fn path(&mut self, path: &Path) {
        self.paths.push(prefix(path).map(|name| name.node.clone()).unwrap_or_default());
    }

    fn function(&mut self, name: &Spanned<String>) {
        self.functions.push(name.node.clone());
    }

    fn symbol(&mut self, name: &Spanned<String>) {
        self.symbols.push(name.node.clone());
    }
}

/// Why no context was found.
pub(super) struct NotInferred {
    /// The whole of it.
    pub fault: Fault,
    /// The context that was nearest: compiling for it tells more exactly what is wrong.
    pub nearest: Option<Context>,
}

/// Infers the context of a group.
pub(super) fn infer(
    signal: Signal,
    statements: &[Parsed<Statement>],
    conditions: &[Parsed<Boolean>],
) -> Result<Context, NotInferred> {
    let mut wanted = Wanted::default();
    statements.iter().for_each(|parsed| parsed.tree.visit(&mut wanted));
    conditions.iter().for_each(|parsed| parsed.tree.visit(&mut wanted));
    let place = |name: &str| PRIORITY.iter().position(|known| *known == name).unwrap_or(usize::MAX);
    let best = wanted.paths.iter().filter(|name| !name.is_empty()).min_by_key(|name| place(name));
    let texts = Texts::new(signal, statements, conditions);
    let Some(best) = best else { return Err(NotInferred { fault: texts.none(), nearest: None }) };
    let Some(context) = Context::named(best).filter(|context| Context::of(signal).contains(context)) else {
        let help = (best == "instrumentation_scope").then(|| "use `scope.` instead".to_owned());
        let fault = texts.invalid(&format!("inferred context {best:?} is not a valid candidate"), help);
        return Err(NotInferred { fault, nearest: None });
    };
    let missing = match wanted.missing(context) {
        None => return Ok(context),
        Some(missing) => missing,
    };
    let lower =
        Context::of(signal).iter().copied().filter(|other| *other != context && other.prefixes().contains(&context.name()));
    let mut fitting = lower.filter(|lower| wanted.missing(*lower).is_none());
    fitting.next().ok_or_else(|| {
        let name = wanted.functions.iter().find(|name| missing.contains(&format!("{name:?}")));
        let help = name.and_then(|name| library::suggestion(context, name));
        NotInferred { fault: texts.invalid(&missing, help), nearest: Some(context) }
    })
}

impl Wanted {
    /// What the context lacks.
    fn missing(&self, context: Context) -> Option<String> {
        let known = |name: &&String| library::editor(context, name).is_some() || library::converter(context, name).is_some();
        if let Some(function) = self.functions.iter().find(|name| !known(name)) {
            return Some(format!("inferred context \"{}\" does not support the function {function:?}", context.name()));
        }
        let symbol = self.symbols.iter().find(|name| symbol(context, name).is_none() && !known(name))?;
        Some(format!("inferred context \"{}\" does not support the enum symbol {symbol:?}", context.name()))
    }
}

/// What upstream's errors list.
struct Texts {
    contexts: String,
    statements: String,
    conditions: String,
    first: Option<(Source, String)>,
}

impl Texts {
    fn new(signal: Signal, statements: &[Parsed<Statement>], conditions: &[Parsed<Boolean>]) -> Self {
        let first = statements.iter().map(|parsed| (parsed.source, parsed.text.clone())).next();
        let first = first.or_else(|| conditions.iter().map(|parsed| (parsed.source, parsed.text.clone())).next());
        Self {
            contexts: quoted(Context::of(signal).iter().map(|context| context.name())),
            statements: quoted(statements.iter().map(|parsed| parsed.text.as_str())),
            conditions: quoted(conditions.iter().map(|parsed| parsed.text.as_str())),
            first,
        }
    }

    fn none(&self) -> Fault {
        let Self { contexts, statements, conditions, .. } = self;
        self.fault(
            format!(
                "unable to infer context from statements {statements} and conditions {conditions}, path's first segment must be a valid context name {contexts}, and at least one context must be capable of parsing all statements"
            ),
            Some("name a `context`, or begin paths with the name of one".into()),
        )
    }

    fn invalid(&self, reason: &str, help: Option<String>) -> Fault {
        let Self { contexts, statements, conditions, .. } = self;
        self.fault(
            format!(
                "unable to infer a valid context ({contexts}) from statements {statements} and conditions {conditions}: {reason}"
            ),
            help,
        )
    }

    fn fault(&self, message: String, help: Option<String>) -> Fault {
        let text = self.first.as_ref().map(|(_, text)| text.clone()).unwrap_or_default();
        Fault { source: Source::Group, text, span: Span::default(), message, help, warning: false }
    }
}

/// A list as Go's `%+q` prints it.
fn quoted<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    const SHOWN_BYTES_MAX: usize = 2_000;
    let mut out = String::from("[");
    for text in texts {
        if out.len() > SHOWN_BYTES_MAX {
            out.push_str(" …");
            break;
        }
        if out.len() > 1 {
            out.push(' ');
        }
        out.push_str(&format!("{text:?}"));
    }
    out + "]"
}
