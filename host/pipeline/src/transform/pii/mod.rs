//! Finding e-mail addresses, phone numbers and card numbers in texts and URLs.
//!
//! What it finds is what can be told from other text by its looks. A name, or a number that nothing marks as a phone number,
//! cannot: for those there are `drop` and `hash`.

mod card;
mod email;
mod escapes;
mod phone;

use std::ops::Range;

use escapes::Unescaped;

/// How often a text's URL escapes are taken off: a URL in a parameter of a URL in a parameter is as far as sites go.
const MAX_LEVELS: usize = 3;

/// The least digits of a phone or card number.
const MIN_DIGITS: usize = 6;

/// What was found, in bytes of the text.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Found {
    at: Range<usize>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Email,
    Card,
    Phone,
}

impl Kind {
    /// What stands in its place. Parentheses, since a URL may hold them as they are.
    fn placeholder(self) -> &'static str {
        match self {
            Kind::Email => "(email)",
            Kind::Card => "(card)",
            Kind::Phone => "(phone)",
        }
    }
}

/// The text without what identifies a person; `None` if it holds nothing of the sort.
pub(super) fn redacted(text: &str) -> Option<String> {
    let mut found = find(text);
    let mut escaped = Unescaped::of(text);
    for _ in 0..MAX_LEVELS {
        let Some(unescaped) = escaped else { break };
        found.extend(find(&unescaped.text).into_iter().map(|found| Found { at: unescaped.origin(found.at), ..found }));
        escaped = unescaped.again();
    }
    if found.is_empty() {
        return None;
    }
    found.sort_by_key(|found| found.at.start);
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for Found { at, kind } in found {
        if at.start >= end {
            out.push_str(&text[end..at.start]);
            out.push_str(kind.placeholder());
        }
        end = end.max(at.end);
    }
    out.push_str(&text[end..]);
    Some(out)
}

/// What a text holds as it stands. Of what overlaps, the caller takes the first.
fn find(text: &str) -> Vec<Found> {
    let of = |kind: Kind| move |at| Found { at, kind };
    let mut found: Vec<Found> = Vec::new();
    if text.contains('@') {
        found.extend(email::find(text).map(of(Kind::Email)));
    }
    if text.bytes().filter(u8::is_ascii_digit).take(MIN_DIGITS).count() == MIN_DIGITS {
        found.extend(card::find(text).map(of(Kind::Card)));
        found.extend(phone::find(text).map(of(Kind::Phone)));
    }
    found
}

/// Whether a number may begin after this text: what goes on from a word, a decimal or an id is no number of its own.
fn may_begin_after(before: &str) -> bool {
    before.chars().next_back().is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '.' | ',' | '-' | '_' | '%'))
}

/// Whether a number may end before this text.
fn may_end_before(after: &str) -> bool {
    let mut after = after.chars();
    match after.next() {
        None => true,
        Some('-' | '.' | ',') => after.next().is_none_or(|c| !c.is_alphanumeric()),
        Some(c) => !c.is_alphanumeric() && c != '_',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(redacted(text).as_deref().unwrap_or(text), expected, "{text}");
    }

    fn untouched(text: &str) {
        assert_eq!(redacted(text), None, "{text}");
    }

    #[test]
    fn finds_addresses() {
        check("write to jane.doe+news@shop.example, please", "write to (email), please");
        check("<JANE@SHOP.EXAMPLE>", "<(email)>");
        check("jürgen@müller.example and a@b.co", "(email) and (email)");
        check("jane@xn--mller-kva.xn--p1ai.", "(email).");
        for text in ["npm i vite@7.1.2", "@jane", "logo@2x.png", "map/@52.52,13.40,12z", "a@b", "jane@localhost"] {
            untouched(text);
        }
    }

    #[test]
    fn finds_them_in_urls_too() {
        check("https://shop.example/?email=jane%40shop.example&a=1", "https://shop.example/?email=(email)&a=1");
        check(
            "https://shop.example/?next=%2Fhi%3Fe%3Djane%2540shop.example%26a%3D1",
            "https://shop.example/?next=%2Fhi%3Fe%3D(email)%26a%3D1",
        );
        check("/?p=%2B49%20170%201234567&x=%20y", "/?p=(phone)&x=%20y");
        check("/pay?card=4111+1111+1111+1111", "/pay?card=(card)");
        check("100% sure: jane@shop.example", "100% sure: (email)");
        check("%ff%e4jane@shop.example", "(email)");
        untouched("https://shop.example/?q=100%25%20wool&id=%F0%9F%8D%8A");
    }

    #[test]
    fn finds_phone_numbers() {
        for number in [
            "+49 170 1234567",
            "+1 (650) 555-1212",
            "0049 30 1234567",
            "+33.1.23.45.67.89",
            "+4930/1234567",
            "0170 1234567",
            "(030) 1234567",
            "01701234567",
            "01.23.45.67.89",
            "(650) 555-1212",
            "650-555-1212",
            "1-650-555-1212",
        ] {
            check(number, "(phone)");
            check(&format!("call {number}, or not"), "call (phone), or not");
        }
        check("tel:+4930123456", "tel:(phone)");
        check("phone=1701234567&a=1", "phone=(phone)&a=1");
        check("{\"mobile_number\": \"170 1234567\"}", "{\"mobile_number\": \"(phone)\"}");
        for text in [
            "2026-11-22T02:18:56.000+01:00",
            "22.11.2026 10:30:15",
            "01/02/2026 10:30",
            "1763778000000",
            "203.0.113.7",
            "GA1.2.456789012.1763778000",
            "fb.1.1763778000123.1234567890",
            "3f2b0a10-0301-4123-8abc-001234567890",
            "order 1234567",
            "12,0012345678",
            "0.0123456789",
            "hotel=1234567",
            "SKU-0123456789",
            "iPhone; CPU iPhone OS 18_6",
            "1 + 2 = 3",
        ] {
            untouched(text);
        }
    }

    #[test]
    fn finds_card_numbers() {
        for number in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "5555-5555-5555-4444",
            "378282246310005",
            "6011111111111117",
            "2223003122003222",
        ] {
            check(number, "(card)");
            check(&format!("paid by {number}."), "paid by (card).");
            check(&format!("2026 {number} 12"), "2026 (card) 12");
        }
        for text in [
            "4111111111111112",
            "1111111111111117",
            "41111111111111111111111",
            "x4111111111111111",
            "20261122021856123",
        ] {
            untouched(text);
        }
    }

    /// What addresses stand in: whatever may make a boundary, an escape or half of one.
    fn surroundings() -> impl Strategy<Value = String> {
        const FRAGMENTS: [&str; 18] = [
            "%",
            "4",
            "%4",
            "%40",
            "%C3",
            "%A9",
            "%25",
            "@",
            ".",
            "é",
            "漢",
            " ",
            "+49",
            "4111 1111 ",
            "-",
            "=",
            "&",
            "x",
        ];
        prop::collection::vec(prop::sample::select(&FRAGMENTS[..]), 0..12).prop_map(|fragments| fragments.concat())
    }

    proptest! {
        #[test]
        fn an_address_is_found_wherever_it_stands(
            before in surroundings(), after in surroundings(), at in prop::sample::select(&["@", "%40", "%2540", "%252540"][..]),
        ) {
            let text = format!("{before}jane.doe{at}shop.example{after}");
            let redacted = redacted(&text).unwrap_or(text);
            prop_assert!(!redacted.contains("jane.doe"), "{redacted}");
        }
    }
}
