//! The OpenTelemetry Transformation Language (OTTL) of v0.132.0, compiled.
//!
//! A text is read into a tree ([`syntax`]); [`compile`] finds the context of a group of statements, the field of every path ([`path`]) and the function
//! of every call ([`functions`], [`editors`]), binds arguments ([`function`]) and makes a [`Group`] of it, or tells everything that is wrong
//! ([`Fault`]). A group runs over batches:
//!
//! ```
//! use warren_ottl::{ErrorMode, Failed, Observer, compile};
//! use warren_pdata::{Attrs, Batch, LogRecord, Logs, Resource, Scope, Signal, Value};
//!
//! struct Log;
//!
//! impl Observer for Log {
//!     fn failed(&mut self, failed: &Failed) {
//!         eprintln!("{failed}");
//!     }
//! }
//!
//! let statements = [r#"set(log.attributes["level"], log.severity_text) where log.body != nil"#];
//! let group = compile(Signal::Logs, None, &[], &statements).unwrap();
//! let mut memo = group.memo();
//!
//! let log = LogRecord { severity_text: "INFO".into(), body: Value::from("started"), ..LogRecord::default() };
//! let mut batch = Batch::Logs(Logs::of(Resource::default(), Scope::default(), vec![log]));
//! group.run(&mut batch, ErrorMode::Ignore, &mut memo, &mut Log).unwrap();
//!
//! let Batch::Logs(logs) = &batch else { unreachable!() };
//! assert_eq!(logs.iter().next().unwrap().2.attrs, Attrs::from([("level", "INFO")]));
//! ```
//!
//! Who walks batches himself compiles conditions with [`compile_conditions`] and asks [`Conditions::hold`] for each [`Record`]; a single record is
//! run through a group with [`Group::apply`], and [`Group::each`] visits the records of a batch one by one. The [`Memo`] holds what is evaluated once
//! per resource, scope or metric; who walks himself tells it when he enters one.
//!
//! To add a function, add a constant to a file under `functions/` (converters) or `editors/` and list it in the `mod.rs` there.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod arithmetic;
mod compare;
mod compile;
pub mod editors;
pub mod function;
pub mod functions;
#[cfg(any(test, fuzzing))]
pub mod generate;
pub mod getter;
pub mod path;
mod program;
mod record;
mod room;
pub mod syntax;
mod value;

pub use arithmetic::calculate;
pub use compare::{compare, equal};
pub use compile::{Fault, Oddities, Source, compile, compile_as, compile_conditions, compile_conditions_as};
pub use program::{Conditions, Count, ErrorMode, Failed, Group, Level, Memo, Observer};
pub use record::{Context, Failure, Item, Record};
pub use value::{Got, ItemType, Opaque, Time, Val};
