//! A place in a container file: a value, and where it and its key are written.

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Problem, Span};

/// A value in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'d> {
    /// Where it is named: its key, its table's header, or the value itself within an array.
    pub(super) name: Span,
    value: &'d Spanned<DeValue<'d>>,
}

impl<'d> Node<'d> {
    pub(super) fn root(document: &'d Spanned<DeValue<'d>>) -> Self {
        // What is missing in the file as a whole is missing at its beginning, not all over it.
        Node { name: Span { start: 0, end: 0 }, value: document }
    }

    /// Where the value is written.
    pub(super) fn span(&self) -> Span {
        self.value.span().into()
    }

    pub(super) fn get(self, key: &str) -> Option<Node<'d>> {
        let (key, value) = self.table()?.get_key_value(key)?;
        Some(Node { name: key.span().into(), value })
    }

    /// The elements, if it is an array.
    pub(super) fn items(self) -> impl Iterator<Item = Node<'d>> {
        self.value
            .get_ref()
            .as_array()
            .into_iter()
            .flat_map(|array| array.iter())
            .map(|value| Node { name: value.span().into(), value })
    }

    /// The keys and values, if it is a table.
    pub(super) fn entries(self) -> impl Iterator<Item = (&'d str, Node<'d>)> {
        self.table()
            .into_iter()
            .flat_map(|table| table.iter())
            .map(|(key, value)| (key.get_ref().as_ref(), Node { name: key.span().into(), value }))
    }

    /// What stands in an array or a table.
    pub(super) fn children(self) -> impl Iterator<Item = Node<'d>> {
        self.items().chain(self.entries().map(|(_, node)| node))
    }

    /// The text, if it is one.
    pub(super) fn text(self) -> Option<&'d str> {
        self.value.get_ref().as_str()
    }

    pub(super) fn boolean(self) -> Option<bool> {
        self.value.get_ref().as_bool()
    }

    /// The texts of an array, with their places; what is no text is left out.
    pub(super) fn texts(self) -> impl Iterator<Item = (&'d str, Span)> {
        self.items().filter_map(|item| Some((item.text()?, item.span())))
    }

    pub(super) fn is_table(self) -> bool {
        self.table().is_some()
    }

    pub(super) fn type_name(self) -> &'static str {
        match self.value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        }
    }

    /// The value as JSON, a date as its text. A number that JSON does not have becomes a problem, and null.
    ///
    /// The recursion is bounded by the TOML parser, which refuses a file that is nested deeper than 80 levels.
    pub(super) fn to_json(self, problems: &mut Vec<Problem>) -> Value {
        match self.value.get_ref() {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Boolean(value) => Value::Bool(*value),
            DeValue::Datetime(date) => Value::String(date.to_string()),
            DeValue::Array(_) => Value::Array(self.items().map(|item| item.to_json(problems)).collect()),
            DeValue::Table(_) => Value::Object(self.to_object(problems)),
            DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
                Ok(number) => Value::from(number),
                Err(_) => self.no_number(problems),
            },
            DeValue::Float(float) => match float.as_str().parse().ok().and_then(serde_json::Number::from_f64) {
                Some(number) => Value::Number(number),
                None => self.no_number(problems),
            },
        }
    }

    /// As [`Node::to_json`]; empty for what is no table.
    pub(super) fn to_object(self, problems: &mut Vec<Problem>) -> Map<String, Value> {
        self.entries().map(|(key, value)| (key.to_owned(), value.to_json(problems))).collect()
    }

    fn no_number(self, problems: &mut Vec<Problem>) -> Value {
        problems.push(Problem::new(self.span(), "this number is out of range"));
        Value::Null
    }

    fn table(self) -> Option<&'d DeTable<'d>> {
        self.value.get_ref().as_table()
    }
}
