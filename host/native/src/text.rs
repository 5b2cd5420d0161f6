//! Places and words in a text that a person wrote.

use std::fmt;

/// A place in a text, as an editor shows it: both count from 1, the column in characters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl Position {
    /// The place of a byte of `text`; its end, if the byte lies behind it.
    pub fn of(text: &str, offset: usize) -> Self {
        let before = &text[..text.floor_char_boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        Position { line, column: before[line_start..].chars().count() + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// The candidate nearest to `name`, if one is near enough to be a slip of the finger rather than another word.
pub(crate) fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    /// Above it two words of ordinary length differ by a letter or two.
    const SIMILAR: f64 = 0.8;
    /// A comparison takes time in proportion to both lengths, and no name is longer.
    const LONGEST: usize = 128;
    if name.len() > LONGEST {
        return None;
    }
    let name = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&name, &candidate.to_lowercase()), candidate))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_as_editors_do() {
        let check = |text: &str, offset: usize, expected: &str| {
            assert_eq!(Position::of(text, offset).to_string(), expected, "{offset} in {text:?}");
        };
        check("a = 1\nb = 2", 0, "1:1");
        check("a = 1\nb = 2", 6, "2:1");
        check("a = 1\nb = 2", 10, "2:5");
        check("a = 1\nb = 2", 99, "2:6");
        check("ü = 1", 3, "1:3");
        check("ü = 1", 1, "1:1");
        check("", 0, "1:1");
    }

    #[test]
    fn finds_what_was_meant() {
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(nearest(name, ["measurement_id", "ga4", "write_keys", "when"]), expected, "{name}");
        };
        check("mesurement_id", Some("measurement_id"));
        check("writekeys", Some("write_keys"));
        check("GA4", Some("ga4"));
        check("ga", Some("ga4"));
        check("whne", Some("when"));
        check("snowplow", None);
        check("", None);
    }
}
