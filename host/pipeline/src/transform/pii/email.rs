//! E-mail addresses.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// International names included, as they are and in punycode. A `%` may be part of the name: where an escape could not be
/// taken off, it goes along.
static ADDRESS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[\p{L}\p{N}._%+'-]+@((?:[\p{L}\p{N}-]+\.)+(?:xn--[A-Za-z0-9-]+|\p{L}{2,}))").ok());

pub(super) fn find(text: &str) -> impl Iterator<Item = Range<usize>> {
    let addresses = ADDRESS.iter().flat_map(move |address| address.captures_iter(text));
    addresses
        .filter(|found| !found.get(1).is_some_and(|domain| is_pixel_ratio(domain.as_str())))
        .map(|found| found.get_match().range())
}

/// `logo@2x.png` is a picture.
fn is_pixel_ratio(domain: &str) -> bool {
    matches!(domain.as_bytes(), [b'1'..=b'9', b'x', b'.', ..])
}
