//! What a purpose is by default where the visitor is.

use std::collections::BTreeMap;

use crate::container::purpose::Answer;
use crate::place::{self, Place};

/// A container's answers by country, by region and by group of countries.
#[derive(Clone, Debug, Default)]
pub(super) struct Regions(BTreeMap<String, Answer>);

impl Regions {
    /// # Errors
    /// What no visitor can be in.
    pub(super) fn compile(named: &BTreeMap<String, Answer>) -> Result<Self, String> {
        match named.keys().find(|name| !is_region(name)) {
            Some(unknown) => Err(unknown.clone()),
            None => Ok(Regions(named.clone())),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The answer where a visitor is, and how it came about; `elsewhere` is the one for all places without their own.
    pub(super) fn answer(&self, place: Option<&Place>, elsewhere: Answer) -> (Answer, String) {
        let Some(place) = place else {
            let strictest = strictest(self.0.values().copied().chain([elsewhere]));
            return (strictest, "the strictest default, as the visitor's country is unknown".to_owned());
        };
        let country = place.country();
        if let Some((region, answer)) = place.region().and_then(|region| self.0.get_key_value(region)) {
            return (*answer, format!("the default for {region}"));
        }
        let groups = || place::groups_of(country).iter().find_map(|group| Some((*group, *self.0.get(*group)?)));
        let (answer, by) = match (self.0.get(country), groups()) {
            (Some(answer), _) => (*answer, format!("the default for {country}")),
            (None, Some((group, answer))) => (answer, format!("the default for {group}, as {country} is in it")),
            (None, None) => (elsewhere, format!("the default elsewhere, as in {country}")),
        };
        if place.region().is_some() {
            return (answer, by);
        }
        let within = |name: &str| name.strip_prefix(country).is_some_and(|rest| rest.starts_with('-'));
        let regions = self.0.iter().filter(|(name, _)| within(name)).map(|(_, answer)| *answer);
        match (answer, strictest(regions)) {
            (Answer::Given, Answer::Denied) => {
                (Answer::Denied, format!("the strictest default in {country}, as the visitor's region is unknown"))
            }
            _ => (answer, by),
        }
    }
}

/// Whether a visitor can be in what is named: `US`, `US-CA`, `EEA`.
pub fn is_region(name: &str) -> bool {
    let is_code = |code: &str| {
        (1..=3).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    match name.split_once('-') {
        Some((country, region)) => place::is_country(country) && is_code(region),
        None => place::is_country(name) || place::GROUPS.contains(&name),
    }
}

/// Denied, if one is.
fn strictest(answers: impl Iterator<Item = Answer>) -> Answer {
    let is_denied = answers.into_iter().any(|answer| answer == Answer::Denied);
    if is_denied { Answer::Denied } else { Answer::Given }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_place_counts_and_the_strictest_where_it_is_unknown() {
        let check =
            |named: &[(&str, Answer)], elsewhere: Answer, place: (&str, Option<&str>), expected: (Answer, &str)| {
                let named = named.iter().map(|(name, answer)| ((*name).to_owned(), *answer)).collect();
                let regions = Regions::compile(&named).unwrap();
                let (answer, by) = regions.answer(Place::new(place.0, place.1, None).as_ref(), elsewhere);
                assert_eq!((answer, by.as_str()), expected, "{place:?}");
            };
        use Answer::{Denied, Given};
        let us = [("US", Given), ("US-CA", Denied), ("EEA", Denied), ("DE", Given)];
        check(&us, Denied, ("US", Some("TX")), (Given, "the default for US"));
        check(&us, Denied, ("US", Some("CA")), (Denied, "the default for US-CA"));
        check(&us, Denied, ("US", None), (Denied, "the strictest default in US, as the visitor's region is unknown"));
        check(&us, Given, ("FR", None), (Denied, "the default for EEA, as FR is in it"));
        check(&us, Given, ("DE", None), (Given, "the default for DE"));
        check(&us, Given, ("CH", None), (Given, "the default elsewhere, as in CH"));
        check(&us, Denied, ("CH", None), (Denied, "the default elsewhere, as in CH"));
        check(&us, Given, ("", None), (Denied, "the strictest default, as the visitor's country is unknown"));
        check(
            &[("US", Given)],
            Given,
            ("XX", None),
            (Given, "the strictest default, as the visitor's country is unknown"),
        );
        check(&[("US", Denied), ("US-TX", Given)], Given, ("US", None), (Denied, "the default for US"));
        check(&[("EU", Given), ("EEA", Denied)], Denied, ("IE", None), (Given, "the default for EU, as IE is in it"));
    }

    #[test]
    fn only_places_are_named() {
        let check = |name: &str, expected: bool| assert_eq!(is_region(name), expected, "{name}");
        ["US", "US-CA", "GB-ENG", "FR-75C", "EU", "EEA", "XK"].iter().for_each(|name| check(name, true));
        ["", "us", "UK", "EU-DE", "US-", "US-california", "USA", "XX", "US-CA-1"]
            .iter()
            .for_each(|name| check(name, false));
    }
}
