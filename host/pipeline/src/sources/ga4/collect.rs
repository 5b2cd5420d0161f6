//! `/g/collect`: one event in the query; or several in the body, a line each, with what they have in common in the query.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::hit::Hit;
use crate::event::Event;
use crate::sources::gather::{Gathered, check_count, check_length, finish};
use crate::sources::item::Surroundings;
use crate::sources::limits::MAX_KEPT_TEXT;
use crate::sources::query::Params;
use crate::sources::{Answer, BadEvent, Incoming, Parsed, Refusal, Rules, body, key};

/// The measurement ids of the query and of the first line.
pub(super) fn keys(request: &Incoming<'_>) -> Vec<String> {
    let text = body::text(request.headers, request.body).unwrap_or_default();
    let first = text.lines().find(|line| !line.is_empty()).unwrap_or_default();
    let of = |text: &str| Params::parse(text).get("tid").map(str::to_owned);
    [of(request.query.unwrap_or_default()), of(first)].into_iter().flatten().collect()
}

pub(super) fn parse(request: &Incoming<'_>, rules: &Rules) -> Result<Parsed, Refusal> {
    let query = request.query.unwrap_or_default();
    let text = body::text(request.headers, request.body)?;
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    check_count(lines.len(), query.len())?;
    let shared = Params::parse(query);
    let first = Params::parse(lines.first().copied().unwrap_or_default());
    let given = [shared.get("tid"), first.get("tid")].into_iter().flatten().map(Cow::Borrowed);
    key::require(given, &rules.options, "send the measurement id, `tid`, and list it there")?;

    // One visitor's body may be another's to the byte; who they are stands in the query.
    let whole = format!("{query}\n{text}");
    let surroundings = Surroundings::new(&whole, request, rules);
    let lines = if lines.is_empty() { vec![""] } else { lines };
    let one = |(position, line)| event(&shared, query.len(), line, position, &surroundings, rules);
    let Gathered { events, bad } = lines.into_iter().enumerate().map(one).collect();
    Ok(Parsed { events, bad, answer: Answer::Empty })
}

fn event(
    shared: &Params<'_>,
    common: usize,
    line: &str,
    position: usize,
    surroundings: &Surroundings<'_>,
    rules: &Rules,
) -> Result<Event, BadEvent> {
    let max = rules.options.max_event_bytes;
    let own = Params::parse(line);
    check_length(line.len() + common, max).map_err(|reason| {
        let name = own.get("en").or_else(|| shared.get("en")).filter(|name| name.len() <= MAX_KEPT_TEXT);
        BadEvent { position, reason, event: name.map_or(Value::Null, |name| json!({"en": name})) }
    })?;
    let hit = Hit { own: &own, shared };
    let original =
        || shared.iter().chain(own.iter()).map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
    let Some(made) = hit.event() else {
        let reason = "`en` is missing: it is the event's name".to_owned();
        return Err(BadEvent { position, reason, event: original() });
    };
    let event = finish(surroundings, &made, position, original)?;
    // A page event says its page twice.
    check_length(event.object().text_len(), max.saturating_mul(2)).map_err(|reason| BadEvent {
        position,
        reason,
        event: original(),
    })?;
    Ok(event)
}
