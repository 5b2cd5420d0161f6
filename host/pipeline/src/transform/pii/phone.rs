//! Phone numbers: international ones, those written with a trunk zero or in North America's form, and any number that its
//! surroundings name one.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::{may_begin_after, may_end_before};

/// `+49 30 1234567`, `0049301234567`: a country code and 7 to 15 digits in all (ITU-T E.164).
const INTERNATIONAL: &str = r"(?:\+|00)[1-9](?:[ ./()+-]{0,3}[0-9]){6,14}\b";

/// `(030) 1234567`, `01.23.45.67.89`: 9 to 11 digits of which the first is the zero.
const TRUNK: &str = r"\(?0[1-9](?:[ ./()+-]{0,2}[0-9]){7,9}\b";

/// `(650) 555-1212`, `1-650-555-1212`.
const NORTH_AMERICAN: &str = r"(?:1[ .+-])?(?:\([2-9][0-9]{2}\)[ +]?|[2-9][0-9]{2}[ .+-])[0-9]{3}[ .+-][0-9]{4}";

/// `phone=1701234567`, `"mobile_number": "170 1234567"`.
const NAMED: &str = r#"(?i)(?:phone|mobile|msisdn|whatsapp|\btele?(?:phone|fon)?)[\w-]{0,32}["']? ?[=:] ?["']?"#;

static NUMBER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(&format!("{INTERNATIONAL}|{TRUNK}|{NORTH_AMERICAN}")).ok());

static NAMED_NUMBER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(&format!(r"{NAMED}(\+?[0-9](?:[ ./()+-]{{0,3}}[0-9]){{5,16}})\b")).ok());

/// `22.11.2026`, which could begin a number with a trunk zero.
static DATE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[0-9]{2}([./-])[0-9]{2}[./-][0-9]{4}\b").ok());

pub(super) fn find(text: &str) -> impl Iterator<Item = Range<usize>> {
    let numbers = NUMBER.iter().flat_map(move |number| number.find_iter(text)).map(|found| found.range());
    let alone = move |at: &Range<usize>| {
        // A plus sign begins a number wherever it stands, but in a sum.
        let before = &text[..at.start];
        let begins = match text.as_bytes()[at.start] {
            b'+' => !before.ends_with(|c: char| c.is_ascii_digit()),
            _ => may_begin_after(before),
        };
        begins && may_end_before(&text[at.end..]) && !is_date(&text[at.clone()])
    };
    let named = NAMED_NUMBER.iter().flat_map(move |number| number.captures_iter(text));
    let named = named.filter_map(|found| Some(found.get(1)?.range()));
    numbers.filter(alone).chain(named.filter(move |at| may_end_before(&text[at.end..])))
}

fn is_date(text: &str) -> bool {
    DATE.as_ref().is_some_and(|date| date.is_match(text))
}
