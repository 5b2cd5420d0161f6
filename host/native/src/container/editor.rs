//! The JSON Schema of the container file as editors want it: with the settings and secrets of each bundled tag, examples, and whatever
//! else can be said without running anything. In draft 7, which every TOML editor reads.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use tagyard_pipeline::container::model;
use tagyard_pipeline::manifest::Manifest;
use tagyard_pipeline::transform::change_names;

use super::schema::for_people;
use crate::registry;

/// Values to show, by the place of the key in the schema. Those of expressions compile; a test looks.
const EXAMPLES: [(&str, &str); 22] = [
    ("/properties/collect/properties/write_keys", r#"["shop-web"]"#),
    ("/properties/collect/properties/origins", r#"["https://shop.example"]"#),
    ("/properties/collect/properties/prefix", r#""/metrics""#),
    ("/properties/collect/properties/webhook/items/properties/path", r#""/hooks/orders""#),
    ("/properties/collect/properties/webhook/items/properties/each", r#""body.orders""#),
    ("/properties/collect/properties/webhook/items/properties/when", r#""item.status == 'paid'""#),
    (
        "/properties/collect/properties/webhook/items/properties/set",
        r#"{"event": "'Order Completed'", "userId": "item.customer.id", "properties.total": "double(item.total)"}"#,
    ),
    (
        "/properties/vars",
        r#"{"email": {"first": ["event.traits.email", "event.context.traits.email"], "case": "lower"}, "host": "url(event.context.page.url).host"}"#,
    ),
    ("/properties/consent", r#"{"surveys": {"cookie": {"name": "OptanonConsent", "given": "C0003:1"}}}"#),
    ("/properties/tag/items/properties/on", r#"["page", "Order Completed"]"#),
    ("/properties/tag/items/properties/when", r#""event.properties.total > 20.0""#),
    ("/properties/tag/items/properties/except", r#""vars.is_staff""#),
    ("/properties/tag/items/properties/consent", r#"["analytics"]"#),
    ("/properties/tag/items/properties/sample", "0.1"),
    ("/properties/tag/items/properties/between", r#"["2026-11-27T00:00:00Z", "2026-12-01T00:00:00Z"]"#),
    ("/properties/tag/items/properties/allow/properties/hosts", r#"["api.vendor.example"]"#),
    ("/properties/tag/items/properties/allow/properties/fields", r#"["type", "event", "properties.*"]"#),
    ("/properties/transform/items/properties/drop", r#"["context.ip"]"#),
    ("/properties/transform/items/properties/set", r#"{"properties.cents": "event.properties.total * 100.0"}"#),
    ("/properties/transform/items/properties/hash", r#"{"fields": ["traits.email"], "as": "email"}"#),
    ("/properties/transform/items/properties/mask", r#"{"fields": ["properties.note"], "pattern": "[0-9]{4,}"}"#),
    ("/properties/transform/items/properties/coerce", r#"{"properties.total": "number"}"#),
];

/// What a variable may be called.
const NAME: &str = "^[A-Za-z_][A-Za-z0-9_]*$";

/// The JSON Schema of a container file, for editors: `tagyard schema`.
pub fn editor_schema() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<model::Container>().to_value();
    for_people(&mut schema);
    without_null_defaults(&mut schema);
    add(&mut schema, "", json!({ "title": "A Tagyard container" }));
    add(&mut schema, "/properties/vars", json!({ "propertyNames": { "pattern": NAME } }));
    for transforms in ["/properties/transform", "/properties/tag/items/properties/transform"] {
        let one_change: Vec<Value> = change_names().map(|name| json!({ "required": [name] })).collect();
        add(&mut schema, &format!("{transforms}/items"), json!({ "oneOf": one_change }));
    }
    add_tags(&mut schema);
    for (place, example) in EXAMPLES {
        let example: Value = serde_json::from_str(example).unwrap_or_default();
        add(&mut schema, place, json!({ "examples": [example] }));
        // A tag's own transformations have the same keys.
        add(
            &mut schema,
            &place.replace("/properties/transform/", "/properties/tag/items/properties/transform/"),
            json!({ "examples": [example] }),
        );
    }
    schema
}

/// What each bundled tag takes, by its `use`; and that another one is a path.
fn add_tags(schema: &mut Value) {
    let names: Vec<&str> = registry::bundled_names().collect();
    let uses = json!([
        { "enum": names },
        { "pattern": "^(\\./|\\.\\./|/)", "description": "The path of a component, relative to this file." },
    ]);
    add(schema, "/properties/tag/items/properties/use", json!({ "anyOf": uses, "examples": names }));
    let tags = names.iter().filter_map(|name| {
        let tag = registry::resolve(name, std::path::Path::new("")).ok()?;
        Some(json!({ "if": { "properties": { "use": { "const": name } }, "required": ["use"] }, "then": then(&tag.manifest) }))
    });
    let tags: Vec<Value> = tags.collect();
    add(schema, "/properties/tag/items", json!({ "allOf": tags }));
}

/// What the keys of a tag are when it is this one.
fn then(manifest: &Manifest) -> Value {
    let mut settings = Value::Object(manifest.settings.clone());
    as_draft_7(&mut settings);
    let defaults = manifest.default_settings();
    let required = settings.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    // What has a default need not be written.
    let required: Vec<Value> =
        required.into_iter().filter(|name| name.as_str().is_none_or(|name| !defaults.contains_key(name))).collect();
    let mut keys: Vec<&str> = Vec::new();
    if !required.is_empty() {
        keys.push("settings");
    }
    if !manifest.required_secrets.is_empty() {
        keys.push("secrets");
    }
    add(&mut settings, "", json!({ "required": required, "description": manifest.description }));
    let secrets: Map<String, Value> =
        manifest.secrets.iter().map(|(name, about)| (name.clone(), json!({ "description": about }))).collect();
    let names: Vec<&String> = manifest.secrets.keys().collect();
    json!({
        "properties": {
            "settings": settings,
            "secrets": { "properties": secrets, "propertyNames": { "enum": names }, "required": manifest.required_secrets },
        },
        "required": keys,
    })
}

/// An editor would offer a null to complete, which TOML does not have.
fn without_null_defaults(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(without_null_defaults),
        Value::Object(object) => {
            object.retain(|key, value| !(key == "default" && value.is_null()));
            if let Some(Value::Array(types)) = object.get("type")
                && let [only] = types.as_slice()
            {
                let only = only.clone();
                object.insert("type".to_owned(), only);
            }
            object.values_mut().for_each(without_null_defaults);
        }
        _ => {}
    }
}

/// A manifest's schema is of a later draft, in which one keyword has another name.
fn as_draft_7(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(as_draft_7),
        Value::Object(object) => {
            if let Some(dependencies) = object.remove("dependentRequired") {
                object.insert("dependencies".to_owned(), dependencies);
            }
            object.values_mut().for_each(as_draft_7);
        }
        _ => {}
    }
}

/// Puts keys into the schema at a place; one that is not there is left alone, and a test finds it.
fn add(schema: &mut Value, place: &str, keys: Value) {
    if let (Some(Value::Object(object)), Value::Object(keys)) = (schema.pointer_mut(place), keys) {
        object.extend(keys);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::disallowed_methods)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use jsonschema::Validator;
    use tagyard_pipeline::expression::Expression;

    use super::*;

    fn folder(path: &str) -> impl Iterator<Item = PathBuf> {
        let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
        let files = files.map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
    }

    /// As an editor has a file: a date is a text.
    fn read(text: &str) -> Option<Value> {
        fn json(value: toml::Value) -> Value {
            match value {
                toml::Value::Datetime(date) => Value::String(date.to_string()),
                toml::Value::Array(items) => Value::Array(items.into_iter().map(json).collect()),
                toml::Value::Table(table) => {
                    Value::Object(table.into_iter().map(|(key, value)| (key, json(value))).collect())
                }
                other => serde_json::to_value(other).unwrap_or_default(),
            }
        }
        Some(json(toml::Value::Table(text.parse().ok()?)))
    }

    fn validator() -> Validator {
        jsonschema::draft7::new(&editor_schema()).unwrap()
    }

    #[test]
    fn it_takes_every_example() {
        let (validator, mut count) = (validator(), 0);
        let here = [Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/demo/container.toml")];
        for path in folder("../../examples").chain(folder("src/explain/fixtures")).chain(here) {
            let container = read(&fs::read_to_string(&path).unwrap()).unwrap();
            let errors: Vec<String> =
                validator.iter_errors(&container).map(|error| format!("{} {error}", error.instance_path())).collect();
            assert!(errors.is_empty(), "{}: {errors:?}", path.display());
            count += 1;
        }
        assert!(count >= 6, "only {count} examples");
    }

    /// What a schema cannot tell: the settings of tags that are not bundled, and what belongs together.
    const BEYOND: [&str; 2] = ["settings", "visitors-no-geo"];

    #[test]
    fn it_refuses_what_is_wrong_in_a_way_that_a_schema_can_tell() {
        let validator = validator();
        for path in folder("src/container/fixtures") {
            let name = path.file_stem().unwrap().to_str().unwrap();
            // What is no TOML never comes to the schema.
            let container = read(&fs::read_to_string(&path).unwrap());
            let is_refused = container.is_none_or(|container| !validator.is_valid(&container));
            assert_eq!(is_refused, !BEYOND.contains(&name), "{name}");
        }
    }

    #[test]
    fn it_knows_the_keys_of_each_bundled_tag() {
        let validator = validator();
        let check = |tag: &str, is_valid: bool| {
            let text = format!("name = 'shop'\ncollect = {{ write_keys = ['k'] }}\n[[tag]]\nname = 'it'\n{tag}");
            assert_eq!(validator.is_valid(&read(&text).unwrap()), is_valid, "{tag}");
        };
        let ga4 = |settings: &str| {
            format!("use = 'ga4'\nsettings = {settings}\nsecrets = {{ api_secret = {{ env = 'X' }} }}")
        };
        check(&ga4("{ measurement_id = 'G-1' }"), true);
        check(&ga4("{ measurement_id = 'UA-1' }"), false);
        check(&ga4("{}"), false);
        check(&ga4("{ measurement_id = 'G-1', pixel_id = '1' }"), false);
        check("use = 'ga4'\nsettings = { measurement_id = 'G-1' }", false);
        check("use = 'ga4'\nsettings = { measurement_id = 'G-1' }\nsecrets = { other = { env = 'X' } }", false);
        let mixpanel = |settings: &str| {
            format!("use = 'mixpanel'\nsettings = {settings}\nsecrets = {{ project_token = {{ env = 'X' }} }}")
        };
        check(&mixpanel("{}"), true);
        check("use = 'mixpanel'\nsecrets = { project_token = { env = 'X' } }", true);
        check(&mixpanel("{ project_id = '1' }"), false);
        check("use = './mine.wasm'\nsettings = { anything = 1 }", true);
        check("use = 'ga5'", false);
        check("use = './mine.wasm'\ntransform = [{ drop = ['a'], lower = ['b'] }]", false);
        check("use = './mine.wasm'\ntransform = [{ when = 'true' }]", false);
    }

    #[test]
    fn its_examples_are_good_and_stand_where_they_are_meant_to() {
        let schema = editor_schema();
        for (place, example) in EXAMPLES {
            let key = schema.pointer(place).unwrap_or_else(|| panic!("{place}"));
            let example: Value = serde_json::from_str(example).unwrap();
            assert_eq!(key["examples"], json!([example]));
            assert!(jsonschema::draft7::new(key).unwrap().is_valid(&example), "{place}: {example}");
            if !place.contains("webhook") && ["when", "except"].iter().any(|name| place.ends_with(name)) {
                Expression::compile(example.as_str().unwrap()).unwrap();
            }
        }
    }

    #[test]
    fn every_key_says_what_it_is() {
        fn check(place: &str, schema: &Value) {
            for (name, key) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
                let place = format!("{place}.{name}");
                assert!(key.get("description").is_some(), "{place}");
                check(&place, key);
                check(&place, key.get("items").unwrap_or(&Value::Null));
            }
        }
        check("", &editor_schema());
    }
}
