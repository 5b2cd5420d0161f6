//! Snowplow's parser, with what is base64 in it.
#![no_main]

mod requests;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = requests::check(data, Some("snowplow"));
});
