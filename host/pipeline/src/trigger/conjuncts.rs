//! A conjunction taken apart, so that a person is told which part of it was false.

use crate::expression::{Expression, ExpressionError};

/// The parts of a conjunction, each compiled by itself, so that a person is told which one was false.
pub(super) fn conjunction(source: &str) -> Result<Vec<Expression>, ExpressionError> {
    let whole = Expression::compile(source)?;
    let parts: Option<Vec<Expression>> = conjuncts(source)
        .map(|parts| parts.into_iter().filter_map(|part| Expression::compile(part.trim()).ok()).collect());
    match parts {
        Some(parts) if parts.len() > 1 && parts.len() == conjuncts(source).map_or(0, |parts| parts.len()) => Ok(parts),
        _ => Ok(vec![whole]),
    }
}

/// Splits at the `&&` that stand outside of parentheses and strings. `None` where an operator that binds less tightly
/// stands there too.
fn conjuncts(source: &str) -> Option<Vec<&str>> {
    let (mut depth, mut quote, mut start) = (0i32, None, 0);
    let mut parts = Vec::new();
    let bytes = source.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(_), b'\\') => at += 1,
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, byte @ (b'"' | b'\'')) => quote = Some(byte),
            (None, b'(' | b'[' | b'{') => depth += 1,
            (None, b')' | b']' | b'}') => depth -= 1,
            (None, b'?') if depth == 0 => return None,
            (None, b'|') if depth == 0 => return None,
            (None, b'&') if depth == 0 && bytes.get(at + 1) == Some(&b'&') => {
                parts.push(&source[start..at]);
                at += 1;
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    parts.push(&source[start..]);
    Some(parts)
}
