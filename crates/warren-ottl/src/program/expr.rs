//! Compiled expressions: evaluated against a record, borrowing from it where they can.

use super::memo::Memo;
use crate::arithmetic::calculate;
use crate::function::{AppendCall, Args, Call, EntriesCall, Kind, RecordCall, TextsCall};
use crate::getter::coerce;
use crate::path::{self, Field, Index, read_result};
use crate::record::{Failure, Record};
use crate::room::{self, Room};
use crate::value::{Got, Val};
use smallvec::SmallVec;
use warren_pdata::{Attrs, Text, Value};

/// An expression.
pub(crate) enum Expr {
    /// A constant.
    Const(Val),
    /// A place in the record.
    Path(PathExpr),
    /// A converter's result.
    Call(Box<CallExpr>),
    /// The result of a converter that looks at the record.
    RecordCall(RecordCall),
    /// A list.
    List(Box<[Expr]>),
    /// A part of a list or map that is written out, where upstream takes plain values only ([`Expr::plain`]).
    Plain {
        /// The value.
        value: Box<Expr>,
        /// Whether it is the item of a list: then it is no map either.
        in_list: bool,
    },
    /// A map.
    Map(Box<[(Text, Expr)]>),
    /// Two values combined.
    Arithmetic(Box<(Expr, char, Expr)>),
}

/// A place in the record.
pub(crate) struct PathExpr {
    pub field: Field,
    pub keys: Keys,
}

/// Indexes behind a path or a call.
pub(crate) enum Keys {
    /// All known beforehand.
    Fixed(Box<[Index]>),
    /// Some computed for each record.
    Computed(Box<[KeyExpr]>),
}

/// One index of which some are computed.
pub(crate) enum KeyExpr {
    Fixed(Index),
    Computed(Expr),
}

/// A call with its arguments.
pub(crate) struct CallExpr {
    call: Call,
    /// Whether equal arguments give equal results.
    pub pure: bool,
    pub args: Arguments,
    pub keys: Keys,
    way: Way,
}

/// By which of its ways a call is called first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// With its first argument, the only one that is no literal, if that is text.
    Text,
    /// With its items, of which there are at least two, if they are texts.
    Texts,
    Any,
}

/// The arguments of a call that are evaluated for each record.
pub(crate) struct Arguments {
    /// By parameter; `None` for literals, targets and what is left out.
    pub values: Box<[Option<(Kind, Expr)>]>,
    /// The items of the list of expressions.
    pub items: Box<[Expr]>,
    /// In which form items are wanted.
    pub item_kind: Kind,
}

impl CallExpr {
    /// A call with these arguments, and indexes behind it.
    pub(crate) fn new(call: Call, pure: bool, args: Arguments, keys: Keys) -> Self {
        let no_values = |values: &[Option<(Kind, Expr)>]| values.iter().all(Option::is_none);
        let way = match (call.texts(), &*args.values, &*args.items) {
            (
                Some(TextsCall::Tests(_) | TextsCall::Yields(_)),
                [Some((Kind::Any | Kind::Str | Kind::StrLike, _)), rest @ ..],
                [],
            ) if no_values(rest) => Way::Text,
            (Some(TextsCall::Appends(_)), values, [_, _, ..]) if no_values(values) => Way::Texts,
            _ => Way::Any,
        };
        Self { call, pure, args, keys, way }
    }

    /// Its result, if that is the same for all records.
    pub(crate) fn folded(self) -> Expr {
        let constant = |argument: &Option<(Kind, Expr)>| matches!(argument, None | Some((_, Expr::Const(_))));
        let items = self.args.items.iter().all(|item| matches!(item, Expr::Const(_)));
        let keys = matches!(self.keys, Keys::Fixed(_));
        if !(self.pure && items && keys && self.args.values.iter().all(constant)) {
            return Expr::Call(Box::new(self));
        }
        // What fails is left to fail on each record.
        match self.result_of_constants() {
            Some(value) => Expr::Const(value),
            None => Expr::Call(Box::new(self)),
        }
    }

    fn result_of_constants(&self) -> Option<Val> {
        let evaluated = self.args.of_constants()?;
        let result = self.call.call(evaluated.args()).ok()?;
        match &self.keys {
            Keys::Fixed(indexes) => read_result(result, indexes).ok(),
            Keys::Computed(_) => None,
        }
    }
}

/// Each way has a function of its own: calls nest, and the room that one way needs on the stack is large.
impl CallExpr {
    /// The way that tells a map's entries, and the text that it is made of, if the call has one such argument and no indexes.
    #[inline]
    pub(super) fn by_entry(&self) -> Option<(&EntriesCall, &Expr)> {
        match (self.way, self.call.entries(), self.args.values.first()) {
            (Way::Text, Some(entries), Some(Some((Kind::Str, argument)))) if self.keys.is_none() => Some((entries, argument)),
            _ => None,
        }
    }

    #[inline]
    pub(super) fn result(&self, record: &Record<'_>, memo: &mut Memo) -> Result<Val, Failure> {
        match self.put_together(record, memo)? {
            Some(room) => Ok(Val::Str(memo.texts.get(&room))),
            None => self.yielded(record, memo),
        }
    }

    /// Whether something holds of the text that it is asked about, if that is what it says and the text can be lent.
    #[inline]
    pub(super) fn tested(&self, record: &Record<'_>) -> Option<bool> {
        match (self.way, self.call.texts(), self.args.values.first()) {
            (Way::Text, Some(TextsCall::Tests(test)), Some(Some((_, argument)))) if self.keys.is_none() => {
                argument.text(record).map(|text| test(text))
            }
            _ => None,
        }
    }

    /// What it yields where nothing is put together.
    #[inline]
    pub(super) fn yielded(&self, record: &Record<'_>, memo: &mut Memo) -> Result<Val, Failure> {
        match self.way {
            Way::Text => self.of_text(record, memo),
            Way::Texts | Way::Any => self.of_any(record, memo),
        }
    }

    #[inline]
    fn of_text(&self, record: &Record<'_>, memo: &mut Memo) -> Result<Val, Failure> {
        let Some(Some((kind, argument))) = self.args.values.first() else { return self.of_any(record, memo) };
        match argument.text(record).and_then(|text| self.call.of_lent(text)) {
            Some(result) => result,
            None => self.of_made(*kind, argument, record, memo),
        }
    }

    #[inline(never)]
    fn of_made(&self, kind: Kind, argument: &Expr, record: &Record<'_>, memo: &mut Memo) -> Result<Val, Failure> {
        let argument = argument.eval(record, memo)?;
        match argument.as_text().and_then(|text| self.call.of_lent(text)) {
            Some(result) => result,
            None => self.call.call(Args { values: &[coerce(kind, argument.into_val())?], items: &[] }),
        }
    }

    /// What its items are put together to; `None` where one of them is no text, and for other calls.
    #[inline]
    pub(super) fn put_together(&self, record: &Record<'_>, memo: &mut Memo) -> Result<Option<Room>, Failure> {
        match (self.way, self.call.texts()) {
            (Way::Texts, Some(TextsCall::Appends(append))) => self.of_texts(append, record, memo),
            _ => Ok(None),
        }
    }

    #[inline(never)]
    fn of_texts(&self, append: &AppendCall, record: &Record<'_>, memo: &mut Memo) -> Result<Option<Room>, Failure> {
        let mut room = room::take();
        for (at, item) in self.args.items.iter().enumerate() {
            if let Some(text) = item.text(record) {
                append(at, text, &mut room)?;
                continue;
            }
            match item.eval(record, memo)?.as_text() {
                Some(text) => append(at, text, &mut room)?,
                None => return Ok(None),
            }
        }
        Ok(Some(room))
    }

    #[inline(never)]
    fn of_any(&self, record: &Record<'_>, memo: &mut Memo) -> Result<Val, Failure> {
        let mut evaluated = Evaluated::default();
        self.args.eval(record, memo, &mut evaluated)?;
        self.call.call(evaluated.args())
    }
}

/// Indexes, evaluated.
pub(crate) enum Indexes<'p> {
    Fixed(&'p [Index]),
    Computed(Vec<Index>),
}

impl Indexes<'_> {
    pub(crate) fn as_slice(&self) -> &[Index] {
        match self {
            Self::Fixed(indexes) => indexes,
            Self::Computed(indexes) => indexes,
        }
    }
}

/// Room for evaluated arguments on the stack: few calls have so many that they need more. It is filled where it lies, for it is large.
#[derive(Default)]
pub(crate) struct Evaluated {
    values: SmallVec<[Val; 5]>,
    items: SmallVec<[Val; 4]>,
}

impl Evaluated {
    pub(crate) fn args(&self) -> Args<'_> {
        Args { values: &self.values, items: &self.items }
    }
}

impl Expr {
    /// The same value, with the check whether it is a plain one where that is not known beforehand.
    pub(crate) fn plain(self, in_list: bool) -> Self {
        match self {
            Self::Const(value) if not_plain(&value, in_list).is_none() => Self::Const(value),
            value => Self::Plain { value: Box::new(value), in_list },
        }
    }

    /// The text that it yields, where it lies in the record or the program; `None` where it has to be evaluated to say what it is.
    #[inline]
    pub(crate) fn text<'r>(&'r self, record: &'r Record<'_>) -> Option<&'r Text> {
        match self {
            Self::Path(PathExpr { field, keys: Keys::Fixed(indexes) }) => path::text_at(record, *field, indexes),
            Self::Const(Val::Str(text)) => Some(text),
            _ => None,
        }
    }

    /// Whether what it yields may lie in this field.
    #[inline]
    pub(crate) fn is_within(&self, field: Field) -> bool {
        !matches!(self, Self::Path(path) if path.field != field)
    }

    /// The value for a record, as one of its own.
    #[inline]
    pub(crate) fn result(&self, record: &Record<'_>, memo: &mut Memo) -> Result<Val, Failure> {
        match self {
            Self::Call(call) if call.keys.is_none() => call.result(record, memo),
            other => Ok(other.eval(record, memo)?.into_val()),
        }
    }

    /// The value for a record.
    pub(crate) fn eval<'r>(&'r self, record: &'r Record<'_>, memo: &mut Memo) -> Result<Got<'r>, Failure> {
        Ok(match self {
            Self::Const(value) => Got::Const(value),
            Self::Path(path) => match &path.keys {
                Keys::Fixed(indexes) => match (&**indexes, path::attributes(record, path.field)) {
                    ([Index::Text(key)], Some(map)) => map.get(key).map_or(Got::NIL, Got::Stored),
                    _ => path::get(record, path.field, indexes)?,
                },
                keys => path::get(record, path.field, keys.eval(record, memo)?.as_slice())?,
            },
            Self::Call(call) => {
                let result = call.result(record, memo)?;
                Got::Own(match call.keys.is_none() {
                    true => result,
                    false => read_result(result, call.keys.eval(record, memo)?.as_slice())?,
                })
            }
            Self::RecordCall(call) => Got::Own(call(record)?),
            Self::List(items) => {
                let items: Result<Vec<Value>, Failure> =
                    items.iter().map(|item| Ok(item.eval(record, memo)?.into_val().stored())).collect();
                Got::Own(Val::List(triomphe::Arc::new(items?)))
            }
            Self::Plain { value, in_list } => {
                let value = value.eval(record, memo)?;
                if let Some(kind) = value.with(|value| not_plain(value, *in_list)) {
                    return Err(Failure::new(format!("<Invalid value type {kind}>")));
                }
                value
            }
            Self::Map(entries) => {
                let mut map = Attrs::EMPTY;
                for (key, value) in entries {
                    map.upsert(key.clone(), value.eval(record, memo)?.into_val().stored());
                }
                Got::Own(Val::Map(map))
            }
            Self::Arithmetic(node) => {
                let (left, operator, right) = &**node;
                let left = left.eval(record, memo)?.into_val();
                let right = right.eval(record, memo)?.into_val();
                Got::Own(calculate(&left, *operator, &right).map_err(Failure::new)?)
            }
        })
    }
}

/// The type of a value that upstream does not take into lists and maps that are written out: what it holds as a structure of its own. Maps are
/// unfolded, but not those within lists.
fn not_plain(value: &Val, in_list: bool) -> Option<&'static str> {
    match value {
        Val::Nil | Val::Bool(_) | Val::Int(_) | Val::Float(_) | Val::Str(_) | Val::Bytes(_) => None,
        Val::Map(_) if !in_list => None,
        other => Some(other.type_name()),
    }
}

impl Keys {
    /// Whether there are no indexes.
    #[inline]
    pub(crate) fn is_none(&self) -> bool {
        matches!(self, Self::Fixed(indexes) if indexes.is_empty())
    }

    pub(crate) fn eval<'p>(&'p self, record: &Record<'_>, memo: &mut Memo) -> Result<Indexes<'p>, Failure> {
        Ok(match self {
            Self::Fixed(indexes) => Indexes::Fixed(indexes),
            Self::Computed(keys) => {
                let one = |key: &KeyExpr| match key {
                    KeyExpr::Fixed(index) => Ok(index.clone()),
                    KeyExpr::Computed(expr) => Ok(match expr.eval(record, memo)?.into_val() {
                        Val::Str(text) => Index::Text(text),
                        Val::Int(at) => Index::Int(at),
                        Val::Nil => Index::Other("<nil>"),
                        other => Index::Other(other.type_name()),
                    }),
                };
                Indexes::Computed(keys.iter().map(one).collect::<Result<_, Failure>>()?)
            }
        })
    }
}

impl Arguments {
    /// What they are, if all are known beforehand and do.
    pub(crate) fn of_constants(&self) -> Option<Evaluated> {
        let constant = |kind: Kind, expr: &Expr| match expr {
            Expr::Const(value) => coerce(kind, value.clone()).ok(),
            _ => None,
        };
        let value = |argument: &Option<(Kind, Expr)>| match argument {
            Some((kind, expr)) => constant(*kind, expr),
            None => Some(Val::Nil),
        };
        let values = self.values.iter().map(value).collect::<Option<_>>()?;
        let items = self.items.iter().map(|item| constant(self.item_kind, item)).collect::<Option<_>>()?;
        Some(Evaluated { values, items })
    }

    pub(crate) fn eval(&self, record: &Record<'_>, memo: &mut Memo, evaluated: &mut Evaluated) -> Result<(), Failure> {
        for (at, argument) in self.values.iter().enumerate() {
            if let Some((kind, expr)) = argument {
                evaluated.values.resize(at, Val::Nil);
                let value = expr.eval(record, memo)?.into_val();
                evaluated.values.push(if *kind == Kind::Any { value } else { coerce(*kind, value)? });
            }
        }
        for item in &self.items {
            let value = item.eval(record, memo)?.into_val();
            evaluated.items.push(if self.item_kind == Kind::Any { value } else { coerce(self.item_kind, value)? });
        }
        Ok(())
    }
}
