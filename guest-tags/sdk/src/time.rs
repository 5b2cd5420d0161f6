//! Timestamps: RFC 3339, which is what the host writes. A date library would be a quarter of a tag's code.

/// Microseconds since 1970 of a timestamp such as `2026-11-21T10:02:40.512Z` or `…+01:00`. Digits behind the microsecond are cut
/// off; a leap second counts as the one before it. `None` for anything else.
pub(crate) fn micros(text: &str) -> Option<i64> {
    let [date, time] = [text.get(..10)?.as_bytes(), text.get(11..19)?.as_bytes()];
    let separators =
        [date[4], date[7], time[2], time[5]] == *b"--::" && matches!(text.as_bytes()[10], b'T' | b't' | b' ');
    let (year, month, day) = (number(&date[..4])?, number(&date[5..7])?, number(&date[8..])?);
    let (hour, minute, second) = (number(&time[..2])?, number(&time[3..5])?, number(&time[6..])?);
    let exists = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    if !separators || !exists || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction, zone) = fraction(&text[19..])?;
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second.min(59) - offset(zone)?;
    Some(seconds * 1_000_000 + fraction)
}

/// The microseconds of `.512`, where it is there, and the rest.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(digits) = text.strip_prefix('.') else { return Some((0, text)) };
    let end = digits.bytes().position(|byte| !byte.is_ascii_digit())?;
    let micros = (0..6).fold(0, |sum, at| {
        let digit = if at < end { i64::from(digits.as_bytes()[at] - b'0') } else { 0 };
        sum * 10 + digit
    });
    (end > 0).then_some((micros, &digits[end..]))
}

/// Seconds that a zone is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    if let "Z" | "z" = zone {
        return Some(0);
    }
    let (sign, hours, minutes) = match zone.as_bytes() {
        [sign, h0, h1, b':', m0, m1] => (sign, number(&[*h0, *h1])?, number(&[*m0, *m1])?),
        _ => return None,
    };
    let seconds = (hours < 24 && minutes < 60).then_some(hours * 3_600 + minutes * 60)?;
    match sign {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970 in the Gregorian calendar, counted in eras of 400 years from the first of March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::micros;

    fn library(text: &str) -> Option<i64> {
        text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_microsecond)
    }

    #[test]
    fn every_day_is_the_date_librarys() {
        // Steps that meet every day of the year and of the week, from the year 1 to 9998.
        for second in (-62_135_596_800i64..253_370_000_000).step_by(8 * 86_400 + 12_345) {
            let text = jiff::Timestamp::from_second(second).map(|time| time.to_string());
            assert_eq!(text.ok().and_then(|text| micros(&text)), Some(second * 1_000_000));
        }
    }

    #[test]
    fn reads_what_the_date_library_reads() {
        for text in [
            "2026-11-21T10:02:40.512Z",
            "2026-11-21t10:02:40z",
            "2026-11-21 10:02:40.5+01:00",
            "2026-11-21T10:02:40.123456789-11:30",
            "2024-02-29T23:59:60Z",
            "2000-02-29T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2023-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-04-31T00:00:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T10:60:00Z",
            "2026-11-21T10:02:40",
            "2026-11-21T10:02:40.Z",
            "2026-11-21T10:02:40.5",
            "2026-11-21T10:02:4xZ",
            "2026-11-21T10:02:40*01:00",
            "2026-11-21",
            "yesterday",
            "",
        ] {
            assert_eq!(micros(text), library(text), "{text}");
        }
    }

    #[test]
    fn text_of_other_bytes_is_none() {
        for text in ["2026-11-2é", "2026-11-21é10:02:40Z", "2026-11-21T10:02:40é", "2026-11-21T10:02:40.5é"] {
            assert_eq!(micros(text), None, "{text}");
        }
    }
}
