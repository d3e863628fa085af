//! The `otlp_encoding` extension: turns batches into OTLP messages and back, for components whose transport carries any bytes.
//!
//! A message is the bare data message, which has the bytes of an export request: protobuf without a length before it, or JSON.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

use std::sync::Arc;
use warren_component::{
    BuildContext, BuildError, Encoding, EncodingError, Extension, ExtensionConfig, ExtensionFactory, Stability,
};
use warren_config::{Block, Fields, Report};
use warren_pdata::{Batch, Signal};

/// Makes `otlp_encoding` extensions.
pub const FACTORY: ExtensionFactory =
    ExtensionFactory { kind: "otlp_encoding", stability: Stability::Beta, config: || Box::new(Config::default()) };

/// Settings of an `otlp_encoding` extension.
#[derive(Clone, Debug)]
pub struct Config {
    /// `otlp_proto` or `otlp_json`.
    pub protocol: String,
}

impl Default for Config {
    fn default() -> Self {
        Self { protocol: Protocol::Proto.name().to_owned() }
    }
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("protocol", &mut self.protocol);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if let Err(message) = Protocol::named(&self.protocol) {
            report.error_with_hint("", message, "protocol is otlp_proto or otlp_json");
        }
    }
}

impl ExtensionConfig for Config {
    fn build(&self, _cx: BuildContext) -> Result<Arc<dyn Extension>, BuildError> {
        Ok(Arc::new(OtlpEncoding(Protocol::named(&self.protocol).map_err(BuildError::new)?)))
    }
}

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Proto,
    Json,
}

impl Protocol {
    fn name(self) -> &'static str {
        match self {
            Self::Proto => "otlp_proto",
            Self::Json => "otlp_json",
        }
    }

    fn named(name: &str) -> Result<Self, String> {
        let known = [Self::Proto, Self::Json].into_iter().find(|protocol| protocol.name() == name);
        known.ok_or_else(|| format!("unsupported protocol: {name:?}"))
    }
}

/// The running extension.
#[derive(Clone, Copy)]
struct OtlpEncoding(Protocol);

impl Extension for OtlpEncoding {
    fn encoding(&self) -> Option<Arc<dyn Encoding>> {
        Some(Arc::new(*self))
    }
}

impl Encoding for OtlpEncoding {
    fn marshal(&self, batch: &Batch, out: &mut Vec<u8>) -> Result<(), EncodingError> {
        match self.0 {
            Protocol::Proto => warren_otlp::encode_request(batch, out),
            Protocol::Json => warren_otlp::encode_json(batch, out),
        }
        Ok(())
    }

    fn unmarshal(&self, signal: Signal, bytes: &[u8]) -> Result<Batch, EncodingError> {
        let decoded = match self.0 {
            Protocol::Proto => warren_otlp::decode_request(signal, bytes),
            Protocol::Json => warren_otlp::decode_json(signal, bytes),
        };
        decoded.map_err(|error| EncodingError(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_component::{BuildInfo, Extensions, Gates, Inherited};
    use warren_config::{Diagnostics, decode_settings, parse_yaml};
    use warren_pdata::{LogRecord, Logs, Resource, Scope, Text, Value};
    use warren_telemetry::Telemetry;

    fn encoding(protocol: &str) -> Arc<dyn Encoding> {
        let cx = BuildContext {
            id: "otlp_encoding".parse().unwrap(),
            telemetry: Telemetry::discarded(),
            build: Arc::new(BuildInfo { command: String::new(), description: String::new(), version: String::new() }),
            extensions: Extensions::default(),
            inherited: Inherited::default(),
            collect_now: false,
            gates: Gates::default(),
        };
        Config { protocol: protocol.to_owned() }.build(cx).unwrap().encoding().unwrap()
    }

    #[test]
    fn a_batch_reads_back_in_both_forms() {
        let record = LogRecord { body: Value::Str(Text::from("hello")), ..LogRecord::default() };
        let batch = Batch::Logs(Logs::of(Resource::default(), Scope::default(), vec![record]));
        for (protocol, first) in [("otlp_proto", 0x0a), ("otlp_json", b'{')] {
            let (encoding, mut bytes, mut again) = (encoding(protocol), Vec::new(), Vec::new());
            encoding.marshal(&batch, &mut bytes).unwrap();
            assert_eq!(bytes[0], first, "{protocol}");
            assert!(!bytes.ends_with(b"\n"));
            encoding.marshal(&encoding.unmarshal(Signal::Logs, &bytes).unwrap(), &mut again).unwrap();
            assert_eq!(bytes, again, "{protocol}");
            assert!(encoding.unmarshal(Signal::Logs, b"\xff").is_err());
        }
    }

    #[test]
    fn other_protocols_are_refused_in_upstreams_words() {
        for (yaml, expected) in [
            ("{}", ""),
            ("{protocol: otlp_json}", ""),
            ("{protocol: otlp}", "unsupported protocol: \"otlp\""),
            ("{protocol: \"\"}", "unsupported protocol: \"\""),
        ] {
            let (mut config, mut diagnostics) = (Config::default(), Diagnostics::new());
            decode_settings(&parse_yaml("test", yaml).unwrap(), &mut config, &mut diagnostics);
            let told: Vec<String> = diagnostics.errors().map(|error| error.message.clone()).collect();
            assert_eq!(told.join("\n"), expected, "{yaml}");
        }
    }
}
