//! Commands that components bring with them. The service knows none of them.

use std::ffi::OsString;
use std::io::Write;
use warren_component::{Factories, Tool};

/// The commands of all components that are built in.
pub(super) fn all(factories: &Factories) -> impl Iterator<Item = Tool> {
    factories.processors.iter().filter_map(|factory| (factory.config)().tool())
}

/// Does what a component's command says, if the first argument is the name of one.
pub(super) fn called(factories: &Factories, arguments: impl IntoIterator<Item = OsString>) -> Option<Result<(), String>> {
    let mut arguments = arguments.into_iter();
    let name = arguments.next()?;
    let tool = all(factories).find(|tool| name == tool.name)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let done = (tool.run)(arguments.collect(), &mut out);
    Some(done.and_then(|()| out.flush().map_err(|error| format!("cannot write: {error}"))))
}
