//! `utm_*` of the page's URL as `context.campaign`, by the names that the Segment spec has for them.

use super::page::{Query, decoded};
use crate::object::Object;

const NAMES: [(&str, &str); 9] = [
    ("utm_source", "source"),
    ("utm_medium", "medium"),
    ("utm_campaign", "name"),
    ("utm_term", "term"),
    ("utm_content", "content"),
    ("utm_id", "id"),
    ("utm_source_platform", "source_platform"),
    ("utm_creative_format", "creative_format"),
    ("utm_marketing_tactic", "marketing_tactic"),
];

/// The longest value that is taken, in bytes; GA4 keeps 100 characters. A part of a longer one would name another campaign.
const MAX_BYTES: usize = 500;

/// Whether `context` got a campaign. One that it has already stays.
pub(super) fn add(context: &mut Object, query: &Query) -> bool {
    if context.object("campaign").is_some_and(|own| !own.is_empty()) {
        return false;
    }
    let mut campaign = Object::default();
    for (name, value) in query.pairs() {
        let Some((_, to)) = NAMES.iter().find(|(known, _)| *known == name) else { continue };
        // Of what is there twice the first counts.
        if value.len() <= MAX_BYTES && !campaign.contains(to) {
            campaign.set_string(to, &decoded(value));
        }
    }
    if campaign.is_empty() {
        return false;
    }
    context.set_object("campaign", &campaign);
    true
}
