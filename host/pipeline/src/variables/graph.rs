//! Variables that are made of others.

use std::collections::{BTreeMap, BTreeSet};

use super::MAX_CHAIN;

/// Variables that cannot be computed for how they are made of each other.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Circle {
    #[error("`vars.{0}` is made of itself")]
    Closed(String),
    #[error("`vars.{0}` is made of a chain of more than {MAX_CHAIN} variables")]
    Long(String),
}

impl Circle {
    /// The variable at which it is to be mended.
    pub fn name(&self) -> &str {
        match self {
            Circle::Closed(name) | Circle::Long(name) => name,
        }
    }
}

/// Looks for variables that are made of themselves, or of too long a chain. What each one needs stands beside it.
///
/// # Errors
/// The first one, by name.
pub fn circle(needs: &BTreeMap<&str, BTreeSet<String>>) -> Result<(), Circle> {
    let mut lengths = BTreeMap::new();
    needs.keys().try_for_each(|name| length(name, needs, &mut BTreeSet::new(), &mut lengths).map(drop))
}

/// How many variables stand behind each other, this one included.
fn length<'n>(
    name: &'n str,
    needs: &'n BTreeMap<&str, BTreeSet<String>>,
    way: &mut BTreeSet<&'n str>,
    lengths: &mut BTreeMap<&'n str, usize>,
) -> Result<usize, Circle> {
    if let Some(length) = lengths.get(name) {
        return Ok(*length);
    }
    if !way.insert(name) {
        return Err(Circle::Closed(name.to_owned()));
    }
    if way.len() > MAX_CHAIN {
        return Err(Circle::Long(name.to_owned()));
    }
    let mut longest = 0;
    for need in needs.get(name).into_iter().flatten() {
        longest = longest.max(length(need, needs, way, lengths)?);
    }
    way.remove(name);
    if longest >= MAX_CHAIN {
        return Err(Circle::Long(name.to_owned()));
    }
    lengths.insert(name, longest + 1);
    Ok(longest + 1)
}
