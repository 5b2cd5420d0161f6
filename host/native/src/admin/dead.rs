//! The dead letters, filtered.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tagyard_pipeline::outcome::Cause;

use super::Facts;
use crate::dead_letters::{DeadLetter, DeadLetters, Settled};
use crate::journal::ReadError;

/// Which letters. What is absent matches all.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Filter {
    /// The letter of this number alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// A part of the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Also those that were settled.
    #[serde(default)]
    pub settled: bool,
    /// The most letters to give.
    pub limit: usize,
}

/// A letter with its number, by which it is asked for.
#[derive(Debug, Deserialize, Serialize)]
pub struct Numbered {
    pub number: u64,
    /// How and when a person dealt with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<Settled>,
    #[serde(flatten)]
    pub letter: DeadLetter,
}

/// The first letters that a filter takes, in the order in which they died.
///
/// # Errors
/// When they cannot be read.
pub async fn list(letters: &DeadLetters, filter: &Filter) -> Result<Vec<Numbered>, ReadError> {
    let settled = letters.settled().await?;
    let mut found = Vec::new();
    let mut from = filter.number.unwrap_or(1);
    while found.len() < filter.limit {
        let read = letters.read_from(from).await?;
        let Some((last, _)) = read.last() else { break };
        from = last + 1;
        let open = |number| filter.settled || filter.number.is_some() || !settled.contains(number);
        let taken = read.into_iter().filter(|(number, letter)| filter.takes(*number, letter) && open(*number));
        let numbered = taken.map(|(number, letter)| Numbered { number, settled: None, letter });
        found.extend(numbered.take(filter.limit - found.len()));
        if filter.number.is_some_and(|number| from > number) {
            break;
        }
    }
    if found.iter().any(|letter| settled.contains(letter.number)) {
        let numbers: Vec<u64> = found.iter().map(|letter| letter.number).collect();
        let how = letters.settled_how(&numbers).await?;
        found.iter_mut().zip(how).for_each(|(letter, how)| letter.settled = how);
    }
    Ok(found)
}

impl Filter {
    pub(crate) fn takes(&self, number: u64, letter: &DeadLetter) -> bool {
        let DeadLetter { at, tag, cause, reason, .. } = letter;
        self.number.is_none_or(|wanted| number == wanted)
            && (self.tag.is_none() || self.tag == *tag)
            && self.cause.is_none_or(|wanted| *cause == wanted)
            && self.reason.as_ref().is_none_or(|wanted| reason.contains(wanted))
            && self.since.is_none_or(|since| *at >= since)
            && self.until.is_none_or(|until| *at < until)
    }
}

pub(super) async fn show(State(facts): State<Arc<Facts>>, Query(filter): Query<Filter>) -> Response {
    match list(&facts.letters, &filter).await {
        Ok(found) => Json(found).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
