//! The components of the default distribution, for programs that check configurations for it.

mod components;

pub use components::FACTORIES;
