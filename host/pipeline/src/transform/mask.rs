//! `mask`: replaces what a regular expression matches.

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::error::{Fault, Step, TransformError, TransformErrors, parts};
use super::leaf::{Leaf, Leaves, text};
use super::{Compiled, Effect};
use crate::container::model;

/// The most memory that a compiled pattern may take, in bytes. `\w{1,100}` fits, `\w{1,1000}` does not.
const MAX_PATTERN: usize = 10 << 20;

/// The most memory that a search may use to be quick, in bytes; with less, it is slower.
const MAX_SEARCH: usize = 2 << 20;

/// The most matches in one text. Each search is linear in the text, so that all of them together are, too. A text with more
/// is cut there.
const MAX_MATCHES: usize = 1_000;

/// What a text may grow to at least, in bytes; a longer one may double. Without it, a visitor's text of nothing but matches
/// would become as many times longer as the replacement is.
const MIN_ROOM: usize = 256;

#[derive(Clone, Debug)]
struct Mask {
    pattern: Regex,
    with: String,
}

pub(super) fn compile(spec: &model::Mask) -> Compiled {
    let fields = parts(&spec.fields).map_err(|errors| errors.within(&Step::key("fields")));
    let (fields, pattern) = TransformErrors::both(fields, pattern(spec))?;
    Ok(Effect::change(Leaves::each(fields, &Mask { pattern, with: spec.with.clone() })))
}

fn pattern(spec: &model::Mask) -> Result<Regex, TransformErrors> {
    let pattern = RegexBuilder::new(&spec.pattern).size_limit(MAX_PATTERN).dfa_size_limit(MAX_SEARCH).build();
    let pattern = pattern.map_err(|error| TransformError::at([Step::key("pattern")], Fault::Pattern(plain(&error))))?;
    match groups(&spec.with).find(|group| !has_group(&pattern, group)) {
        Some(group) => Err(TransformError::at([Step::key("with")], Fault::Group(group.to_owned())).into()),
        None => Ok(pattern),
    }
}

/// An error without its drawing of the pattern.
fn plain(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "it takes too much memory, mostly by a large repetition".to_owned(),
        error => {
            let text = error.to_string();
            text.rsplit("error: ").next().unwrap_or_default().replace('\n', " ")
        }
    }
}

/// The groups that a replacement names, as the regex crate reads them.
fn groups(with: &str) -> impl Iterator<Item = &str> {
    let mut rest = with;
    std::iter::from_fn(move || {
        loop {
            let (_, after) = rest.split_once('$')?;
            if let Some(escaped) = after.strip_prefix('$') {
                rest = escaped;
                continue;
            }
            let (name, next) = match after.strip_prefix('{') {
                Some(braced) => braced.split_once('}').unwrap_or(("", after)),
                None => {
                    after.split_at(after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len()))
                }
            };
            rest = next;
            if !name.is_empty() {
                return Some(name);
            }
        }
    })
}

fn has_group(pattern: &Regex, group: &str) -> bool {
    match group.parse::<usize>() {
        Ok(number) => number < pattern.captures_len(),
        Err(_) => pattern.capture_names().flatten().any(|name| name == group),
    }
}

impl Leaf for Mask {
    fn change(&self, value: &Value) -> Option<Value> {
        let text = text(value)?;
        let mut masked = String::new();
        let mut end = 0;
        for (position, found) in self.pattern.captures_iter(&text).enumerate() {
            if position == MAX_MATCHES || masked.len() > room(&text) {
                end = text.len();
                break;
            }
            let whole = found.get_match();
            masked.push_str(&text[end..whole.start()]);
            found.expand(&self.with, &mut masked);
            end = whole.end();
        }
        masked.push_str(&text[end..]);
        masked.truncate(masked.floor_char_boundary(room(&text)));
        (masked != text).then_some(Value::String(masked))
    }
}

fn room(text: &str) -> usize {
    (2 * text.len()).max(MIN_ROOM)
}
