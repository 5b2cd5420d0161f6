//! CEL expressions over an event: the conditions of triggers and transformations, and the values that `set` gives.
//!
//! JSON numbers are doubles, as CEL's own mapping of JSON has it; so `event.properties.revenue > 100.0` means the same
//! whether a site sent `120` or `120.5`.

use std::fmt;
use std::sync::{Arc, LazyLock, OnceLock};

use cel::objects::{Key, Map as CelMap};
use cel::{Context, Env, ExecutionError, Program, Value as CelValue};
use serde_json::{Map, Number, Value};

use crate::event::Event;
use crate::free::unknown_variable;

/// The variables that an expression may name.
pub const VARIABLES: [&str; 1] = ["event"];

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// A compiled expression.
pub struct Expression {
    source: String,
    program: Program,
}

/// Why a text is no expression.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    pub message: String,
    /// Where in the text, in bytes, if it can be told.
    pub offset: Option<usize>,
}

/// Why an expression has no value for an event. It names no value of the event.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoValue {
    #[error("a field is missing")]
    Missing,
    #[error("a value has another type than the expression needs")]
    Type,
    #[error("it cannot be computed")]
    Other,
}

/// An event as expressions see it; the conversion is made once, when the first expression asks for it.
pub struct View<'e> {
    of: Viewed<'e>,
    converted: OnceLock<CelValue>,
}

enum Viewed<'e> {
    Event(&'e Event),
    /// An event on its way through the transformations.
    Fields(&'e Map<String, Value>),
}

impl<'e> View<'e> {
    pub fn of(event: &'e Event) -> Self {
        View { of: Viewed::Event(event), converted: OnceLock::new() }
    }

    pub fn new(fields: &'e Map<String, Value>) -> Self {
        View { of: Viewed::Fields(fields), converted: OnceLock::new() }
    }

    pub fn fields(&self) -> &'e Map<String, Value> {
        match self.of {
            Viewed::Event(event) => event.fields(),
            Viewed::Fields(fields) => fields,
        }
    }

    fn event(&self) -> &CelValue {
        self.converted.get_or_init(|| object_to_cel(self.fields()))
    }
}

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    /// A syntax error, or a variable that is not in [`VARIABLES`].
    pub fn compile(source: &str) -> Result<Self, ExpressionError> {
        let program = Program::compile(source).map_err(|errors| syntax_error(source, &errors))?;
        if let Some(name) = unknown_variable(program.expression(), &VARIABLES) {
            return Err(ExpressionError {
                message: format!("unknown variable `{name}`: an expression sees `{}`", VARIABLES.join("`, `")),
                offset: source.find(&name),
            });
        }
        Ok(Expression { source: source.to_owned(), program })
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it is true of the event.
    ///
    /// # Errors
    /// When it has no value, or one that is no boolean.
    pub fn test(&self, view: &View<'_>) -> Result<bool, NoValue> {
        match self.run(view)? {
            CelValue::Bool(answer) => Ok(answer),
            _ => Err(NoValue::Type),
        }
    }

    /// Its value, as JSON.
    ///
    /// # Errors
    /// When it has none, or none that JSON can say.
    pub fn value(&self, view: &View<'_>) -> Result<Value, NoValue> {
        to_json(&self.run(view)?)
    }

    fn run(&self, view: &View<'_>) -> Result<CelValue, NoValue> {
        let mut context = Context::with_env(ENV.clone());
        context.add_variable_from_value("event", view.event().clone());
        self.program.execute(&context).map_err(|error| match error {
            ExecutionError::NoSuchKey(_) | ExecutionError::IndexOutOfBounds(_) => NoValue::Missing,
            ExecutionError::NoSuchOverload(_)
            | ExecutionError::UnexpectedType { .. }
            | ExecutionError::UnsupportedTargetType { .. }
            | ExecutionError::UnsupportedBinaryOperator(..)
            | ExecutionError::ValuesNotComparable(..) => NoValue::Type,
            _ => NoValue::Other,
        })
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.source).finish()
    }
}

fn syntax_error(source: &str, errors: &cel::parser::ParseErrors) -> ExpressionError {
    let Some(first) = errors.errors.first() else {
        return ExpressionError { message: "this is no CEL expression".to_owned(), offset: None };
    };
    let (line, column) = first.pos;
    let before: usize =
        source.split_inclusive('\n').take(usize::try_from(line - 1).unwrap_or_default()).map(str::len).sum();
    let within = usize::try_from(column - 1).unwrap_or_default();
    let offset = source[before.min(source.len())..].char_indices().nth(within).map(|(at, _)| before + at);
    ExpressionError { message: first.msg.clone(), offset: offset.or(Some(source.len())) }
}

fn object_to_cel(object: &Map<String, Value>) -> CelValue {
    let map = object.iter().map(|(key, value)| (Key::from(key.as_str()), to_cel(value))).collect();
    CelValue::Map(CelMap { map: Arc::new(map) })
}

fn to_cel(value: &Value) -> CelValue {
    match value {
        Value::Null => CelValue::Null,
        Value::Bool(value) => CelValue::Bool(*value),
        Value::Number(number) => CelValue::Float(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => CelValue::String(Arc::new(text.clone())),
        Value::Array(items) => CelValue::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Object(object) => object_to_cel(object),
    }
}

fn to_json(value: &CelValue) -> Result<Value, NoValue> {
    Ok(match value {
        CelValue::Null => Value::Null,
        CelValue::Bool(value) => Value::Bool(*value),
        CelValue::Int(number) => Value::from(*number),
        CelValue::UInt(number) => Value::from(*number),
        CelValue::Float(number) => float_to_json(*number)?,
        CelValue::String(text) => Value::String(text.as_str().to_owned()),
        CelValue::List(items) => Value::Array(items.iter().map(to_json).collect::<Result<_, _>>()?),
        CelValue::Map(map) => Value::Object(
            map.map.iter().map(|(key, value)| Ok((key.to_string(), to_json(value)?))).collect::<Result<_, _>>()?,
        ),
        _ => return Err(NoValue::Type),
    })
}

/// A whole number is written as one: `2.0 * 21.0` gives `42`, as a site would have sent it.
pub(crate) fn float_to_json(number: f64) -> Result<Value, NoValue> {
    /// Up to here every whole number has a double of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        return Ok(Value::from(number as i64));
    }
    Number::from_f64(number).map(Value::Number).ok_or(NoValue::Other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(source: &str, expected: Result<Value, NoValue>) {
        let event =
            json!({"event": "Order Completed", "properties": {"revenue": 120, "coupon": null, "tags": ["a", "b"]}});
        let Value::Object(fields) = event else { panic!("an object") };
        let expression = Expression::compile(source).unwrap_or_else(|error| panic!("{source}: {error}"));
        assert_eq!(expression.value(&View::new(&fields)), expected, "{source}");
    }

    #[test]
    fn computes_over_the_event() {
        check("event.properties.revenue > 100.0", Ok(json!(true)));
        check("event.properties.revenue == 120", Ok(json!(true)));
        check("event.properties.revenue * 1.2", Ok(json!(144)));
        check("has(event.properties.missing) && event.properties.missing > 0.0", Ok(json!(false)));
        check("event.properties.missing > 0.0", Err(NoValue::Missing));
        check("event.event.startsWith('Order')", Ok(json!(true)));
        check("event.event.matches('^Order [A-Z]')", Ok(json!(true)));
        check("'b' in event.properties.tags", Ok(json!(true)));
        check("event.properties.tags[5]", Err(NoValue::Missing));
        check("event.properties.tags.exists(tag, tag == 'b')", Ok(json!(true)));
        check("event.event + 1", Err(NoValue::Type));
        check("{'a': event.properties.tags}", Ok(json!({"a": ["a", "b"]})));
        check("1.0 / 0.0", Err(NoValue::Other));
    }

    #[test]
    fn says_where_an_expression_is_wrong() {
        let at = |source: &str| Expression::compile(source).map(|_| ()).map_err(|error| error.offset);
        assert_eq!(at("event.a &&"), Err(Some(10)));
        assert_eq!(at("event.a == 1 && evnt.b"), Err(Some(16)));
    }
}
