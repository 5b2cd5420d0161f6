//! The record of an accepted event: whatever the bytes are, and what can be read comes back as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagyard_pipeline::accepted::Accepted;

fuzz_target!(|data: &[u8]| {
    match Accepted::from_bytes(data) {
        Ok(accepted) => {
            let json = accepted.to_json();
            assert_eq!(Accepted::from_bytes(json.as_bytes()), Ok(accepted));
        }
        Err(error) => assert!(error.to_string().len() < 1024),
    }
});
