//! `try`: one event through the real pipeline and sandbox, with nothing sent, and why each tag did what it did.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use tagyard_pipeline::accepted::Accepted;
use tagyard_pipeline::outcome::Cause;
use tagyard_pipeline::output::LogLine;
use tagyard_pipeline::permit::Permitted;
use tagyard_pipeline::plan::{Decision, Explained};

use crate::tag::{GuestEnd, Tag};

/// What all the tags would do with one event.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tried {
    pub message_id: String,
    #[serde(skip)]
    pub title: String,
    /// What was found out about its visitor, by the path of the field that it stands in.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub found: BTreeMap<String, Value>,
    pub tags: Vec<TriedTag>,
}

/// What one tag would do.
#[derive(Debug, Serialize)]
pub struct TriedTag {
    pub tag: String,
    pub outcome: TriedOutcome,
    /// `None` where it was sent.
    pub reason: Option<String>,
    pub requests: Vec<TriedRequest>,
    /// How it came to that: the clauses of the trigger, consent, what transformations changed, and the fields that it did not see.
    #[serde(flatten)]
    pub why: Explained,
    #[serde(skip)]
    pub log: Vec<LogLine>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TriedOutcome {
    Sent,
    NotTriggered,
    BlockedByConsent,
    Skipped,
    Rejected,
    Refused,
    Failed,
}

/// A request that would be sent, its secrets as placeholders.
#[derive(Debug, Serialize)]
pub struct TriedRequest {
    pub method: String,
    pub url: String,
    pub headers: BTreeMap<String, String>,
    /// Parsed where it is JSON.
    pub body: Value,
}

impl TriedOutcome {
    /// As it stands in reports.
    pub fn name(self) -> &'static str {
        match self {
            TriedOutcome::Sent => "sent",
            TriedOutcome::NotTriggered => "not triggered",
            TriedOutcome::BlockedByConsent => "blocked by consent",
            TriedOutcome::Skipped => "skipped",
            TriedOutcome::Rejected => "rejected",
            TriedOutcome::Refused => "refused",
            TriedOutcome::Failed => "failed",
        }
    }
}

/// Tries an event on all tags.
pub async fn try_event(tags: &[Tag], accepted: &Accepted) -> Tried {
    let event = &accepted.event;
    let mut tried = Vec::with_capacity(tags.len());
    for tag in tags {
        tried.push(try_tag(tag, accepted).await);
    }
    let title = event.name().map_or(String::new(), |name| format!(" \"{name}\""));
    let title = format!("{}{title}", event.kind().name());
    Tried { message_id: event.message_id().to_owned(), title, found: BTreeMap::new(), tags: tried }
}

async fn try_tag(tag: &Tag, accepted: &Accepted) -> TriedTag {
    let why = tag.plan.explain(accepted);
    let ended = |outcome, reason: String, why| TriedTag {
        tag: tag.name.clone(),
        outcome,
        reason: Some(reason),
        requests: Vec::new(),
        why,
        log: Vec::new(),
    };
    let unseen = |why| Explained { changed: Vec::new(), withheld: Vec::new(), ..why };
    let redacted = match tag.plan.decide(accepted) {
        Decision::NotTriggered(clause) => {
            return ended(TriedOutcome::NotTriggered, clause.to_string(), unseen(why));
        }
        Decision::BlockedByConsent(missing) => {
            return ended(TriedOutcome::BlockedByConsent, missing.to_string(), unseen(why));
        }
        Decision::Filtered(filtered) => {
            let why = Explained { withheld: Vec::new(), ..why };
            return ended(TriedOutcome::Skipped, filtered.to_string(), why);
        }
        Decision::Run(redacted) => redacted,
    };
    let ran = match tag.run(vec![redacted]).await {
        Ok(ran) => ran,
        Err(error) => return ended(TriedOutcome::Failed, error.to_string(), why),
    };
    let (outcome, reason) = match ran.ended.into_iter().next().map(|(_, end)| end) {
        None => (TriedOutcome::Sent, None),
        Some(GuestEnd::Skipped(reason)) => (TriedOutcome::Skipped, Some(reason)),
        Some(GuestEnd::Dead(Cause::Rejected, reason)) => (TriedOutcome::Rejected, Some(reason)),
        Some(GuestEnd::Dead(_, reason)) => (TriedOutcome::Refused, Some(reason)),
    };
    let requests = ran.permitted.iter().map(TriedRequest::new).collect();
    TriedTag { tag: tag.name.clone(), outcome, reason, requests, why, log: ran.log }
}

impl TriedRequest {
    fn new(request: &Permitted) -> Self {
        let text = || Value::String(String::from_utf8_lossy(request.body()).into_owned());
        TriedRequest {
            method: request.method().to_string(),
            url: request.url().to_string(),
            headers: joined(request.shown_headers()),
            body: match request.body() {
                [] => Value::Null,
                body => serde_json::from_slice(body).unwrap_or_else(|_| text()),
            },
        }
    }
}

/// A name given twice stands for one list (RFC 9110, section 5.3).
fn joined(headers: Vec<(String, String)>) -> BTreeMap<String, String> {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        joined.entry(name).and_modify(|before| *before = format!("{before}, {value}")).or_insert(value);
    }
    joined
}
