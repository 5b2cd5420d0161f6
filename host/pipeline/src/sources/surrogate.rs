//! Halves of characters.
//!
//! A page that cuts a title after a hundred UTF-16 units may cut an emoji in two, and `JSON.stringify` writes the half as
//! `\ud83d`. RFC 8259 allows it, serde_json does not, and no UTF-8 text can hold it. The half becomes U+FFFD, as browsers
//! and Go show it: an event is not lost for it.

/// Parses JSON in which there may be half characters, with the given parser. Texts without pay nothing for it.
pub(super) fn parse<T>(text: &str, parse: impl Fn(&str) -> serde_json::Result<T>) -> serde_json::Result<T> {
    parse(text).or_else(|error| match mended(text) {
        Some(mended) => parse(&mended),
        None => Err(error),
    })
}

/// The text with each half replaced by an escape as long, so that places in error messages still hold; `None` where
/// there is none.
fn mended(text: &str) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let mut any = false;
    let mut at = 0;
    while let Some(next) = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'\\')) {
        at += next;
        at += match (unit(&bytes, at), unit(&bytes, at + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                bytes.get_mut(at..at + 6)?.copy_from_slice(br"\ufffd");
                any = true;
                6
            }
            (Some(_), _) => 6,
            (None, _) => 2,
        };
    }
    if any { String::from_utf8(bytes).ok() } else { None }
}

/// The UTF-16 unit that is escaped here, if one is.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at.checked_add(6)?)?.strip_prefix(br"\u")?;
    digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)? as u16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_halves_and_nothing_else() {
        let check = |text: &str, expected: Option<&str>| {
            let parsed = parse(text, |text| serde_json::from_str::<String>(text));
            assert_eq!(parsed.ok().as_deref(), expected, "{text}");
        };
        check(r#""cut \ud83d""#, Some("cut \u{fffd}"));
        check(r#""\ud83d\ude00 \ude00""#, Some("\u{1f600} \u{fffd}"));
        check(r#""\ud83d\ud83d\ude00""#, Some("\u{fffd}\u{1f600}"));
        check(r#""\ud83d\\ud83d é""#, Some("\u{fffd}\\ud83d é"));
        check(r#""\ud83d\u00e9""#, Some("\u{fffd}é"));
        check(r#""\ud83d\u00""#, None);
        check(r#""\ud83d"#, None);
        check(r#""\"#, None);
    }
}
