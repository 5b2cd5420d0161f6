//! `hash`: puts SHA-256 digests, in lower-case hex, in the place of values.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::error::{Fault, Step, TransformError, TransformErrors, parts};
use super::leaf::{Leaf, Leaves, text};
use super::{Compiled, Effect};
use crate::container::model::{self, Normal};

/// The digits of a SHA-256 digest in hex.
const DIGITS: usize = 64;

/// A phone number as it is dialled has at most 15 digits (ITU-T E.164), and the 00 before it; more of them are no number.
const PHONE_DIGITS: usize = 17;

#[derive(Clone, Debug)]
struct Hash {
    normal: Normal,
    country_code: Option<String>,
}

pub(super) fn compile(spec: &model::Hash) -> Compiled {
    let fields = parts(&spec.fields).map_err(|errors| errors.within(&Step::key("fields")));
    let country_code = match spec.normal {
        Normal::Phone | Normal::PhonePlus => Ok(spec.country_code.clone()),
        _ if spec.country_code.is_none() => Ok(None),
        _ => Err(TransformError::at([Step::key("country_code")], Fault::CountryCode).into()),
    };
    let (fields, country_code) = TransformErrors::both(fields, country_code)?;
    Ok(Effect::change(Leaves::each(fields, &Hash { normal: spec.normal, country_code })))
}

impl Leaf for Hash {
    fn change(&self, value: &Value) -> Option<Value> {
        let text = match value {
            Value::Bool(value) => value.to_string().into(),
            value => text(value)?,
        };
        if text.is_empty() {
            return None;
        }
        // A site that hashes by itself did it as its vendor wants it; a digest of the digest would match nobody.
        if self.normal != Normal::Exact && is_digest(text.trim()) {
            let digest = text.trim().to_ascii_lowercase();
            return (*text != digest).then_some(Value::String(digest));
        }
        let normal = self.normalise(&text);
        // A digest of nothing is the same for everybody, and vendors would take it for a person.
        let digest = if normal.is_empty() { normal } else { hex::encode(Sha256::digest(normal)) };
        Some(Value::String(digest))
    }
}

impl Hash {
    fn normalise(&self, text: &str) -> String {
        match self.normal {
            Normal::Exact => text.to_owned(),
            Normal::Text | Normal::Email => text.trim().to_lowercase(),
            Normal::GoogleEmail => google_email(&text.trim().to_lowercase()),
            Normal::Phone => self.phone(text),
            Normal::PhonePlus => match self.phone(text) {
                digits if digits.is_empty() => digits,
                digits => format!("+{digits}"),
            },
        }
    }

    /// The digits, with the country's code and without the zeros by which a number is dialled.
    fn phone(&self, text: &str) -> String {
        // `+49 (0) 30 …` is dialled with the code or with the zero, not with both.
        let text = text.replace("(0)", "");
        let digits: String = text.chars().filter(char::is_ascii_digit).take(PHONE_DIGITS).collect();
        let number = digits.trim_start_matches('0');
        let is_international = text.trim_start().starts_with('+') || digits.starts_with("00");
        match &self.country_code {
            Some(code) if !is_international && !number.is_empty() => {
                // Without a zero before it, a number that begins with the code was sent as vendors want it.
                if number.len() == digits.len() && number.starts_with(code) {
                    number.to_owned()
                } else {
                    format!("{code}{number}")
                }
            }
            _ => number.to_owned(),
        }
    }
}

/// Google delivers to one box whatever dots an address has, and matches without them.
fn google_email(email: &str) -> String {
    match email.rsplit_once('@') {
        Some((local, domain @ ("gmail.com" | "googlemail.com"))) => format!("{}@{domain}", local.replace('.', "")),
        _ => email.to_owned(),
    }
}

fn is_digest(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
