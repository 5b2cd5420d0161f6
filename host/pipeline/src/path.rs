//! Dotted field paths, such as `properties.products.*`, and sets of them.

mod put;
mod reach;

use std::cmp::Ordering;
use std::fmt;

pub use reach::Part;

/// The dotted path of one field, such as `context.page.url`. Arrays are transparent: `properties.products.price` means
/// the price of each product.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Path(Vec<String>);

/// Why a text is no path.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PathError {
    #[error("a field path has no empty part: write it as `context.page.url`")]
    Empty,
    #[error("`*` stands only at the end of a field path, as in `properties.*`")]
    Star,
    #[error("a field path has at most {MAX_DEPTH} parts")]
    Deep,
}

/// No event is nested deeper than its JSON parser allows (128), and no person writes a path as long as this.
const MAX_DEPTH: usize = 32;

impl Path {
    /// Reads a path without a star.
    ///
    /// # Errors
    /// When a part is empty or a star, or when there are too many.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let parts = parts(text)?;
        if parts.contains(&"*") {
            return Err(PathError::Star);
        }
        Ok(Path(parts.into_iter().map(str::to_owned).collect()))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

fn parts(text: &str) -> Result<Vec<&str>, PathError> {
    let parts: Vec<&str> = text.split('.').collect();
    if parts.len() > MAX_DEPTH {
        return Err(PathError::Deep);
    }
    if parts.iter().any(|part| part.trim().is_empty()) {
        return Err(PathError::Empty);
    }
    Ok(parts)
}

/// A set of fields: paths, each of which may end in `*` for everything below it. `*` alone is the whole event.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Fields {
    root: Node,
}

#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Node {
    all: bool,
    /// In their order by [`by_length`].
    below: Vec<(String, Node)>,
}

impl Fields {
    /// Reads a set from its patterns.
    ///
    /// # Errors
    /// The position of the first pattern that is none, and why.
    pub fn parse<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> Result<Self, (usize, PathError)> {
        let mut fields = Fields::default();
        for (position, pattern) in patterns.into_iter().enumerate() {
            fields.add(pattern.as_ref()).map_err(|error| (position, error))?;
        }
        Ok(fields)
    }

    /// Adds one pattern.
    ///
    /// # Errors
    /// When it is none.
    pub fn add(&mut self, pattern: &str) -> Result<(), PathError> {
        let parts = parts(pattern)?;
        let (way, all) = match parts.split_last() {
            Some((&"*", way)) => (way, true),
            _ => (parts.as_slice(), true),
        };
        if way.contains(&"*") {
            return Err(PathError::Star);
        }
        let mut node = &mut self.root;
        for part in way {
            let at = node.find(part).unwrap_or_else(|at| {
                node.below.insert(at, ((*part).to_owned(), Node::default()));
                at
            });
            node = &mut node.below[at].1;
        }
        node.all = all;
        Ok(())
    }

    /// Whether the set holds everything that `pattern` means.
    pub fn covers(&self, pattern: &str) -> bool {
        let Ok(parts) = parts(pattern) else { return false };
        let way = parts.strip_suffix(&["*"]).unwrap_or(&parts);
        let mut node = &self.root;
        for part in way {
            if node.all {
                return true;
            }
            match node.get(part) {
                Some(next) => node = next,
                None => return false,
            }
        }
        node.all
    }

    /// What is in both sets.
    pub fn intersection(&self, other: &Fields) -> Fields {
        Fields { root: self.root.intersection(&other.root) }
    }

    /// The whole set as a cursor to walk an event with.
    pub fn cursor(&self) -> FieldCursor<'_> {
        FieldCursor(&self.root)
    }
}

/// Up to so many are gone through one by one, which takes less than guessing among them.
const FEW: usize = 32;

/// The shorter ones first: that tells most apart without a look at them.
fn by_length(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

impl Node {
    fn get(&self, part: &str) -> Option<&Node> {
        let at = if self.below.len() > FEW {
            self.find(part).ok()?
        } else {
            self.below.iter().position(|(name, _)| name == part)?
        };
        self.below.get(at).map(|(_, node)| node)
    }

    fn find(&self, part: &str) -> Result<usize, usize> {
        self.below.binary_search_by(|(name, _)| by_length(name, part))
    }

    fn intersection(&self, other: &Node) -> Node {
        if self.all {
            return other.clone();
        }
        if other.all {
            return self.clone();
        }
        let below = self
            .below
            .iter()
            .filter_map(|(part, node)| Some((part.clone(), node.intersection(other.get(part)?))))
            .filter(|(_, node)| node.all || !node.below.is_empty())
            .collect();
        Node { all: false, below }
    }
}

/// A place in a [`Fields`] set.
#[derive(Clone, Copy, Debug)]
pub struct FieldCursor<'f>(&'f Node);

impl<'f> FieldCursor<'f> {
    /// Whether everything from here on is in the set.
    pub fn takes_all(self) -> bool {
        self.0.all
    }

    /// One step down; `None` where nothing below is in the set.
    pub fn step(self, key: &str) -> Option<FieldCursor<'f>> {
        if self.0.all {
            return Some(self);
        }
        self.0.get(key).map(FieldCursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_what_it_was_given_and_below() {
        let check = |patterns: &[&str], asked: &str, expected: bool| {
            let fields = Fields::parse(patterns).expect("patterns");
            assert_eq!(fields.covers(asked), expected, "{patterns:?} covers {asked}");
        };
        check(&["properties.*"], "properties.revenue", true);
        check(&["properties.*"], "properties", true);
        check(&["properties"], "properties.*", true);
        check(&["properties.revenue"], "properties.*", false);
        check(&["properties.revenue"], "properties", false);
        check(&["*"], "anything.at.all", true);
        check(&["context.page.url"], "context.page.url", true);
        check(&["context.page.url"], "context.ip", false);
        check(&[], "event", false);
    }

    #[test]
    fn intersection_takes_the_narrower_of_the_two() {
        let check = |left: &[&str], right: &[&str], expected: &[&str]| {
            let parse = |patterns: &[&str]| Fields::parse(patterns).expect("patterns");
            assert_eq!(parse(left).intersection(&parse(right)), parse(expected));
            assert_eq!(parse(right).intersection(&parse(left)), parse(expected));
        };
        check(&["*"], &["event", "context.page.*"], &["event", "context.page.*"]);
        check(&["context.*"], &["context.page.url", "event"], &["context.page.url"]);
        check(&["event"], &["userId"], &[]);
    }

    #[test]
    fn bad_patterns_are_named() {
        assert_eq!(Fields::parse(["a", "b..c"]).map(|_| ()), Err((1, PathError::Empty)));
        assert_eq!(Fields::parse(["a.*.c"]).map(|_| ()), Err((0, PathError::Star)));
        assert_eq!(Path::parse("a.*"), Err(PathError::Star));
    }
}
