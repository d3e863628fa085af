//! `cargo xtask test`: every test there is. Cheapest way round: the programs are built once in profile `fast`, the tests once in `dev`; the
//! end-to-end tests and the conformance cases share the programs.

use anyhow::Result;
use warren_e2e::collector::BINARY_VARIABLE;
use warren_e2e::postgres::Postgres;
use warren_e2e::{control_plane, program, watchdog};

use crate::{conformance, debian, loki, tool, workspace};

/// Names the PostgreSQL on which the store's unit tests run as well.
const DATABASE_VARIABLE: &str = "WARREN_TEST_POSTGRES";

/// The command.
pub(crate) fn run(arguments: lexopt::Parser) -> Result<()> {
    crate::switch(arguments, None)?;
    debian::ensure(&[debian::SCENE.as_slice(), &debian::SERVERS, &debian::WITNESSES].concat())?;
    if let loki::Built::Not(why) = loki::build()? {
        tool::announce(&format!(
            "tests that need Grafana Loki are SKIPPED: {why}; `{}` builds it where there is Go",
            loki::COMMAND
        ));
    }
    let (binary, control_plane) = workspace::build_programs(program::TEST_PROFILE)?;
    tool::announce("starting PostgreSQL, for the tests of the control plane's store");
    let database = Postgres::start()?;
    let mut tests = workspace::cargo();
    tests.args(["test", "--workspace", "--no-fail-fast"]).env(BINARY_VARIABLE, &binary);
    // Built with the other two.
    tests.env(watchdog::BINARY_VARIABLE, binary.with_file_name("warren-watchdog"));
    tests.env(control_plane::BINARY_VARIABLE, &control_plane).env(DATABASE_VARIABLE, database.url());
    let tested = tool::run_last("unit and end-to-end tests", &mut tests);
    // Cases are told even when a test failed. Nothing is printed after the last test runner's own summary.
    let conforms = conformance::harness().map_or(Ok(()), |harness| conformance::check(&harness, &binary, &[], false));
    tested.and(conforms)
}
