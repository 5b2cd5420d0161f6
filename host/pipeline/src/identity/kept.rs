//! What is kept of click ids and browsers' ids in a cookie of the collector's: `1*gclid.1795255200000.ID*…`, each with the time at
//! which it was first seen.

use super::cookie::{decoded, encoded};
use super::vendors::is_id;

/// The version of the format. Another one is not read.
const VERSION: &str = "1";

/// The longest value of the cookie. Browsers take 4,096 bytes with name and attributes.
const MAX_BYTES: usize = 3_500;

const MILLISECONDS_OF_A_DAY: i64 = 86_400_000;

#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Kept {
    /// Each name once, the oldest first.
    ids: Vec<KeptId>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct KeptId {
    name: String,
    /// When it was first seen, in milliseconds since 1970.
    at: i64,
    value: String,
}

impl Kept {
    /// Reads the cookie. What is damaged, older than `days` or from the future is left out.
    pub(super) fn parse(cookie: &str, days: u32, now: i64) -> Self {
        let mut parts = cookie.split('*');
        if cookie.len() > MAX_BYTES || parts.next() != Some(VERSION) {
            return Kept::default();
        }
        let from = now - i64::from(days) * MILLISECONDS_OF_A_DAY;
        let mut kept = Kept::default();
        for part in parts {
            let mut fields = part.splitn(3, '.');
            let id = || {
                let name = decoded(fields.next()?)?.into_owned();
                let at = fields.next()?.parse().ok()?;
                let value = decoded(fields.next()?)?.into_owned();
                Some(KeptId { name, at, value })
            };
            let Some(id) = { id }() else { continue };
            if is_id(&id.value) && (from..=now).contains(&id.at) {
                kept.put(&id.name, id.at, &id.value);
            }
        }
        kept
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.ids.iter().find(|id| id.name == name).map(|id| id.value.as_str())
    }

    /// Keeps an id from now on; one that is kept already keeps its time.
    pub(super) fn keep(&mut self, name: &str, now: i64, value: &str) {
        if self.get(name) != Some(value) {
            self.put(name, now, value);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The cookie's value. Where not all fit, the oldest are left out.
    pub(super) fn write(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        let mut bytes = VERSION.len();
        for id in self.ids.iter().rev() {
            // A `.` parts the fields, and in a name `ga.clientId` it must not.
            let name = encoded(&id.name).replace('.', "%2E");
            let part = format!("*{name}.{}.{}", id.at, encoded(&id.value));
            bytes += part.len();
            if bytes > MAX_BYTES {
                break;
            }
            parts.push(part);
        }
        parts.push(VERSION.to_owned());
        parts.reverse();
        parts.concat()
    }

    fn put(&mut self, name: &str, at: i64, value: &str) {
        self.ids.retain(|id| id.name != name);
        let place = self.ids.partition_point(|id| id.at <= at);
        self.ids.insert(place, KeptId { name: name.to_owned(), at, value: value.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_255_200_000;

    #[test]
    fn comes_back_as_it_was() {
        let mut kept = Kept::default();
        kept.keep("gclid", NOW - 5, "Cj0-_~.x");
        kept.keep("ga.clientId", NOW - 9, "123.456");
        kept.keep("fbc", NOW, "fb.1.1795255200000.a*b;c d=\"\u{e4}");
        let cookie = kept.write();
        assert!(cookie.starts_with("1*ga%2EclientId.1795255199991.123.456*gclid."), "{cookie}");
        assert!(cookie.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"*.-_~%".contains(&byte)), "{cookie}");
        assert_eq!(Kept::parse(&cookie, 90, NOW), kept);
        // The first sight of it counts.
        kept.keep("gclid", NOW + 5, "Cj0-_~.x");
        assert_eq!(Kept::parse(&cookie, 90, NOW), kept);
    }

    #[test]
    fn what_is_old_damaged_or_too_much_is_left_out() {
        let check = |cookie: &str, expected: &[(&str, &str)]| {
            let kept = Kept::parse(cookie, 90, NOW);
            let ids: Vec<_> = kept.ids.iter().map(|id| (id.name.as_str(), id.value.as_str())).collect();
            assert_eq!(ids, expected, "{cookie}");
        };
        check("", &[]);
        check("2*gclid.1795255200000.a", &[]);
        check("1*gclid.1795255200000.a*gclid", &[("gclid", "a")]);
        check("1*gclid.x.a*msclkid.1795255200000.*ttclid.1795255200000.%00*epik.1795255200000.%ff", &[]);
        // One day before ninety, and a day ahead.
        check("1*a.1787392800000.1*b.1787565600000.2*c.1795341600000.3", &[("b", "2")]);
        check(&format!("1*gclid.1795255200000.{}", "x".repeat(MAX_BYTES)), &[]);

        let mut kept = Kept::default();
        for (at, name) in ["a", "b", "c", "d", "e", "f", "g", "h", "i"].into_iter().enumerate() {
            kept.keep(name, NOW + at as i64, &"x".repeat(480));
        }
        let cookie = kept.write();
        assert!(cookie.len() <= MAX_BYTES && cookie.starts_with("1*c."), "{} {cookie}", cookie.len());
    }
}
