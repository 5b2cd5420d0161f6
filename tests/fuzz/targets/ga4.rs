//! GA4's parsers: the lines of `/g/collect`, their items, and the Measurement Protocol.
#![no_main]

mod requests;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = requests::check(data, Some("ga4"));
});
