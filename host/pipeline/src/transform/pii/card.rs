//! Card numbers: 13 to 19 digits that begin as a card network's do, with a check digit that holds.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::{may_begin_after, may_end_before};

/// Groups of digits, with a space, a dash or a URL's `+` between them.
static GROUPS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("[0-9]+(?:[ +-][0-9]+)*").ok());

/// The lengths of card numbers (ISO/IEC 7812).
const LENGTHS: std::ops::RangeInclusive<usize> = 13..=19;

pub(super) fn find(text: &str) -> impl Iterator<Item = Range<usize>> {
    let runs = GROUPS.iter().flat_map(move |groups| groups.find_iter(text));
    runs.flat_map(move |run| in_run(text, run.range()))
}

/// A card number may have other numbers beside it, so it may begin and end with any of the groups.
fn in_run(text: &str, run: Range<usize>) -> Vec<Range<usize>> {
    let groups = groups(text, run);
    let mut found = Vec::new();
    let mut first = 0;
    while let Some(start) = groups.get(first).map(|group| group.start) {
        let mut digits: Vec<u8> = Vec::new();
        let mut longest = None;
        for (last, group) in groups.iter().enumerate().skip(first) {
            if digits.len() + group.len() > *LENGTHS.end() {
                break;
            }
            digits.extend(text[group.clone()].bytes());
            let begins = first > 0 || may_begin_after(&text[..start]);
            let ends = last + 1 < groups.len() || may_end_before(&text[group.end..]);
            if begins && ends && is_card(&digits) {
                longest = Some((last, group.end));
            }
        }
        first += 1;
        if let Some((last, end)) = longest {
            found.push(start..end);
            first = last + 1;
        }
    }
    found
}

fn groups(text: &str, run: Range<usize>) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for at in run.filter(|at| text.as_bytes()[*at].is_ascii_digit()) {
        match groups.last_mut() {
            Some(group) if group.end == at => group.end += 1,
            _ => groups.push(at..at + 1),
        }
    }
    groups
}

fn is_card(digits: &[u8]) -> bool {
    LENGTHS.contains(&digits.len()) && begins_as_card(digits) && check_digit_holds(digits)
}

/// By the networks' published ranges: Mastercard 2221 to 2720 and 50 to 58, Amex, Diners and JCB 30 and 34 to 39, Visa 4,
/// Maestro, Discover and UnionPay 6, RuPay 81 and 82.
fn begins_as_card(digits: &[u8]) -> bool {
    match digits {
        [b'2', ..] => digits.len() == 16 && (&b"2221"[..]..=b"2720").contains(&&digits[..4]),
        [b'3', second, ..] => matches!(second, b'0' | b'4'..=b'9'),
        [b'4' | b'6', ..] => true,
        [b'5', second, ..] => matches!(second, b'0'..=b'8'),
        [b'8', b'1' | b'2', ..] => digits.len() == 16,
        _ => false,
    }
}

/// The Luhn formula.
fn check_digit_holds(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(position, digit)| match (position % 2, u32::from(digit - b'0')) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => 2 * digit - 9,
            (_, digit) => 2 * digit,
        })
        .sum();
    sum.is_multiple_of(10)
}
