//! JSON Schemas, of the container file and of a tag's settings, and their faults as problems of the file.

use std::sync::LazyLock;

use jsonschema::Validator;
use jsonschema::paths::LocationSegment;
use schemars::generate::SchemaSettings;
use serde_json::Value;
use tagyard_pipeline::container::model;

use super::fault;
use super::node::Node;
use super::problem::Problem;

/// The JSON Schema of a container file, for checks and for editors.
pub fn container_schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
        // Inline, so that a fault's place in the schema leads to its description without following references.
        let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
        let mut schema = settings.into_generator().into_root_schema_for::<model::Container>().to_value();
        for_people(&mut schema);
        schema
    });
    &SCHEMA
}

/// Compiles a schema. References out of it are errors: nothing is fetched. `format` is a comment, as in the specification: a
/// URL with a `{{secret:NAME}}` in it is none by the letter.
///
/// # Errors
/// When it is none, in a sentence.
pub(crate) fn compile(schema: &Value) -> Result<Validator, String> {
    jsonschema::options().build(schema).map_err(|error| error.to_string())
}

/// Adds what is wrong with the file as a whole.
pub(super) fn check_container(root: Node<'_>, json: &Value, problems: &mut Vec<Problem>) {
    check(container_schema(), root, json, "key", problems);
}

/// Adds what is wrong with `json` by `schema`. `node` is where it is written; what is not written there (a default) is
/// reported at what it is missing from. `what` is what a key is called here.
pub(super) fn check(schema: &Value, node: Node<'_>, json: &Value, what: &str, problems: &mut Vec<Problem>) {
    match compile(schema) {
        Ok(validator) => {
            problems.extend(validator.iter_errors(json).flat_map(|error| fault::problems(&error, schema, node, what)));
        }
        Err(message) => problems.push(Problem::new(node.name, format!("its schema is none: {message}"))),
    }
}

/// The node at a place, or the deepest one above it that is written in the file.
pub(super) fn locate<'d>(node: Node<'d>, path: &jsonschema::paths::Location) -> Node<'d> {
    let mut at = node;
    for segment in path.segments() {
        let next = match segment {
            LocationSegment::Property(name) => at.get(&name),
            LocationSegment::Index(index) => at.items().nth(index),
        };
        match next {
            Some(next) => at = next,
            None => break,
        }
    }
    at
}

/// TOML has no null: an optional key is there or not, and an error that speaks of null would only confuse.
pub(super) fn for_people(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(for_people),
        Value::Object(object) => {
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|name| name != "null");
            }
            if let Some(Value::Array(values)) = object.get_mut("enum") {
                values.retain(|value| !value.is_null());
            }
            // Said in one line, wherever the comment was broken.
            if let Some(Value::String(description)) = object.get_mut("description") {
                *description = description.replace('\n', " ");
            }
            if let Some(Value::Array(branches)) = object.get_mut("anyOf") {
                branches.retain(|branch| branch != &serde_json::json!({ "type": "null" }));
                if let [Value::Object(only)] = branches.as_mut_slice() {
                    let mut only = std::mem::take(only);
                    object.remove("anyOf");
                    // The field's own description is nearer to what the reader wrote than its type's.
                    only.append(object);
                    *object = only;
                }
            }
            object.values_mut().for_each(for_people);
        }
        _ => {}
    }
}
