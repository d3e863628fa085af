//! From batches to lines.

use crate::config::{Config, Verbosity};
use crate::sampling::Sampler;
use crate::{detailed, normal};
use std::sync::{Mutex, PoisonError};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use warren_component::BoxFuture;
use warren_delivery::{Outcome, Progress, Sender};
use warren_pdata::Batch;
use warren_telemetry::{Field, Logger};

/// Shows batches.
pub(crate) struct Debug {
    verbosity: Verbosity,
    sampler: Mutex<Sampler>,
    output: Output,
}

/// Where lines go.
pub(crate) enum Output {
    /// To the process log, which puts time, level and the exporter's identity on them.
    Log(Logger),
    /// As they are.
    Stream(tokio::sync::Mutex<Box<dyn AsyncWrite + Send + Unpin>>),
}

impl Output {
    pub(crate) fn stream(stream: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        Self::Stream(tokio::sync::Mutex::new(Box::new(stream)))
    }

    /// Writes a line; its message may be many.
    async fn write(&self, message: &str, counts: &[(&'static str, usize)]) {
        match self {
            Self::Log(log) => {
                let fields: Vec<_> = counts.iter().map(|(name, count)| (*name, Field::Int(*count as i64))).collect();
                log.info(message, &fields);
            }
            Self::Stream(stream) => {
                let fields: Vec<_> = counts.iter().map(|(name, count)| format!("\"{name}\": {count}")).collect();
                let line = match fields.as_slice() {
                    [] => format!("{message}\n"),
                    fields => format!("{message}\t{{{}}}\n", fields.join(", ")),
                };
                let mut stream = stream.lock().await;
                // Nobody is left to be told when standard output is gone.
                let _ = stream.write_all(line.as_bytes()).await;
                let _ = stream.flush().await;
            }
        }
    }
}

impl Debug {
    pub(crate) fn new(config: &Config, output: Output) -> Self {
        let sampler = Sampler::new(config.sampling_initial, config.sampling_thereafter);
        Self { verbosity: config.verbosity, sampler: Mutex::new(sampler), output }
    }

    fn admits(&self, message: &str) -> bool {
        self.sampler.lock().unwrap_or_else(PoisonError::into_inner).admits(message)
    }

    async fn show(&self, batch: &Batch) {
        let (title, counts) = summary(batch);
        if self.admits(title) {
            self.output.write(title, &counts).await;
        }
        let text = match self.verbosity {
            Verbosity::None | Verbosity::Basic => return,
            Verbosity::Normal => normal::show(batch),
            Verbosity::Detailed => detailed::show(batch),
        };
        if self.admits(&text) {
            self.output.write(&text, &[]).await;
        }
    }
}

impl Sender for Debug {
    fn send<'a>(&'a self, batch: &'a Batch, _progress: &'a mut Progress) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            self.show(batch).await;
            Outcome::Sent
        })
    }
}

/// The name of the signal and what there is of it.
fn summary(batch: &Batch) -> (&'static str, Vec<(&'static str, usize)>) {
    let (resources, items) = (batch.resources(), batch.items());
    match batch {
        Batch::Traces(_) => ("Traces", vec![("resource spans", resources), ("spans", items)]),
        Batch::Metrics(metrics) => {
            ("Metrics", vec![("resource metrics", resources), ("metrics", metrics.iter().count()), ("data points", items)])
        }
        Batch::Logs(_) => ("Logs", vec![("resource logs", resources), ("log records", items)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;
    use warren_pdata::{Attrs, LogRecord, Resource, Scope, Signal, Telemetry, Value};
    use warren_telemetry::{LogSettings, Telemetry as OwnTelemetry};

    fn logs() -> Batch {
        let record = LogRecord { body: Value::from("hello"), attrs: Attrs::from([("k", "v")]), ..LogRecord::default() };
        Batch::Logs(Telemetry::of(Resource::default(), Scope::default(), vec![record]))
    }

    async fn streamed(config: Config, batches: &[Batch]) -> String {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        let debug = Debug::new(&config, Output::stream(ours));
        for batch in batches {
            assert_eq!(debug.send(batch, &mut Progress::default()).await, Outcome::Sent);
        }
        drop(debug);
        let mut text = String::new();
        theirs.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn standard_output_gets_lines_without_time_and_level() {
        let normal = Config { verbosity: Verbosity::Normal, ..Config::default() };
        let expected = "Logs\t{\"resource logs\": 1, \"log records\": 1}\nResourceLog #0\nScopeLog #0\nhello k=v\n\n";
        assert_eq!(streamed(normal, &[logs()]).await, expected);
        let empty: Vec<Batch> = Signal::ALL.into_iter().map(Batch::empty).collect();
        let counts = "Traces\t{\"resource spans\": 0, \"spans\": 0}\n\
            Metrics\t{\"resource metrics\": 0, \"metrics\": 0, \"data points\": 0}\n\
            Logs\t{\"resource logs\": 0, \"log records\": 0}\n";
        assert_eq!(streamed(Config::default(), &empty).await, counts);
    }

    #[tokio::test(start_paused = true)]
    async fn counts_and_texts_are_thinned_out_apart() {
        let config = Config { verbosity: Verbosity::Detailed, sampling_initial: 2, sampling_thereafter: 3, ..Config::default() };
        let text = streamed(config, &vec![logs(); 20]).await;
        assert_eq!(text.lines().filter(|line| line.starts_with("Logs\t")).count(), 8);
        assert_eq!(text.lines().filter(|line| *line == "Body: Str(hello)").count(), 8);
    }

    #[tokio::test]
    async fn the_process_log_gets_lines_with_the_exporters_identity() {
        #[derive(Clone, Default)]
        struct Sink(std::sync::Arc<Mutex<Vec<u8>>>);
        impl std::io::Write for Sink {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let sink = Sink::default();
        let log = Logger::new(LogSettings { output: Box::new(sink.clone()), ..LogSettings::default() });
        let telemetry = OwnTelemetry { log: log.with(&[("otelcol.component.id", "debug")]), ..OwnTelemetry::discarded() };
        let config = Config { verbosity: Verbosity::Normal, ..Config::default() };
        let debug = Debug::new(&config, Output::Log(telemetry.log));
        debug.show(&logs()).await;
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        let without_time: Vec<&str> =
            text.lines().map(|line| line.split_once("\tinfo\t").map_or(line, |(_, rest)| rest)).collect();
        let expected = [
            "Logs\t{\"otelcol.component.id\": \"debug\", \"resource logs\": 1, \"log records\": 1}",
            "ResourceLog #0",
            "ScopeLog #0",
            "hello k=v",
            "\t{\"otelcol.component.id\": \"debug\"}",
        ];
        assert_eq!(without_time, expected);
    }
}
