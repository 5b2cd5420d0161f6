//! How each kind of personal data is normalised before it is hashed, by Meta's "Customer Information Parameters". Each
//! function takes lower-case, trimmed text and gives `None` for what could match nobody.

use alloc::format;
use alloc::string::String;

use crate::states;

/// As much of a country as the rules for states and postal codes ask for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Country {
    UnitedStates,
    Other,
    Unknown,
}

pub(crate) fn email(text: String) -> Option<String> {
    let (user, domain) = text.split_once('@')?;
    (!user.is_empty() && !domain.is_empty()).then_some(text)
}

/// "Remove symbols, letters, and any leading zeros": the sender has to include the country code.
pub(crate) fn phone(mut text: String) -> Option<String> {
    text.retain(|c| c.is_ascii_digit());
    let zeros = text.len() - text.trim_start_matches('0').len();
    text.drain(..zeros);
    Some(text)
}

/// Names and places: no punctuation and no spaces; letters of other alphabets stay.
pub(crate) fn plain(mut text: String) -> Option<String> {
    text.retain(|c| !c.is_ascii_punctuation() && !c.is_whitespace());
    Some(text)
}

/// The two letters of a state of the USA, the plain name of others.
pub(crate) fn state(text: String, country: Country) -> Option<String> {
    let name = plain(text)?;
    match states::code(&name) {
        Some(code) if country != Country::Other => Some(code.into()),
        _ => Some(name),
    }
}

/// No spaces and no dash; the first five digits in the USA.
pub(crate) fn postal_code(mut text: String, country: Country) -> Option<String> {
    // "94035-1234" can be nothing else.
    let zip_plus_four = text.len() == 10 && text.as_bytes()[5] == b'-';
    text.retain(|c| !c.is_whitespace() && c != '-');
    let digits = text.bytes().all(|c| c.is_ascii_digit());
    if digits && (country == Country::UnitedStates || country == Country::Unknown && zip_plus_four) {
        text.truncate(5);
    }
    Some(text)
}

/// Two letters. Names are not looked up, but for the two countries whose usual short names are no ISO 3166-1 codes.
pub(crate) fn country(mut text: String) -> Option<String> {
    text.retain(|c| c.is_ascii_alphabetic() || !c.is_ascii());
    match text.as_str() {
        "usa" | "unitedstates" | "unitedstatesofamerica" => Some("us".into()),
        "uk" | "unitedkingdom" => Some("gb".into()),
        code => (code.len() == 2 && code.is_ascii()).then_some(text),
    }
}

pub(crate) fn gender(text: String) -> Option<String> {
    match text.as_str() {
        "f" | "female" | "woman" => Some("f".into()),
        "m" | "male" | "man" => Some("m".into()),
        _ => None,
    }
}

/// YYYYMMDD, from a date that begins with its year, or with the month as Meta's own example has it: 2/16/1997.
pub(crate) fn birthday(text: String) -> Option<String> {
    let date = text.split(['t', ' ']).next()?;
    let (year, month, day) = if date.len() == 8 && date.bytes().all(|c| c.is_ascii_digit()) {
        (number(date.get(..4)?)?, number(date.get(4..6)?)?, number(date.get(6..)?)?)
    } else {
        let mut parts = date.split(['-', '/', '.']);
        let (first, second, third) = (parts.next()?, number(parts.next()?)?, parts.next()?);
        if first.len() == 4 {
            (number(first)?, second, number(third)?)
        } else {
            (number(third)?, number(first)?, second)
        }
    };
    let real = (1900..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    real.then(|| format!("{year:04}{month:02}{day:02}"))
}

fn number(digits: &str) -> Option<u16> {
    digits.parse().ok()
}

#[cfg(test)]
#[path = "normalise_tests.rs"]
mod tests;
