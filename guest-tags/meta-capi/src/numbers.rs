//! Numbers, also those that a site sends as text.

use tagyard_tag::{Number, Value};

/// The number, exact where it is one; `None` for what is none.
pub(crate) fn number(value: &Value<'_>) -> Option<Number> {
    match value {
        Value::Number(number) => Some(*number),
        Value::String(text) => match text.trim().parse() {
            Ok(whole) => Some(Number::Signed(whole)),
            Err(_) => value.as_f64().map(Number::Float),
        },
        _ => None,
    }
}

/// Without the binary fraction's noise: 3 times 19.9 is 59.7. A whole number is written as one.
pub(crate) fn rounded(exact: f64) -> Number {
    const PARTS: f64 = 1e6;
    if exact.abs() > 1e12 {
        return Number::Float(exact);
    }
    let half = if exact < 0.0 { -0.5 } else { 0.5 };
    let parts = (exact * PARTS + half) as i64;
    match parts % PARTS as i64 {
        0 => Number::Signed(parts / PARTS as i64),
        _ => Number::Float(parts as f64 / PARTS),
    }
}

pub(crate) fn sum(numbers: impl Iterator<Item = f64>) -> Number {
    rounded(numbers.sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(exact: f64, expected: Number) {
        assert_eq!(rounded(exact), expected, "{exact}");
    }

    #[test]
    fn a_product_of_prices_has_no_noise() {
        check(3.0 * 19.9, Number::Float(59.7));
        check(0.1 + 0.2, Number::Float(0.3));
        check(-1.1 * 3.0, Number::Float(-3.3));
        check(2.0, Number::Signed(2));
        check(1e15, Number::Float(1e15));
    }

    #[test]
    fn a_number_may_be_a_text() {
        for (value, expected) in [
            (Value::String("12.50".into()), Some(Number::Float(12.5))),
            (Value::String(" 7 ".into()), Some(Number::Signed(7))),
            (Value::Number(Number::Unsigned(7)), Some(Number::Unsigned(7))),
            (Value::String("12,50".into()), None),
            (Value::Bool(true), None),
        ] {
            assert_eq!(number(&value), expected);
        }
    }
}
