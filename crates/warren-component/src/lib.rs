//! What a component is.
//!
//! A component offers one constant, its factory ([`ReceiverFactory`], [`ProcessorFactory`], [`ExporterFactory`],
//! [`ExtensionFactory`]): a type name, what it can do, and a function that gives its settings with their defaults. Settings decode and
//! validate themselves (`warren_config::Block`, pure) and then build the running component:
//!
//! ```text
//! settings ── decode, validate (pure) ──▶ build (may open files and sockets, spawns nothing) ──▶ run (owns what it spawns)
//! ```
//!
//! Data flows through [`Consumer::consume`]: a call returns when the batch was taken, or says why not ([`ConsumeError`]). Batches are
//! shared (`Arc<Batch>`); who wants to write takes `Batch::owned`, which copies only if someone else holds the batch. A processor
//! that only transforms implements the synchronous [`Stage`] and is wrapped in [`Staged`]; one that holds data back implements
//! [`Processor`] itself. Exporters that send over a network are wrapped by `warren-delivery`.
//!
//! This crate knows no component, no wire format and opens nothing.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod build;
mod client;
mod consume;
mod control;
mod extension;
mod factory;
mod gates;
mod memory;
mod run;
mod stage;

pub use build::{BuildContext, BuildError, BuildInfo, Extensions, Inherited, Outputs};
pub use client::ClientInfo;
pub use consume::{Code, ConsumeError, Consumer};
pub use control::{Applied, ComponentName, Control, Gone, Refused, Request, ServiceStatus, Step};
pub use extension::{AuthError, ClientAuth, Encoding, EncodingError, Extension, Identity, ServerAuth, Storage};
pub use factory::{
    Exporter, ExporterConfig, ExporterFactory, ExtensionConfig, ExtensionFactory, Factories, Processor, ProcessorConfig,
    ProcessorFactory, Receiver, ReceiverConfig, ReceiverFactory, Replaced, Signals, Stability, Tool,
};
pub use gates::{Gates, UPSTREAM_ODDITIES};
pub use memory::MemoryBound;
pub use run::{Health, Pulse, RunContext, RunError, Status, Stop, StopHandle};
pub use stage::{Flow, Stage, Staged};

/// A future on the heap, as trait objects return it.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
