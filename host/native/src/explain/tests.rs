//! What is said of containers. Each fixture is what `tagyard explain` prints.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::*;
use crate::container;

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn containers_are_explained_in_sentences() {
    let fixtures = here("src/explain/fixtures");
    let check = |container: PathBuf| {
        let loaded =
            container::load(&container, |_| Some("value".to_owned())).unwrap_or_else(|report| panic!("{report}"));
        let fixture = fixtures.join(container.file_name().unwrap()).with_extension("txt");
        let expected = fs::read_to_string(&fixture).unwrap_or_default();
        assert_eq!(explain(&loaded), expected, "{}", fixture.display());
    };
    check(fixtures.join("everything.toml"));
    ["shop", "conditions", "private", "hooks"]
        .into_iter()
        .for_each(|name| check(here("../../examples").join(format!("{name}.toml"))));
}

/// So that every sentence that there is stands in a fixture.
#[test]
fn the_fixture_with_everything_has_every_key() {
    fn check(place: &str, schema: &Value, found: &[&Value]) {
        for (name, key) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let place = format!("{place}.{name}");
            let values: Vec<&Value> = found.iter().filter_map(|value| value.get(name)).collect();
            assert!(!values.is_empty(), "{place} is not in everything.toml");
            let within: Vec<&Value> = values.iter().flat_map(|value| value.as_array().into_iter().flatten()).collect();
            check(&place, key, &values);
            check(&place, key.get("items").unwrap_or(&Value::Null), &within);
            // A variable or a purpose has a name of its own.
            let named: Vec<&Value> = values
                .iter()
                .flat_map(|value| value.as_object().into_iter().flat_map(|table| table.values()))
                .collect();
            let forms = key.get("additionalProperties").into_iter();
            let forms = forms.flat_map(|form| {
                std::iter::once(form).chain(form.get("anyOf").and_then(Value::as_array).into_iter().flatten())
            });
            forms.for_each(|form| check(&place, form, &named));
        }
    }
    let text = fs::read_to_string(here("src/explain/fixtures/everything.toml")).unwrap();
    let everything = serde_json::to_value(text.parse::<toml::Table>().unwrap()).unwrap();
    // The one key whose sentence is the same for a tag as for the container.
    let mut schema = container::container_schema().clone();
    let own = schema.pointer_mut("/properties/tag/items/properties/transform").unwrap();
    *own = Value::Null;
    check("", &schema, &[&everything]);
}
