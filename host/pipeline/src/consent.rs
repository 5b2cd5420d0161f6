//! Consent: the purposes that a person agreed to.
//!
//! Read from `context.consent.categoryPreferences` of the event, as Segment's consent wrappers send it:
//! `{"analytics": true, "advertising": false}`. What is not given is denied.

use serde_json::Value;

use crate::event::Event;

/// The purposes that are missing, for a person to read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no consent to {}", .0.join(", "))]
pub struct NoConsent(pub Vec<String>);

/// The purposes in `required` that the event's sender has not given, in the order of the container.
pub fn missing<'r>(event: &Event, required: &'r [String]) -> Vec<&'r str> {
    required.iter().map(String::as_str).filter(|purpose| !is_given(event, purpose)).collect()
}

fn is_given(event: &Event, purpose: &str) -> bool {
    let given = || event.fields().get("context")?.get("consent")?.get("categoryPreferences")?.get(purpose);
    given() == Some(&Value::Bool(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_given_is_denied() {
        let check = |preferences: Value, required: &[&str], expected: &[&str]| {
            let event: Event = serde_json::from_value(json!({
                "type": "page", "messageId": "m", "userId": "u", "context": {"consent": {"categoryPreferences": preferences}}
            }))
            .expect("event");
            let required: Vec<String> = required.iter().map(|purpose| (*purpose).to_owned()).collect();
            assert_eq!(missing(&event, &required), expected);
        };
        check(json!({"analytics": true, "ads": true}), &["analytics", "ads"], &[]);
        check(json!({"analytics": true, "ads": false}), &["analytics", "ads"], &["ads"]);
        check(json!({"analytics": "true", "ads": 1}), &["analytics", "ads"], &["analytics", "ads"]);
        check(json!(true), &["analytics"], &["analytics"]);
        check(json!({}), &[], &[]);
    }
}
