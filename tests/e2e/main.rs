//! End-to-end tests: real servers, the real program, the wire between them. One module for each promise.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod adoption;
mod broker;
mod broker_logs;
mod bus;
mod commands;
mod control;
mod direct;
mod durable;
mod extensions;
mod host;
mod hostile_senders;
mod hostile_targets;
mod isolation;
mod journal;
mod keeping;
mod loki;
mod machine;
mod nodes;
mod opamp_go;
mod outage;
mod packages;
mod postgres;
mod processors;
mod reload;
mod reload_parts;
mod rollout;
mod seed;
mod servers;
mod shutdown;
mod sick_receivers;
mod support;
mod telemetry;
mod tls;
