//! What converters and editors are: their signatures, and how they become something that can be called.
//!
//! A converter is one constant ([`Converter`]). When a statement is compiled, its arguments are bound to the parameters: literals are handed to
//! [`Converter::bind`], which checks them and prepares what it can (patterns, layouts), once. At run time the engine evaluates the other arguments,
//! brings each into the form that the parameter's [`Kind`] asks for (upstream's getters), and calls the result. An [`Editor`] is the same with a
//! [`Place`] to work on.

mod editor;
mod literal;

pub use editor::{Changes, Edit, Editor, Place};
pub(crate) use editor::{Form, MapEdit, PlaceEdit};
pub use literal::{Function, Literal, Literals};

use crate::functions::within_bounds;
use crate::record::{Context, Failure, Record};
use crate::value::Val;
use std::sync::Arc;
use warren_pdata::Text;

/// A function that computes a value from others and changes nothing.
#[derive(Clone, Copy)]
pub struct Converter {
    /// Its name.
    pub name: &'static str,
    /// Its parameters, in the order of positional arguments.
    pub params: &'static [Param],
    /// What it yields.
    pub yields: Yields,
    /// Checks the literals and prepares the call.
    ///
    /// # Errors
    /// In upstream's words, when a literal does not do.
    pub bind: fn(&Literals<'_>) -> Result<Call, String>,
}

/// A converter whose literals are bound.
pub struct Call {
    any: AnyCall,
    texts: Option<TextsCall>,
    entries: Option<EntriesCall>,
}

type AnyCall = Box<dyn Fn(Args<'_>) -> Result<Val, Failure> + Send + Sync>;
/// A call for texts alone.
pub(crate) enum TextsCall {
    /// Says whether something holds of it.
    Tests(TestCall),
    /// Yields its result.
    Yields(YieldCall),
    /// Appends to its result, a text, what comes of one item; called for each of them, with its place.
    Appends(AppendCall),
}

pub(crate) type TestCall = Arc<dyn Fn(&str) -> bool + Send + Sync>;
pub(crate) type YieldCall = Box<dyn Fn(&str) -> Result<Val, Failure> + Send + Sync>;
pub(crate) type AppendCall = Box<dyn Fn(usize, &str, &mut String) -> Result<(), Failure> + Send + Sync>;
/// A call for one text that yields a map, entry by entry.
pub(crate) type EntriesCall = Box<dyn Fn(&str, &mut dyn FnMut(&Text, &str)) + Send + Sync>;

impl Call {
    /// A call for any arguments.
    pub fn new(any: impl Fn(Args<'_>) -> Result<Val, Failure> + Send + Sync + 'static) -> Self {
        Self { any: Box::new(any), texts: None, entries: None }
    }

    /// A call that says whether something holds of its first argument, the only one that is no literal; of what is no text it does not.
    pub fn testing(test: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        let test: TestCall = Arc::new(test);
        let same = test.clone();
        let any = move |args: Args<'_>| Ok(Val::Bool(matches!(args.get(0), Val::Str(text) if same(text))));
        Self { any: Box::new(any), texts: Some(TextsCall::Tests(test)), entries: None }
    }

    /// With a second way for the one argument that is no literal, which must be the first, if it is text: it is then lent as it lies in the
    /// record. It must give the same result.
    #[must_use]
    pub fn of_text(mut self, text: impl Fn(&str) -> Result<Val, Failure> + Send + Sync + 'static) -> Self {
        self.texts = Some(TextsCall::Yields(Box::new(text)));
        self
    }

    /// With a second way for a list of expressions that are all texts and are put together to one. It is made only where there is none like it.
    #[must_use]
    pub(crate) fn appending(
        mut self,
        append: impl Fn(usize, &str, &mut String) -> Result<(), Failure> + Send + Sync + 'static,
    ) -> Self {
        self.texts = Some(TextsCall::Appends(Box::new(append)));
        self
    }

    /// With a third way for one text, as for [`Call::of_text`], that tells the entries of the map which the others yield, in its order.
    #[must_use]
    pub(crate) fn by_entry(mut self, entries: impl Fn(&str, &mut dyn FnMut(&Text, &str)) + Send + Sync + 'static) -> Self {
        self.entries = Some(Box::new(entries));
        self
    }

    /// Its result.
    ///
    /// # Errors
    /// What the converter fails with, and when its result is a text that is too long.
    pub fn call(&self, args: Args<'_>) -> Result<Val, Failure> {
        bounded((self.any)(args))
    }

    /// The result for a text that is lent, if there is a way for that.
    #[inline]
    pub(crate) fn of_lent(&self, text: &str) -> Option<Result<Val, Failure>> {
        match self.texts.as_ref()? {
            TextsCall::Tests(test) => Some(Ok(Val::Bool(test(text)))),
            TextsCall::Yields(yields) => Some(bounded(yields(text))),
            TextsCall::Appends(_) => None,
        }
    }

    /// The way for texts, if there is one.
    pub(crate) fn texts(&self) -> Option<&TextsCall> {
        self.texts.as_ref()
    }

    /// The way that tells entries, if there is one.
    pub(crate) fn entries(&self) -> Option<&EntriesCall> {
        self.entries.as_ref()
    }
}

/// Refuses a text that is too long.
#[inline]
fn bounded(result: Result<Val, Failure>) -> Result<Val, Failure> {
    if let Ok(Val::Str(text)) = &result {
        within_bounds(text.len())?;
    }
    result
}

/// A parameter.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// The name for named arguments, in snake case.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Whether it can be left out.
    pub optional: bool,
}

/// A parameter that must be given.
pub const fn param(name: &'static str, kind: Kind) -> Param {
    Param { name, kind, optional: false }
}

/// A parameter that can be left out.
pub const fn optional(name: &'static str, kind: Kind) -> Param {
    Param { name, kind, optional: true }
}

/// What a parameter takes, and in which form the call gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any value, as it is.
    Any,
    /// Text and nothing else.
    Str,
    /// A whole number and nothing else.
    Int,
    /// A fraction and nothing else.
    Float,
    /// A boolean and nothing else.
    Bool,
    /// A map and nothing else.
    Map,
    /// A list, typed or not.
    List,
    /// A time and nothing else.
    Time,
    /// A duration and nothing else.
    Duration,
    /// Whatever has a text form; nothing stays nothing.
    StrLike,
    /// Whatever can be read as a whole number; nothing where it cannot.
    IntLike,
    /// Whatever can be read as a fraction.
    FloatLike,
    /// Whatever can be read as a boolean.
    BoolLike,
    /// Whatever has a form in bytes.
    BytesLike,
    /// A text literal.
    LitStr,
    /// A whole number literal.
    LitInt,
    /// A fraction literal; `10` is none, `10.0` is.
    LitFloat,
    /// `true` or `false`.
    LitBool,
    /// A bytes literal.
    LitBytes,
    /// A list literal of text literals.
    LitStrs,
    /// A list literal of fraction literals.
    LitFloats,
    /// A list literal of expressions. A function has at most one such parameter; its items are [`Args::items`].
    Items,
    /// As [`Kind::Items`], each item as [`Kind::StrLike`].
    StrLikeItems,
    /// A path that an editor reads and writes: [`Place`]. An editor has at most one, its first parameter.
    Target,
    /// As [`Kind::Target`]; what the path leads to must be a map when the editor runs.
    TargetMap,
    /// The bare name of a converter of one argument: [`Literal::Function`].
    Function,
}

/// What a converter yields, as far as it is known before it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Yields {
    /// Anything.
    Any,
    /// Text.
    Str,
    /// A whole number.
    Int,
    /// A fraction.
    Float,
    /// A boolean.
    Bool,
    /// Bytes.
    Bytes,
    /// A map.
    Map,
    /// A list.
    List,
    /// A time.
    Time,
    /// A duration.
    Duration,
    /// The identity of a trace.
    TraceId,
    /// The identity of a span.
    SpanId,
}

/// A converter that looks at the record besides its arguments.
#[derive(Clone, Copy)]
pub struct RecordConverter {
    /// Its name.
    pub name: &'static str,
    /// Its parameters: literals only.
    pub params: &'static [Param],
    /// The contexts it exists in.
    pub contexts: &'static [Context],
    /// Checks the literals and prepares the call.
    ///
    /// # Errors
    /// In upstream's words, when a literal does not do.
    pub bind: fn(&Literals<'_>) -> Result<RecordCall, String>,
}

/// A converter of a record whose literals are bound.
pub type RecordCall = Box<dyn Fn(&Record<'_>) -> Result<Val, Failure> + Send + Sync>;

/// The evaluated arguments of a call.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    /// One value for each parameter, in the form its kind asks for; `Nil` for literals' places, lists of expressions and what is left out.
    pub values: &'a [Val],
    /// The items of the list of expressions, if the function has one.
    pub items: &'a [Val],
}

impl<'a> Args<'a> {
    /// The value of a parameter; nothing if it is left out.
    pub fn get(&self, param: usize) -> &'a Val {
        const NIL: &Val = &Val::Nil;
        self.values.get(param).unwrap_or(NIL)
    }

    /// The text of a parameter of kind [`Kind::Str`]; empty if it is left out.
    pub fn text(&self, param: usize) -> &'a str {
        match self.get(param) {
            Val::Str(text) => text,
            _ => "",
        }
    }

    /// The whole number of a parameter of kind [`Kind::Int`].
    pub fn int(&self, param: usize) -> Option<i64> {
        match self.get(param) {
            Val::Int(value) => Some(*value),
            _ => None,
        }
    }
}
