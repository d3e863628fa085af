//! Our encodings against an independent implementation: `opentelemetry-proto`, which is generated from the protocol's own files.

#![allow(clippy::unwrap_used)]

mod batches;
mod json;
mod protobuf;

use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest,
};
use prost::Message;
use warren_pdata::{Batch, Signal};

/// The batch in protobuf. Two batches are the same to the bit when this is; `==` finds no `NaN` equal.
fn bytes(batch: &Batch) -> Vec<u8> {
    let mut bytes = Vec::new();
    warren_otlp::encode_request(batch, &mut bytes);
    bytes
}

/// Decodes and encodes protobuf with the other implementation.
fn through_prost(signal: Signal, bytes: &[u8]) -> Vec<u8> {
    match signal {
        Signal::Metrics => ExportMetricsServiceRequest::decode(bytes).unwrap().encode_to_vec(),
        Signal::Logs => ExportLogsServiceRequest::decode(bytes).unwrap().encode_to_vec(),
        Signal::Traces => ExportTraceServiceRequest::decode(bytes).unwrap().encode_to_vec(),
    }
}

/// Writes out what is empty and left out, where the other implementation cannot do without it.
fn complete(json: &mut serde_json::Value) {
    match json {
        serde_json::Value::Array(items) => items.iter_mut().for_each(complete),
        serde_json::Value::Object(fields) => {
            if fields.contains_key("value") {
                fields.entry("key").or_insert_with(|| "".into());
            }
            for name in ["arrayValue", "kvlistValue"] {
                if let Some(list) = fields.get_mut(name) {
                    list.as_object_mut().unwrap().entry("values").or_insert_with(|| serde_json::json!([]));
                }
            }
            fields.values_mut().for_each(complete);
        }
        _ => {}
    }
}

/// JSON to protobuf with the other implementation.
fn json_to_protobuf(signal: Signal, json: &[u8]) -> Vec<u8> {
    let mut json = serde_json::from_slice(json).unwrap();
    complete(&mut json);
    match signal {
        Signal::Metrics => serde_json::from_value::<ExportMetricsServiceRequest>(json).unwrap().encode_to_vec(),
        Signal::Logs => serde_json::from_value::<ExportLogsServiceRequest>(json).unwrap().encode_to_vec(),
        Signal::Traces => serde_json::from_value::<ExportTraceServiceRequest>(json).unwrap().encode_to_vec(),
    }
}

/// Protobuf to JSON with the other implementation.
fn protobuf_to_json(signal: Signal, bytes: &[u8]) -> Vec<u8> {
    match signal {
        Signal::Metrics => serde_json::to_vec(&ExportMetricsServiceRequest::decode(bytes).unwrap()).unwrap(),
        Signal::Logs => serde_json::to_vec(&ExportLogsServiceRequest::decode(bytes).unwrap()).unwrap(),
        Signal::Traces => serde_json::to_vec(&ExportTraceServiceRequest::decode(bytes).unwrap()).unwrap(),
    }
}
