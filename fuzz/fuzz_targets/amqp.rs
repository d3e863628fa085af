//! Any bytes as a method of AMQP from a broker.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = warren_amqp::read_method(data);
    let _ = warren_amqp::read_delivery(data);
});
