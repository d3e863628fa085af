//! Messages of OpAMP: whatever arrives is read or refused, and what was read means the same when it is written again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use warren_opamp::{AgentToServer, InstanceUid, ServerToAgent, frame};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(message) = frame::decode::<AgentToServer>(bytes) {
        let _ = InstanceUid::from_wire(&message.instance_uid);
        let again: AgentToServer = frame::decode(&frame::encode(&message)).expect("what was written can be read");
        // Numbers that are none are not equal to themselves.
        assert_eq!(format!("{again:?}"), format!("{message:?}"));
    }
    if let Ok(message) = frame::decode::<ServerToAgent>(bytes) {
        let again: ServerToAgent = frame::decode(&frame::encode(&message)).expect("what was written can be read");
        assert_eq!(format!("{again:?}"), format!("{message:?}"));
    }
});
