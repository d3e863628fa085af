//! The editors, a file for each group.

mod append;
mod flatten;
mod glob;
mod keys;
mod maps;
mod metric;
mod replace;
mod set;

pub(crate) use maps::{Strategy, merge, merge_text};

use crate::function::Editor;

/// Every editor, group by group.
pub const EDITORS: &[&[Editor]] = &[
    set::EDITORS,
    append::EDITORS,
    flatten::EDITORS,
    keys::EDITORS,
    maps::EDITORS,
    replace::EDITORS,
    metric::AGGREGATING,
    metric::CONVERTING,
    metric::EXPONENTIAL,
    metric::EXTRACTING,
    metric::SCALING,
];

#[cfg(test)]
mod testing {
    //! Runs statements as a processor does.

    use crate::{ErrorMode, Failed, Observer, compile};
    use warren_pdata::{Attrs, Batch, LogRecord, Logs, Resource, Scope, Signal};

    struct Told(Vec<String>);

    impl Observer for Told {
        fn failed(&mut self, failed: &Failed) {
            self.0.push(failed.to_string());
        }
    }

    /// The attributes of a log record after a statement, or what is wrong with it.
    pub(super) fn edit(attrs: &Attrs, statement: &str) -> Result<Attrs, String> {
        let group = compile(Signal::Logs, None, &[], &[statement]).map_err(|faults| faults[0].to_string())?;
        let log = LogRecord { attrs: attrs.clone(), ..LogRecord::default() };
        let mut batch = Batch::Logs(Logs::of(Resource::default(), Scope::default(), vec![log]));
        let mut told = Told(Vec::new());
        group.run(&mut batch, ErrorMode::Ignore, &mut group.memo(), &mut told).map_err(|failure| failure.to_string())?;
        let Batch::Logs(logs) = &batch else { unreachable!("logs stay logs") };
        let edited = logs.iter().next().unwrap().2.attrs.clone();
        match told.0.pop() {
            None => Ok(edited),
            Some(error) => {
                assert_eq!(edited, *attrs, "what fails changes nothing");
                Err(error)
            }
        }
    }

    /// The keys of a map.
    pub(super) fn keys(map: &Attrs) -> String {
        map.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>().join(" ")
    }
}
