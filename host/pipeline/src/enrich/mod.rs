//! What the collector knows of a request and the event does not say: the visitor's address and browser.

use std::net::IpAddr;

use crate::event::Event;
use crate::object::Object;
use crate::sources::Incoming;
use http::header;

/// The longest user agent that is kept. Real ones have under 300 bytes, and it goes into every event of a request.
const MAX_USER_AGENT_BYTES: usize = 1024;

/// Libraries that run in a backend: the request's address and user agent are the backend's, not the visitor's.
const BACKEND_LIBRARIES: [&str; 9] = [
    "@segment/analytics-node",
    "analytics-node",
    "analytics-python",
    "analytics-ruby",
    "analytics-php",
    "analytics-java",
    "analytics-go",
    "analytics-rust",
    "Analytics.NET",
];

/// What a request tells of the one who sent it. The `Referer` is not among it: across origins browsers send no more of it
/// than the origin, which would pass for a page.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RequestFacts {
    pub ip: Option<IpAddr>,
    pub user_agent: Option<String>,
}

impl From<&Incoming<'_>> for RequestFacts {
    fn from(request: &Incoming<'_>) -> Self {
        let user_agent = request.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        RequestFacts {
            // An IPv4 visitor of a dual-stack socket is one of IPv4, as vendors expect it.
            ip: request.peer.map(|ip| ip.to_canonical()),
            user_agent: user_agent
                .filter(|text| !text.is_empty())
                .map(|text| text.chars().take(MAX_USER_AGENT_BYTES).collect()),
        }
    }
}

/// Fills `context.ip` and `context.userAgent` where the event does not have them.
///
/// Whatever the sender put there stays, be it null: a backend sends its visitor's own, and `0.0.0.0` is how Segment's SDKs
/// ask for no address at all. What a backend's library sent without them gets none.
pub fn enrich(event: &mut Event, facts: &RequestFacts) {
    let mut context = event.context();
    if is_from_backend(event, &context) {
        return;
    }
    let ip = facts.ip.map(|ip| ip.to_string());
    let mut adds = false;
    for (field, value) in [("ip", ip.as_deref()), ("userAgent", facts.user_agent.as_deref())] {
        let Some(value) = value else { continue };
        if !context.contains(field) {
            context.set_string(field, value);
            adds = true;
        }
    }
    if adds {
        event.set_context(&context);
    }
}

fn is_from_backend(event: &Event, context: &Object) -> bool {
    let library = || context.object("library")?.string("name");
    event.object().string("channel").as_deref() == Some("server")
        || library().is_some_and(|name| BACKEND_LIBRARIES.contains(&name.as_str()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use http::{HeaderMap, Method};
    use jiff::Timestamp;
    use serde_json::{Value, json};

    fn facts(peer: &str, user_agent: &str) -> RequestFacts {
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, user_agent.parse().unwrap());
        RequestFacts::from(&Incoming {
            method: &Method::POST,
            path: "/v1/page",
            query: None,
            headers: &headers,
            body: b"",
            peer: peer.parse().ok(),
            received_at: Timestamp::UNIX_EPOCH,
        })
    }

    #[test]
    fn fills_what_the_event_does_not_say() {
        let check = |own: Value, expected: Value| {
            let mut event = json!({"type": "page", "messageId": "m", "userId": "u"});
            event.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
            let mut event: Event = serde_json::from_value(event).unwrap();
            enrich(&mut event, &facts("192.0.2.7", "Mozilla/5.0"));
            assert_eq!(event.fields().get("context").cloned().unwrap_or_default(), expected, "{own}");
        };
        let both = json!({"ip": "192.0.2.7", "userAgent": "Mozilla/5.0"});
        check(json!({}), both.clone());
        check(json!({"context": null}), both);
        check(
            json!({"context": {"ip": "198.51.100.1", "locale": "de"}}),
            json!({"ip": "198.51.100.1", "locale": "de", "userAgent": "Mozilla/5.0"}),
        );
        check(json!({"context": {"ip": "0.0.0.0"}}), json!({"ip": "0.0.0.0", "userAgent": "Mozilla/5.0"}));
        check(json!({"context": {"ip": null, "userAgent": ""}}), json!({"ip": null, "userAgent": ""}));
        let library = json!({"library": {"name": "analytics-python"}});
        check(json!({"context": library}), library);
        check(json!({"channel": "server"}), Value::Null);
    }

    #[test]
    fn facts_are_bounded_and_canonical() {
        let check = |peer: &str, user_agent: &str, ip: Option<&str>, bytes: Option<usize>| {
            let facts = facts(peer, user_agent);
            assert_eq!(facts.ip, ip.map(|ip| ip.parse().unwrap()), "{peer}");
            assert_eq!(facts.user_agent.map(|text| text.len()), bytes, "{user_agent}");
        };
        check("::ffff:192.0.2.7", "curl/8", Some("192.0.2.7"), Some(6));
        check("2001:db8::1", &"x".repeat(5000), Some("2001:db8::1"), Some(MAX_USER_AGENT_BYTES));
        check("", "", None, None);
    }
}
