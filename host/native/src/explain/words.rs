//! Small words.

use std::fmt::Display;

use tagyard_pipeline::expression::words;

/// As in "a, b and c".
pub(super) fn listed<T: Display>(items: &[T], and: &str) -> String {
    match items {
        [] => String::new(),
        [only] => only.to_string(),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(ToString::to_string).collect();
            format!("{} {and} {last}", first.join(", "))
        }
    }
}

/// A condition in words, or else as it is written.
pub(super) fn condition(source: &str) -> String {
    words::condition(source).unwrap_or_else(|| format!("the expression `{}` is true", in_one_line(source)))
}

/// A value in words, or else as it is written.
pub(super) fn value(source: &str) -> String {
    words::value(source).unwrap_or_else(|| format!("what the expression `{}` gives", in_one_line(source)))
}

/// Fields of an event, by what a person calls them.
pub(super) fn fields<'f>(patterns: impl IntoIterator<Item = &'f String>) -> String {
    let name = |pattern: &String| match pattern.as_str() {
        "properties" | "properties.*" => "all properties".to_owned(),
        "traits" | "traits.*" => "all traits".to_owned(),
        "context" | "context.*" => "all of `context`".to_owned(),
        pattern => match pattern.strip_suffix(".*") {
            Some(above) => format!("all of `{above}`"),
            None => words::field_in_words(&pattern.split('.').collect::<Vec<_>>()),
        },
    };
    let patterns: Vec<&String> = patterns.into_iter().collect();
    if patterns.iter().any(|pattern| *pattern == "*") {
        return "the whole event".to_owned();
    }
    listed(&patterns.into_iter().map(name).collect::<Vec<_>>(), "and")
}

pub(super) fn field(path: &str) -> String {
    words::field_in_words(&path.split('.').collect::<Vec<_>>())
}

/// As in `12,345`.
pub(super) fn number(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or(u64::MAX).to_string();
    let mut grouped = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// As in `1 day` and `7 days`.
pub(super) fn counted(count: u32, what: &str) -> String {
    crate::cli::counted(count.into(), what)
}

pub(super) fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
