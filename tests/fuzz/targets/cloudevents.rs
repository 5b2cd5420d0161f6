//! CloudEvents in their three modes.
#![no_main]

mod requests;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = requests::check(data, Some("cloudevents"));
});
