//! Scraping Prometheus endpoints: from a scrape configuration to batches of metrics.
//!
//! ```text
//! config ──▶ discovery ──▶ target ──▶ (scrape loop) ──▶ batches
//!   who and how  groups of    labels after    pages, series cache,
//!                addresses    relabelling     conversion
//! ```
//!
//! [`labels`] and [`relabel`] serve both sides: the labels of targets and those of scraped series.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod config;
pub mod discovery;
mod glob;
pub mod http;
pub mod labels;
pub mod relabel;
pub mod runner;
pub mod scrape;
pub mod series;
pub mod target;
