//! Visits: `context.session`, from what the SDK says, from a vendor's cookie, or from one of the collector's own.

use jiff::Timestamp;
use serde_json::Value;

use crate::container::identity::Session as Spec;
use crate::object::Object;

/// A visit as the collector's cookie has it: `1.START.NUMBER.LAST`, in seconds since 1970.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Session {
    /// When it began. Also its id, as GA4 has it: of one visitor's it is the only one.
    start: i64,
    /// Which of the visitor's it is, from 1.
    number: u64,
    /// When the last event came.
    last: i64,
}

impl Session {
    pub(super) fn parse(cookie: &str) -> Option<Self> {
        let mut parts = cookie.strip_prefix("1.")?.splitn(3, '.');
        let session = Session {
            start: parts.next()?.parse().ok()?,
            number: parts.next()?.parse().ok()?,
            last: parts.next()?.parse().ok()?,
        };
        (session.start >= 0 && session.last >= session.start).then_some(session)
    }

    /// The visit that an event at `now` belongs to, and whether it begins with it. A last event in the future is none of this host's.
    pub(super) fn at(before: Option<Self>, now: i64, spec: &Spec) -> (Self, bool) {
        let pause = i64::from(spec.minutes) * 60;
        match before {
            Some(session) if (session.last - pause..session.last.saturating_add(pause)).contains(&now) => {
                (Session { last: session.last.max(now), ..session }, false)
            }
            before => {
                let number = before.map_or(1, |session| session.number.saturating_add(1));
                (Session { start: now, number, last: now }, true)
            }
        }
    }

    pub(super) fn write(self) -> String {
        format!("1.{}.{}.{}", self.start, self.number, self.last)
    }

    /// As `context.session` has it.
    pub(super) fn object(self, is_new: bool) -> Object {
        let mut object = Object::default();
        object.set_string("id", &self.start.to_string());
        object.set("number", &Value::from(self.number));
        if let Ok(start) = Timestamp::from_second(self.start) {
            object.set_string("start", &start.to_string());
        }
        if is_new {
            object.set("isNew", &Value::Bool(true));
        }
        object
    }
}

/// A visit as the SDK tells of it, or a vendor's cookie.
pub(super) fn told(id: &str, number: Option<Value>) -> Object {
    let mut object = Object::default();
    object.set_string("id", id);
    if let Some(number) = number {
        object.set("number", &number);
    }
    object
}

/// What the SDK says of the visit: GA4's `sid` and `sct`, Snowplow's `sid` and `vid`, RudderStack's `sessionId`.
pub(super) fn of_sdk(context: &Object) -> Option<Object> {
    let text = |object: &Object, name: &str| match object.value(name)? {
        Value::String(text) => Some(text).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let number = |object: &Object, name: &str| object.value(name).filter(Value::is_number);
    if let Some(id) = text(context, "sessionId") {
        return Some(told(&id, None));
    }
    [("ga", "sessionNumber"), ("snowplow", "sessionIndex")].into_iter().find_map(|(name, index)| {
        let of = context.object(name)?;
        Some(told(&text(&of, "sessionId")?, number(&of, index)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_a_visit() {
        let spec = Spec::default();
        let check = |before: &str, now: i64, expected: &str, begins: bool| {
            let (session, is_new) = Session::at(Session::parse(before), now, &spec);
            assert_eq!((session.write().as_str(), is_new), (expected, begins), "{before} {now}");
        };
        check("", 1_000_000, "1.1000000.1.1000000", true);
        check("1.1000000.1.1000000", 1_001_799, "1.1000000.1.1001799", false);
        check("1.1000000.1.1000000", 1_001_800, "1.1001800.2.1001800", true);
        // Another event of it came a moment before this one.
        check("1.1000000.3.1000100", 1_000_098, "1.1000000.3.1000100", false);
        // Nobody's clock: begun anew.
        check("1.1000000.3.9000000", 1_000_098, "1.1000098.4.1000098", true);
        check("1.-5.3.10", 1_000_098, "1.1000098.1.1000098", true);
        check("2.1000000.3.1000000", 1_000_098, "1.1000098.1.1000098", true);
        check(&format!("1.1.{}.{}", u64::MAX, i64::MAX), 1_000_098, "1.1000098.18446744073709551615.1000098", true);
    }
}
