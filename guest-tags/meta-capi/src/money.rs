//! What an event is worth.

use core::fmt;

use serde::{Serialize, Serializer};
use tagyard_tag::{Number, Object};

use crate::contents::Content;
use crate::numbers::{number, rounded};
use crate::settings::Settings;

/// A value with its currency. Neither says anything alone, so they are sent together or not at all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Money {
    pub(crate) value: Number,
    pub(crate) currency: Currency,
}

/// Three upper-case letters, as in ISO 4217.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Currency([u8; 3]);

/// A currency that is none; Meta refuses the whole request for one.
#[derive(Debug, PartialEq)]
pub(crate) struct NoCurrency;

impl Money {
    /// `value`, `revenue` or `total`, or else the price of the product that the event is about.
    pub(crate) fn of(
        properties: &Object<'_>,
        contents: &[Content<'_>],
        settings: &Settings,
    ) -> Result<Option<Money>, NoCurrency> {
        let currency = match (properties.str_at("currency"), &settings.currency) {
            (Some(code), _) => Currency::parse(code)?,
            (None, Some(code)) => Currency::parse(code)?,
            (None, None) => return Ok(None),
        };
        let value = ["value", "revenue", "total"]
            .into_iter()
            .find_map(|key| properties.get(key).and_then(number))
            .or_else(|| match contents {
                [only] => Some(rounded(only.item_price?.as_f64() * only.quantity.as_f64())),
                _ => None,
            });
        Ok(value.map(|value| Money { value, currency }))
    }
}

impl Currency {
    fn parse(code: &str) -> Result<Self, NoCurrency> {
        let mut letters: [u8; 3] = code.trim().as_bytes().try_into().map_err(|_| NoCurrency)?;
        letters.make_ascii_uppercase();
        letters.iter().all(u8::is_ascii_uppercase).then_some(Currency(letters)).ok_or(NoCurrency)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|&letter| fmt::Write::write_char(f, char::from(letter)))
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_is_three_letters() {
        assert_eq!(Currency::parse(" eur "), Ok(Currency(*b"EUR")));
        for code in ["EURO", "E1R", "€", ""] {
            assert_eq!(Currency::parse(code), Err(NoCurrency), "{code}");
        }
    }
}
