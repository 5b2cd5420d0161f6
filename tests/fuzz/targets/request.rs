//! Every source's parser; those that are nobody else's have a target of their own, too.
#![no_main]

mod requests;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = requests::check(data, None);
});
