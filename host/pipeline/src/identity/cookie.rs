//! Cookies of the collector's own: how they are written (RFC 6265, section 4.1), and what may stand in them.

use std::borrow::Cow;
use std::fmt::Write;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::container::identity::{Identity, SameSite};

/// What stands in a value as it is; the rest is written with `%`.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

const SECONDS_OF_A_DAY: u64 = 86_400;

/// A `Set-Cookie` header's value.
pub(super) fn set(identity: &Identity, name: &str, value: &str, days: u32) -> String {
    write(identity, name, value, u64::from(days) * SECONDS_OF_A_DAY)
}

/// One that has the browser forget a cookie.
pub(super) fn remove(identity: &Identity, name: &str) -> String {
    write(identity, name, "", 0)
}

fn write(identity: &Identity, name: &str, value: &str, seconds: u64) -> String {
    let same_site = match identity.same_site {
        SameSite::Lax => "Lax",
        SameSite::Strict => "Strict",
        SameSite::None => "None",
    };
    let mut cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite={same_site}");
    if let Some(domain) = &identity.domain {
        // Writing into memory cannot fail.
        let _ = write!(cookie, "; Domain={domain}");
    }
    cookie
}

pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// What was encoded, if it is text without control characters.
pub(super) fn decoded(text: &str) -> Option<Cow<'_, str>> {
    let text = percent_decode_str(text).decode_utf8().ok()?;
    (!text.chars().any(char::is_control)).then_some(text)
}
