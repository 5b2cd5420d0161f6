//! Consent: the purposes that a person agreed to, and from where that is known.
//!
//! Every signal that comes with an event may speak of a purpose. If one denies it, it is denied; else, if one gives it, it is given;
//! where none speaks, it is denied unless the container says otherwise, perhaps for where the visitor is.

pub mod anonymise;
mod google;
mod iab;
mod regions;
mod signals;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;

use crate::container::purpose::{self as model, Answer, Google};
use crate::expression::pattern;
use crate::request::Asked;
use regions::Regions;

pub use regions::is_region;
pub use signals::Signals;

/// By what each purpose of a container is read.
#[derive(Debug, Default)]
pub struct Purposes {
    named: BTreeMap<String, Purpose>,
}

/// By what one purpose is read, compiled.
#[derive(Clone, Debug)]
struct Purpose {
    default: Answer,
    /// Where it is another.
    default_in: Regions,
    google: BTreeSet<Google>,
    tcf: BTreeSet<u8>,
    opt_out: bool,
    cookie: Option<(String, Regex)>,
}

/// What is known of one purpose for one event.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Verdict {
    pub purpose: String,
    #[serde(rename = "given")]
    pub is_given: bool,
    /// The signals that decided it; none where no signal speaks of the purpose.
    pub by: Vec<String>,
    /// Which default decided it then, where defaults go by the place: `the default for US`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// The purposes that are missing, for a person to read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NoConsent(pub Vec<Verdict>);

/// Why a purpose does not compile. A checked container has none such.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`consent.{purpose}`: {message}")]
pub struct PurposeError {
    purpose: String,
    message: String,
}

impl Purposes {
    /// Compiles what the container says of its purposes.
    ///
    /// # Errors
    /// When a cookie's pattern, or a country, is none.
    pub fn compile(specs: &BTreeMap<String, model::Purpose>) -> Result<Self, PurposeError> {
        let compile = |(name, spec): (&String, &model::Purpose)| {
            let failed = |message| PurposeError { purpose: name.clone(), message };
            Ok((name.clone(), Purpose::compile(name, spec).map_err(failed)?))
        };
        Ok(Purposes { named: specs.iter().map(compile).collect::<Result<_, _>>()? })
    }

    /// A purpose with what its name suggests filled in, for a person to read.
    pub fn filled(name: &str, spec: &model::Purpose) -> model::Purpose {
        let by_name = Purpose::by_name(name);
        model::Purpose {
            default: spec.default.or(Some(by_name.default)),
            google: spec.google.clone().or_else(|| Some(by_name.google.clone())),
            tcf: spec.tcf.clone().or_else(|| Some(by_name.tcf.clone())),
            opt_out: spec.opt_out.or(Some(by_name.opt_out)),
            ..spec.clone()
        }
    }

    /// Asks for what consent is read from.
    pub(crate) fn ask(&self, asked: &mut Asked) {
        signals::ask(asked);
        self.cookies().for_each(|name| asked.cookie(name));
        if self.go_by_place() {
            asked.ask_place();
        }
    }

    /// Whether a purpose depends on where the visitor is.
    pub(crate) fn go_by_place(&self) -> bool {
        self.named.values().any(|purpose| !purpose.default_in.is_empty())
    }

    /// What is known of a purpose.
    pub fn verdict(&self, name: &str, signals: &Signals) -> Verdict {
        let purpose = self.purpose(name);
        let is_given = self.is_given(name, signals);
        let mut by: Vec<String> = Vec::new();
        signals.each(name, purpose, &mut |signal, gives| {
            if gives == is_given {
                by.push(signal.to_string());
            }
        });
        // A GPP string may speak twice.
        by.dedup();
        let default = purpose.default(signals).1.filter(|_| by.is_empty());
        Verdict { purpose: name.to_owned(), is_given, by, default }
    }

    /// Whether a purpose is given, which nearly always is all that there is to know.
    pub fn is_given(&self, name: &str, signals: &Signals) -> bool {
        let purpose = self.purpose(name);
        let (mut is_denied, mut is_said) = (false, false);
        signals.each(name, purpose, &mut |_, gives| {
            is_denied |= !gives;
            is_said = true;
        });
        match purpose.default(signals).0 {
            Answer::Denied => !is_denied && is_said,
            Answer::Given => !is_denied,
        }
    }

    fn purpose(&self, name: &str) -> &Purpose {
        self.named.get(name).unwrap_or_else(|| Purpose::by_name(name))
    }

    fn cookies(&self) -> impl Iterator<Item = &str> {
        self.named.values().filter_map(|purpose| purpose.cookie.as_ref()).map(|(name, _)| name.as_str())
    }
}

/// What purposes' names suggest.
struct ByName {
    analytics: Purpose,
    advertising: Purpose,
    any: Purpose,
}

static BY_NAME: LazyLock<ByName> = LazyLock::new(|| {
    // Of one that nothing is known of, an objection to a sale is heeded.
    let any = Purpose {
        default: Answer::Denied,
        default_in: Regions::default(),
        google: BTreeSet::new(),
        tcf: BTreeSet::new(),
        opt_out: true,
        cookie: None,
    };
    ByName {
        // Storage, and measuring content.
        analytics: Purpose {
            google: [Google::AnalyticsStorage].into(),
            tcf: [1, 8].into(),
            opt_out: false,
            ..any.clone()
        },
        // Storage, selecting advertising by few data and by a profile, making the profile, measuring advertising.
        advertising: Purpose {
            google: [Google::AdStorage, Google::AdUserData].into(),
            tcf: [1, 2, 3, 4, 7].into(),
            ..any.clone()
        },
        any,
    }
});

impl Purpose {
    fn by_name(name: &str) -> &'static Self {
        let is = |known: &[&str]| known.iter().any(|known| known.eq_ignore_ascii_case(name));
        match () {
            () if is(&["analytics"]) => &BY_NAME.analytics,
            () if is(&["advertising", "marketing"]) => &BY_NAME.advertising,
            () => &BY_NAME.any,
        }
    }

    /// What holds where no signal speaks of it, and why, where that goes by the place.
    fn default(&self, signals: &Signals) -> (Answer, Option<String>) {
        if self.default_in.is_empty() {
            return (self.default, None);
        }
        let (default, why) = self.default_in.answer(signals.place(), self.default);
        (default, Some(why))
    }

    fn compile(name: &str, spec: &model::Purpose) -> Result<Self, String> {
        let by_name = Purpose::by_name(name);
        let cookie = spec.cookie.as_ref().map(|cookie| Ok::<_, String>((cookie.name.clone(), pattern(&cookie.given)?)));
        Ok(Purpose {
            default: spec.default.unwrap_or(by_name.default),
            default_in: Regions::compile(&spec.default_in)
                .map_err(|name| format!("`{name}` is no country or region"))?,
            google: spec.google.clone().unwrap_or_else(|| by_name.google.clone()),
            tcf: spec.tcf.clone().unwrap_or_else(|| by_name.tcf.clone()),
            opt_out: spec.opt_out.unwrap_or(by_name.opt_out),
            cookie: cookie.transpose()?,
        })
    }
}

impl fmt::Display for Verdict {
    /// `analytics: given by gcs`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = if self.is_given { "given" } else { "denied" };
        match (self.by.as_slice(), &self.default) {
            ([], Some(default)) => write!(f, "{}: {answer} by {default}", self.purpose),
            ([], None) if self.is_given => write!(f, "{}: given, as the container has it by default", self.purpose),
            ([], None) => write!(f, "{}: denied, since nothing gives it", self.purpose),
            (by, _) => write!(f, "{}: {answer} by {}", self.purpose, by.join(", ")),
        }
    }
}

impl fmt::Display for NoConsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no consent to ")?;
        for (position, verdict) in self.0.iter().enumerate() {
            let comma = if position > 0 { ", " } else { "" };
            match (verdict.by.as_slice(), &verdict.default) {
                ([], Some(default)) => write!(f, "{comma}{} (denied by {default})", verdict.purpose)?,
                ([], None) => write!(f, "{comma}{} (nothing gives it)", verdict.purpose)?,
                (by, _) => write!(f, "{comma}{} (denied by {})", verdict.purpose, by.join(" and "))?,
            }
        }
        Ok(())
    }
}
