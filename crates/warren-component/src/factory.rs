//! Factories: what a distribution lists, one line per component.

use crate::{BoxFuture, BuildContext, BuildError, Consumer, Extension, MemoryBound, Outputs, RunContext, RunError};
use std::any::Any;
use std::ffi::OsString;
use std::io::Write;
use std::sync::Arc;
use warren_config::Block;
use warren_pdata::Signal;

/// How settled a component is for a signal, in upstream's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stability {
    /// The signal is not supported.
    #[default]
    Undefined,
    /// In the making.
    Development,
    /// May change much.
    Alpha,
    /// May change.
    Beta,
    /// Settled.
    Stable,
}

/// Which signals a component supports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signals {
    /// For traces.
    pub traces: Stability,
    /// For metrics.
    pub metrics: Stability,
    /// For logs.
    pub logs: Stability,
}

impl Signals {
    /// How settled the component is for this signal.
    pub fn stability(&self, signal: Signal) -> Stability {
        match signal {
            Signal::Traces => self.traces,
            Signal::Metrics => self.metrics,
            Signal::Logs => self.logs,
        }
    }

    /// Whether the signal is supported.
    pub fn supports(&self, signal: Signal) -> bool {
        self.stability(signal) != Stability::Undefined
    }
}

/// Makes receivers of one type.
#[derive(Clone, Copy)]
pub struct ReceiverFactory {
    /// Type name: the part of an id before `/`.
    pub kind: &'static str,
    /// Supported signals.
    pub signals: Signals,
    /// Settings with their defaults.
    pub config: fn() -> Box<dyn ReceiverConfig>,
}

/// Makes processors of one type.
#[derive(Clone, Copy)]
pub struct ProcessorFactory {
    /// Type name: the part of an id before `/`.
    pub kind: &'static str,
    /// Supported signals.
    pub signals: Signals,
    /// Settings with their defaults.
    pub config: fn() -> Box<dyn ProcessorConfig>,
}

/// Makes exporters of one type.
#[derive(Clone, Copy)]
pub struct ExporterFactory {
    /// Type name: the part of an id before `/`.
    pub kind: &'static str,
    /// Other names that mean the same type.
    pub aliases: &'static [&'static str],
    /// Supported signals.
    pub signals: Signals,
    /// Settings with their defaults.
    pub config: fn() -> Box<dyn ExporterConfig>,
}

/// Makes extensions of one type.
#[derive(Clone, Copy)]
pub struct ExtensionFactory {
    /// Type name: the part of an id before `/`.
    pub kind: &'static str,
    /// How settled it is.
    pub stability: Stability,
    /// Settings with their defaults.
    pub config: fn() -> Box<dyn ExtensionConfig>,
}

impl ReceiverFactory {
    /// Whether this is the type's name.
    pub fn is(&self, kind: &str) -> bool {
        self.kind == kind
    }
}

impl ProcessorFactory {
    /// Whether this is the type's name.
    pub fn is(&self, kind: &str) -> bool {
        self.kind == kind
    }
}

impl ExporterFactory {
    /// Whether this is the type's name, or another one for it.
    pub fn is(&self, kind: &str) -> bool {
        self.kind == kind || self.aliases.contains(&kind)
    }
}

impl ExtensionFactory {
    /// Whether this is the type's name.
    pub fn is(&self, kind: &str) -> bool {
        self.kind == kind
    }
}

/// Everything a distribution is made of.
#[derive(Clone, Copy, Default)]
pub struct Factories {
    /// Receivers.
    pub receivers: &'static [ReceiverFactory],
    /// Processors.
    pub processors: &'static [ProcessorFactory],
    /// Exporters.
    pub exporters: &'static [ExporterFactory],
    /// Extensions.
    pub extensions: &'static [ExtensionFactory],
}

/// Decoded settings of a receiver.
pub trait ReceiverConfig: Block + Send + Sync {
    /// Builds the receiver for all signals that are wanted from it. May bind and open; spawns nothing. Called inside the runtime.
    fn build(&self, cx: BuildContext, outputs: Outputs) -> Result<Box<dyn Receiver>, BuildError>;

    /// What each instance may hold at most besides the batch at hand; nothing that is worth telling unless it says so.
    fn memory(&self) -> Vec<MemoryBound> {
        Vec::new()
    }
}

/// Decoded settings of a processor.
pub trait ProcessorConfig: Block + Send + Sync {
    /// Finds what is wrong with the settings for this signal without building anything: what validation of a configuration tells.
    ///
    /// # Errors
    /// In the words of [`build`](Self::build).
    fn check(&self, _signal: Signal) -> Result<(), BuildError> {
        Ok(())
    }

    /// Builds the processor of one pipeline before `next`. Called inside the runtime; spawns nothing.
    fn build(&self, cx: BuildContext, signal: Signal, next: Arc<dyn Consumer>) -> Result<Arc<dyn Processor>, BuildError>;

    /// What each instance may hold at most besides the batch at hand; nothing that is worth telling unless it says so.
    fn memory(&self) -> Vec<MemoryBound> {
        Vec::new()
    }

    /// Names of the attributes that it gives data points, as far as its settings say.
    fn point_attributes(&self) -> Vec<String> {
        Vec::new()
    }

    /// A command that the type brings into every program it is built into; asked of the default settings.
    fn tool(&self) -> Option<Tool> {
        None
    }
}

/// A command of a component's own, for people: `warren-collector NAME …`.
#[derive(Clone, Copy)]
pub struct Tool {
    /// The word that calls it.
    pub name: &'static str,
    /// A line of help without the program's name.
    pub usage: &'static str,
    /// Does it, with the arguments behind its name; results go to the writer, and what is wrong comes back in words.
    pub run: fn(Vec<OsString>, &mut dyn Write) -> Result<(), String>,
}

/// Decoded settings of an exporter.
pub trait ExporterConfig: Block + Send + Sync {
    /// Finds what is wrong with the settings for this signal without building anything: what validation of a configuration tells.
    ///
    /// # Errors
    /// In the words of [`build`](Self::build).
    fn check(&self, _signal: Signal) -> Result<(), BuildError> {
        Ok(())
    }

    /// Builds the exporter for one signal. May open; spawns nothing. Called inside the runtime.
    fn build(&self, cx: BuildContext, signal: Signal) -> Result<Arc<dyn Exporter>, BuildError>;

    /// What each instance may hold at most besides the batch at hand; nothing that is worth telling unless it says so.
    fn memory(&self) -> Vec<MemoryBound> {
        Vec::new()
    }

    /// Attributes of data points that do not arrive as they are.
    fn replaced(&self) -> &'static [Replaced] {
        &[]
    }
}

/// An attribute of data points that an exporter replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// Its name.
    pub attribute: &'static str,
    /// The attribute of the resource that takes its place where the resource has it.
    pub by: &'static str,
}

/// Decoded settings of an extension.
pub trait ExtensionConfig: Block + Send + Sync {
    /// Builds the extension. May open; spawns nothing. Called inside the runtime.
    fn build(&self, cx: BuildContext) -> Result<Arc<dyn Extension>, BuildError>;

    /// What each instance may hold at most besides the batch at hand; nothing that is worth telling unless it says so.
    fn memory(&self) -> Vec<MemoryBound> {
        Vec::new()
    }
}

/// A running receiver.
pub trait Receiver: Send {
    /// Receives until `cx.stop` is requested, then ends in order: what was acknowledged has been handed on. Owns every task it spawns.
    fn run(self: Box<Self>, cx: RunContext) -> BoxFuture<'static, Result<(), RunError>>;

    /// Hands what must survive a change of settings, such as listening sockets, to the successor, as a handle ([`crate::Inherited`]). Asked
    /// before [`Receiver::run`]. The successor of a receiver that hands over runs while the old one ends; any other runs after it.
    fn hand_over(&self) -> Option<Box<dyn Any + Send>> {
        None
    }
}

/// A running processor.
pub trait Processor: Consumer {
    /// What the processor does by itself: timers, flushes. Ends after `cx.stop` was requested and nothing is held back any more.
    fn run(self: Arc<Self>, _cx: RunContext) -> BoxFuture<'static, Result<(), RunError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Hands what must survive a change of settings to the successor, as a handle ([`crate::Inherited`]). Asked whenever there may be a
    /// successor; not all of them come to run.
    fn hand_over(&self) -> Option<Box<dyn Any + Send>> {
        None
    }
}

/// A running exporter.
pub trait Exporter: Consumer {
    /// What the exporter does by itself: emptying its queue. Ends after `cx.stop` was requested and its queue is empty, or at the
    /// drain deadline.
    fn run(self: Arc<Self>, _cx: RunContext) -> BoxFuture<'static, Result<(), RunError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Hands what must survive a change of settings to the successor, as a handle ([`crate::Inherited`]). Asked whenever there may be a
    /// successor; not all of them come to run.
    fn hand_over(&self) -> Option<Box<dyn Any + Send>> {
        None
    }
}
