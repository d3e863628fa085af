//! `cargo xtask COMMAND`: everything the project does with itself beyond `cargo build`.
//!
//! Each command says what it is doing, fails with the remedy, can be repeated, and stops only what it started. This file reads the command
//! line; each command has a module of its own, over [`workspace`] (where things are), [`tool`] (running other programs) and [`debian`]
//! (installing what is needed).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks on its standard outputs")]

mod bench;
mod check;
mod conformance;
mod debian;
mod dist;
mod fuzz;
mod interrupt;
mod loki;
mod soak;
mod sync;
mod test;
mod tool;
mod up;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};
use lexopt::prelude::*;

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  up [--check]           a real RabbitMQ, a real Prometheus and the collector between them; stays until Ctrl-C, or ends once
                         metrics have arrived
  test                   every test: unit, end to end, conformance; installs what it needs
  check                  formatting, lints, licences, layers and the other rules of the tree
  bench [OPTIONS]        weight of the collector on broker pages of 10, 1000 and 10000 queues
      --queues N           only this size; may be repeated
      --seconds N          length of each run (60)
      --bin PATH           measure this collector instead of building the release
      --reference NAME=KIND:PATH
                           run ../shared/bench/rig.py with this program beside; may be repeated
      --pipeline           statements on the path OTLP in, OTLP out instead
      --host               host metrics and the journal instead
      --isolation          what ill receivers cost their neighbours instead
      --seed               the load of the fleet that the project was made for instead; 300 seconds at least
      --fleet              the control plane with many collectors connected instead (--bin names it)
      --clients N          with --fleet: how many (10000)
      --tls                with --fleet: over TLS
      --store ADDRESS      with --fleet: on this database instead of a new one of SQLite
      --instructions       instructions for each sample (needs valgrind), against benches/instructions.txt
      --save               with --instructions: write the figures there instead of comparing
  fuzz [TARGET]          the fuzz targets, or one of them
      --minutes N          for each target (5)
  loki                   builds Grafana Loki into the cache, for the tests and `up`; needs Go
  soak [OPTIONS]         everything that may happen, at once and for long; what went in and what came out must add up
      --minutes N          how long (5); 60 before a release
      --bin PATH           soak this collector instead of building the release
      --report PATH        write the report there as well
      --seed N             other outages and other edits (1)
  dist                   release archives of both distributions in target/dist
  conformance [OPTIONS]  ../shared/conformance against the collector
      --bin PATH           check this collector instead of building one
      --only GLOB          only these cases; may be repeated
      --verbose            show what was expected and what came
  sync [--check]         writes what is generated from distributions/*/manifest.yaml, or tells whether it is stale
";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut arguments = lexopt::Parser::from_env();
    let command = match arguments.next()? {
        Some(Value(command)) => command.string()?,
        Some(Short('h') | Long("help")) | None => {
            print!("{USAGE}");
            return Ok(());
        }
        Some(other) => return Err(other.unexpected().into()),
    };
    match command.as_str() {
        "up" => up::run(arguments),
        "test" => test::run(arguments),
        "check" => check::run(arguments),
        "bench" => bench::run(arguments),
        "fuzz" => fuzz::run(arguments),
        "loki" => loki::run(arguments),
        "soak" => soak::run(arguments),
        "dist" => dist::run(arguments),
        "conformance" => conformance::run(arguments),
        "sync" => sync::run(arguments),
        other => bail!("unknown command {other:?}\n\n{USAGE}"),
    }
}

/// Reads the rest of the command line of a command that knows one switch at most; answers whether it was given.
fn switch(mut arguments: lexopt::Parser, known: Option<&str>) -> Result<bool> {
    let mut given = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long(name) if Some(name) == known => given = true,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(given)
}
