//! Where a visitor is: the country and the region by their codes, and perhaps the city.

mod countries;

use serde_json::{Map, Value};

pub use countries::{GROUPS, groups_of, is_country};

/// The longest name of a city that is kept, in bytes; the longest that there is has 168.
const MAX_CITY_BYTES: usize = 200;

/// Where a visitor is, as far as it is known.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// Two letters, as ISO 3166-1 has them.
    country: String,
    /// As ISO 3166-2 has it, with the country: `US-CA`.
    region: Option<String>,
    city: Option<String>,
}

/// The members of a place, as they are named in `context.location` and in expressions.
pub(crate) const MEMBERS: [&str; 3] = ["country", "region", "city"];

impl Place {
    /// A place, if its country is one. The region's code may have the country's before it or not; what is none is left out.
    pub fn new(country: &str, region: Option<&str>, city: Option<&str>) -> Option<Self> {
        let country = country.trim().to_ascii_uppercase();
        if !is_country(&country) {
            return None;
        }
        let region = region.and_then(|region| region_of(&country, region.trim()));
        let city = city.map(str::trim).filter(|city| !city.is_empty() && city.len() <= MAX_CITY_BYTES);
        let city = city.filter(|city| !city.contains(char::is_control)).map(str::to_owned);
        Some(Place { country, region, city })
    }

    pub fn country(&self) -> &str {
        &self.country
    }

    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    pub(crate) fn without_city(self) -> Self {
        Place { city: None, ..self }
    }

    pub(crate) fn to_map(&self) -> Map<String, Value> {
        let values = [Some(&self.country), self.region.as_ref(), self.city.as_ref()];
        let members = MEMBERS.into_iter().zip(values);
        members.filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?.as_str())))).collect()
    }

    /// Reads what [`Place::to_map`] wrote, or an event's own `context.location` where that has codes.
    pub(crate) fn read(value: &Value) -> Option<Self> {
        let text = |name| value.get(name).and_then(Value::as_str);
        Place::new(text("country")?, text("region"), text("city"))
    }
}

/// A region with its country: `US-CA` of `CA`, of `US-CA`, and of `USCA` or `usca`, as Google's balancers write it.
fn region_of(country: &str, text: &str) -> Option<String> {
    let code = text.to_ascii_uppercase();
    let rest = match code.strip_prefix(country) {
        Some(rest) if rest.starts_with('-') => &rest[1..],
        // A code of its own has up to three characters, some of which begin as the country does.
        Some(rest) if code.len() > 3 => rest,
        _ => &code,
    };
    let is_code = (1..=3).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_code.then(|| format!("{country}-{rest}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn codes_are_written_alike_and_what_is_none_is_left_out() {
        let check = |country: &str, region: Option<&str>, city: Option<&str>, expected: Option<Value>| {
            let place = Place::new(country, region, city);
            assert_eq!(place.as_ref().map(|place| Value::Object(place.to_map())), expected, "{country} {region:?}");
            assert_eq!(place.as_ref().and_then(|place| Place::read(&Value::Object(place.to_map()))), place);
        };
        let us = |region: &str| Some(json!({"country": "US", "region": region}));
        check("US", None, None, Some(json!({"country": "US"})));
        check("us", Some("ca"), None, us("US-CA"));
        check("US", Some("US-CA"), None, us("US-CA"));
        check("US", Some("usca"), None, us("US-CA"));
        check("SE", Some("SE"), None, Some(json!({"country": "SE", "region": "SE-SE"})));
        check("GB", Some("ENG"), Some(" Bath "), Some(json!({"country": "GB", "region": "GB-ENG", "city": "Bath"})));
        check("GB", Some("England"), Some("a\nb"), Some(json!({"country": "GB"})));
        check("GB", Some(""), Some(&"x".repeat(300)), Some(json!({"country": "GB"})));
        ["XX", "ZZ", "T1", "UK", "Germany", ""].iter().for_each(|unknown| check(unknown, None, None, None));
    }

    #[test]
    fn groups_have_their_countries() {
        let check = |country: &str, expected: &[&str]| assert_eq!(groups_of(country), expected, "{country}");
        check("DE", &["EU", "EEA"]);
        check("NO", &["EEA"]);
        check("GB", &[]);
        check("US", &[]);
    }
}
