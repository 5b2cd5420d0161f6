//! Values and objects within Mixpanel's limits.

use alloc::vec::Vec;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use tagyard_tag::{Object, Value};

/// Most keys of an object and elements of an array, "fewer than 255". Source: Import Events, High-level requirements.
const MAX_ELEMENTS: usize = 254;

/// The deepest nesting. Source: Import Events, High-level requirements.
const MAX_DEPTH: usize = 3;

/// Writes the properties of an event or profile: each name once, the first one counts, and never more than are taken.
pub(crate) struct Fields<'e, M> {
    map: M,
    names: Vec<&'e str>,
}

/// A value without what is nested too deeply or stands beyond the longest list.
struct Bounded<'e> {
    value: &'e Value<'e>,
    /// How many more levels may follow.
    levels: usize,
}

impl<'e, M: SerializeMap> Fields<'e, M> {
    pub(crate) fn new(map: M) -> Self {
        Fields { map, names: Vec::with_capacity(32) }
    }

    pub(crate) fn put<T: Serialize>(&mut self, name: &'e str, value: Option<T>) -> Result<(), M::Error> {
        match value {
            Some(value) if self.names.len() < MAX_ELEMENTS && !self.names.contains(&name) => {
                self.names.push(name);
                self.map.serialize_entry(name, &value)
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn value(&mut self, name: &'e str, value: Option<&'e Value<'e>>) -> Result<(), M::Error> {
        let value = value.filter(|value| !value.is_null());
        self.put(name, value.map(|value| Bounded { value, levels: MAX_DEPTH }))
    }

    pub(crate) fn text(&mut self, name: &'e str, object: &'e Object<'e>, path: &str) -> Result<(), M::Error> {
        self.put(name, object.str_at(path))
    }

    pub(crate) fn end(self) -> Result<M::Ok, M::Error> {
        self.map.end()
    }
}

impl Serialize for Bounded<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let inner = |value| Bounded { value, levels: self.levels.saturating_sub(1) };
        let fits = |value: &Value<'_>| self.levels > 1 || !matches!(value, Value::Array(_) | Value::Object(_));
        match self.value {
            Value::Array(items) => {
                let mut sequence = serializer.serialize_seq(None)?;
                for value in items.iter().filter(|value| fits(value)).take(MAX_ELEMENTS) {
                    sequence.serialize_element(&inner(value))?;
                }
                sequence.end()
            }
            Value::Object(object) => {
                let mut map = serializer.serialize_map(None)?;
                for (key, value) in object.iter().filter(|(_, value)| fits(value)).take(MAX_ELEMENTS) {
                    map.serialize_entry(key, &inner(value))?;
                }
                map.end()
            }
            scalar => scalar.serialize(serializer),
        }
    }
}
