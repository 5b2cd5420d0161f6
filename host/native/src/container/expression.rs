//! CEL expressions in the file.

use tagyard_pipeline::expression::{Expression, ExpressionError};

use super::node::Node;
use super::problem::{Problem, Span};

/// Checks one expression over an event; what is no text is the schema's business.
pub(super) fn check(node: Node<'_>, file: &str, problems: &mut Vec<Problem>) {
    check_with(node, file, |source| Expression::compile(source).map(drop), problems);
}

/// Checks one expression over anything.
pub(super) fn check_with(
    node: Node<'_>,
    file: &str,
    compile: impl Fn(&str) -> Result<(), ExpressionError>,
    problems: &mut Vec<Problem>,
) {
    if let Some(Err(error)) = node.text().map(compile) {
        problems.push(problem(node, file, &error));
    }
}

/// What is wrong with the expression at a place.
pub(super) fn problem(node: Node<'_>, file: &str, error: &ExpressionError) -> Problem {
    let place = || within(node.span(), file, node.text()?, error.offset?);
    Problem::new(place().unwrap_or(node.span()), plain(&error.message))
}

/// A parser's message without its list of the tokens that it would have taken.
fn plain(message: &str) -> String {
    let message = message.split(" expecting ").next().unwrap_or(message);
    match message.split_once('\'').and_then(|(_, rest)| rest.rsplit_once('\'')) {
        Some(("<EOF>", _)) => "the expression ends too early".to_owned(),
        Some((input, _)) if message.starts_with("Syntax error") => {
            format!("the expression goes wrong at `{}`", input.trim())
        }
        _ => message.replace('\n', " "),
    }
}

/// Where a byte of a string stands in the file, if the string stands there as it is, without escapes.
fn within(string: Span, file: &str, value: &str, offset: usize) -> Option<Span> {
    let written = file.get(string.start..string.end)?;
    let start = string.start + written.find(value)? + offset;
    let rest = file.get(start..string.end)?;
    // A whole name is marked, or else the one character where the parser stopped.
    let name = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let end = start + name.max(rest.chars().next().map_or(0, char::len_utf8));
    Some(Span { start, end })
}
