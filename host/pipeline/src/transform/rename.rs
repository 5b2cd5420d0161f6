//! `rename`: moves values from one field to another.

use std::collections::BTreeMap;

use super::error::{Fault, Step, TransformError, TransformErrors, key_path};
use super::{Change, Compiled, Effect, Passage};
use crate::path::Path;

#[derive(Debug)]
struct Rename(Vec<Move>);

/// A move within each object at `within`: what both paths have in common, so that in a list each element keeps its own.
#[derive(Debug)]
struct Move {
    whole: Path,
    within: Path,
    from: Path,
    to: Path,
}

pub(super) fn compile(names: &BTreeMap<String, String>) -> Compiled {
    let from = TransformErrors::all(names.keys().map(|from| key_path(from)));
    let to =
        TransformErrors::all(names.iter().map(|(from, to)| {
            Path::parse(to).map_err(|error| TransformError::at([Step::key(from)], Fault::Path(error)))
        }));
    let (from, to) = TransformErrors::both(from, to)?;
    let pairs: Vec<(Path, Path)> = from.into_iter().zip(to).collect();
    TransformErrors::all((0..pairs.len()).map(|position| apart(&pairs, position)))?;
    Ok(Effect::change(Rename(pairs.into_iter().map(Move::new).collect())))
}

/// Moves of one transformation have no order, so none may move what another has moved.
fn apart(pairs: &[(Path, Path)], position: usize) -> Result<(), TransformError> {
    let (from, to) = &pairs[position];
    let others = pairs.iter().enumerate().filter(|(other, _)| *other != position).map(|(_, pair)| pair);
    for (other_from, other_to) in others {
        if to.overlaps(other_from) || to.overlaps(other_to) {
            return Err(TransformError::at([Step::Key(from.to_string())], Fault::Overlap(to.to_string())));
        }
        if from.overlaps(other_from) {
            return Err(TransformError::at([Step::Name(from.to_string())], Fault::Overlap(from.to_string())));
        }
    }
    Ok(())
}

impl Move {
    fn new((from, to): (Path, Path)) -> Self {
        let (within, rest_from, rest_to) = from.fork(&to);
        Move { whole: from, within, from: rest_from, to: rest_to }
    }
}

impl Change for Rename {
    fn apply(&self, event: &mut Passage<'_, '_>) {
        for moved in &self.0 {
            if !moved.whole.leads_somewhere(event.fields()) {
                continue;
            }
            let objects = moved.within.objects(event.fields());
            let fields = event.to_mut();
            for object in objects {
                if let Some(value) = moved.from.take_from(fields, object) {
                    moved.to.set_in(fields, object, &value);
                }
            }
        }
    }
}
