//! A fault that a JSON Schema found, said for the person who wrote the file.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::types::JsonType;
use serde_json::Value;

use super::node::Node;
use super::problem::Problem;
use super::schema::locate;
use crate::text::nearest;

/// The problems that a fault amounts to: one, or one for each unknown key. `what` is what a key is called here.
pub(super) fn problems(error: &ValidationError<'_>, schema: &Value, base: Node<'_>, what: &str) -> Vec<Problem> {
    if error.instance().is_null() {
        // TOML has no null: this stands for a number that is out of range, which was reported as one.
        return Vec::new();
    }
    let at = locate(base, error.instance_path());
    let place = Place { at, error, schema: around(error, schema), what };
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            unexpected.iter().map(|key| place.unknown_key(key)).collect()
        }
        Kind::Required { property } => vec![place.missing(property.as_str().unwrap_or_default())],
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => match likeliest(context) {
            Some(errors) => errors.iter().flat_map(|error| problems(error, schema, base, what)).collect(),
            None => vec![place.wrong("fits none of the forms that it may have".to_owned())],
        },
        kind => vec![place.wrong(rule(kind, at).unwrap_or_else(|| error.masked_with("it").to_string()))],
    }
}

/// Where a fault is, in the file and in the schema.
struct Place<'p> {
    at: Node<'p>,
    error: &'p ValidationError<'p>,
    /// The schema object whose keyword is not kept.
    schema: Option<&'p Value>,
    what: &'p str,
}

impl Place<'_> {
    fn wrong(&self, rule: String) -> Problem {
        let name = match self.error.instance_path().segments().last() {
            Some(jsonschema::paths::LocationSegment::Property(name)) => format!("`{name}` {rule}"),
            Some(jsonschema::paths::LocationSegment::Index(_)) => format!("this element {rule}"),
            None => format!("it {rule}"),
        };
        let problem = Problem::new(self.at.span(), name);
        let help = match self.error.kind() {
            Kind::Type { kind: TypeKind::Single(JsonType::String) } if self.at.is_table() => {
                Some("a dotted key is quoted: `\"properties.value\" = …`")
            }
            Kind::Type { kind: TypeKind::Single(JsonType::Array) } if self.at.is_table() => {
                Some("an array of tables has two brackets: `[[tag]]`")
            }
            _ => self.description(),
        };
        match help {
            Some(help) => problem.help(help),
            None => problem,
        }
    }

    fn missing(&self, key: &str) -> Problem {
        let problem = Problem::new(self.at.name, format!("the {} `{key}` is missing", self.what));
        match self.property(key).and_then(|property| property.get("description")).and_then(Value::as_str) {
            Some(description) => problem.help(description),
            None => problem,
        }
    }

    fn unknown_key(&self, key: &str) -> Problem {
        let name = self.at.get(key).map_or(self.at.name, |node| node.name);
        let problem = Problem::new(name, format!("unknown {} `{key}`", self.what));
        let known = self.schema.and_then(|schema| schema.get("properties")).and_then(Value::as_object);
        let known: Vec<&str> = known.into_iter().flat_map(|known| known.keys().map(String::as_str)).collect();
        match nearest(key, known.iter().copied()) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None if known.is_empty() => problem.help("nothing is set here"),
            None => problem.help(format!("known are `{}`", known.join("`, `"))),
        }
    }

    fn property(&self, key: &str) -> Option<&Value> {
        self.schema?.get("properties")?.get(key)
    }

    fn description(&self) -> Option<&str> {
        self.schema?.get("description")?.as_str()
    }
}

/// The schema object that holds the keyword a fault is about.
fn around<'s>(error: &ValidationError<'_>, schema: &'s Value) -> Option<&'s Value> {
    let keyword = error.schema_path().as_str();
    schema.pointer(keyword.rsplit_once('/').map_or("", |(parent, _)| parent))
}

/// Of the forms that a value may have, the one that it was meant to have: the one whose faults lie deepest inside it, and of such
/// the one that is of the value's own type. `None` where no form comes nearer than the others.
fn likeliest<'e>(forms: &'e [Vec<ValidationError<'static>>]) -> Option<&'e [ValidationError<'static>]> {
    let depth = |errors: &[ValidationError<'_>]| {
        errors.iter().map(|error| error.instance_path().segments().count()).min().unwrap_or_default()
    };
    let deepest = forms.iter().map(|errors| depth(errors)).max()?;
    let is_typed =
        |errors: &[ValidationError<'_>]| !errors.iter().any(|error| matches!(error.kind(), Kind::Type { .. }));
    let nearest: Vec<_> = forms.iter().filter(|errors| depth(errors) == deepest).collect();
    let several = nearest.iter().any(|errors| is_typed(errors)) && nearest.len() > 1;
    let mut nearest = nearest.into_iter().filter(|errors| !several || is_typed(errors));
    match (nearest.next(), nearest.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

/// What the value has to be, as the second half of a sentence.
fn rule(kind: &Kind, at: Node<'_>) -> Option<String> {
    Some(match kind {
        Kind::Type { kind } => format!("has to be {}, not {}", types(kind), at.type_name()),
        Kind::Minimum { limit } => format!("has to be at least {limit}"),
        Kind::Maximum { limit } => format!("has to be at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("has to be more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("has to be less than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("has to be a multiple of {multiple_of}"),
        Kind::MinLength { limit: 1 } | Kind::MinItems { limit: 1 } | Kind::MinProperties { limit: 1 } => {
            "must not be empty".to_owned()
        }
        Kind::MinLength { limit } => format!("has to have at least {limit} characters"),
        Kind::MaxLength { limit } => format!("has to have at most {limit} characters"),
        Kind::MinItems { limit } => format!("has to have at least {limit} elements"),
        Kind::MaxItems { limit } => format!("has to have at most {limit} elements"),
        Kind::MinProperties { limit } => format!("has to have at least {limit} keys"),
        Kind::MaxProperties { limit } => format!("has to have at most {limit} keys"),
        Kind::UniqueItems => "holds a value twice".to_owned(),
        Kind::Pattern { pattern } => format!("has to match `{pattern}`"),
        Kind::Constant { expected_value } => format!("has to be {expected_value}"),
        Kind::Enum { options } => one_of(options, at),
        Kind::PropertyNames { error } => format!("has a wrong key, which {}", rule(error.kind(), at)?),
        _ => return None,
    })
}

fn one_of(options: &Value, at: Node<'_>) -> String {
    let options: Vec<String> = options.as_array().into_iter().flatten().map(Value::to_string).collect();
    let meant = at.text().and_then(|text| nearest(text, options.iter().map(|option| option.trim_matches('"'))));
    let rule = format!("has to be one of {}", options.join(", "));
    match meant {
        Some(meant) => format!("{rule}; did you mean \"{meant}\"?"),
        None => rule,
    }
}

fn types(kind: &TypeKind) -> String {
    let name = |json: JsonType| match json {
        JsonType::Array => "an array",
        JsonType::Boolean => "a boolean",
        JsonType::Integer => "an integer",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "a table",
        JsonType::String => "a string",
    };
    match kind {
        TypeKind::Single(json) => name(*json).to_owned(),
        TypeKind::Multiple(several) => several.iter().map(name).collect::<Vec<_>>().join(" or "),
    }
}
