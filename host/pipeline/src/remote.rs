//! A tag that runs apart from the pipeline, as each does on Spin: what crosses between the collector, which decides, and the adapter,
//! which calls the tag and sends what it asks for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::container::model;
use crate::dead_letter::{ShownAnswer, ShownRequest};
use crate::grants::{Grant, HostPattern, HostPatternError};
use crate::outcome::Cause;
use crate::path::Fields;
use crate::permit::{Permitted, SecretBindings};
use crate::ran::{GuestEnd, SILENT};
use crate::retry::Answer;

/// The most requests of one event that are remembered as delivered, and as many as refused, while another of its requests is tried
/// again. Those beyond are sent once more, as after a restart of the native host.
pub const MAX_REMEMBERED: usize = 32;

/// A container as it was checked, and where its tags are.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// With the defaults of each tag's settings filled in, and what it is granted written out.
    pub container: model::Container,
    /// Each tag by its name.
    pub tags: BTreeMap<String, Place>,
}

/// Where a tag is, and what its manifest says of its calls.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The id of its component.
    pub component: String,
    pub max_batch: u32,
}

/// One call of a tag, as the collector asks for it.
#[derive(Debug, Deserialize, Serialize)]
pub struct Call {
    pub events: Vec<Item>,
    /// As JSON text.
    pub settings: String,
    pub hosts: Vec<String>,
    #[serde(default)]
    pub private_network: bool,
    #[serde(default)]
    pub plain_http: bool,
    /// The secrets that it may name, and the hosts each is bound to.
    pub secrets: BTreeMap<String, Option<Vec<String>>>,
    /// How long to wait for a vendor's answer.
    pub timeout_seconds: u32,
}

/// One event of a call.
#[derive(Debug, Deserialize, Serialize)]
pub struct Item {
    /// What the tag sees of it, as JSON text.
    pub event: String,
    /// Those of one user have the same number: their requests go one after the other.
    pub user: u32,
    /// Its requests that are not to be sent again, as they were delivered or refused, by their [`fingerprint`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<String>,
}

/// What came of a call.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// How each event of the call ended, in their order.
    Ended(Vec<End>),
    /// The call failed as a whole.
    Failed {
        reason: String,
        /// Whether one event of the call may be to blame, rather than the tag as it is set up.
        may_be_of_one_event: bool,
    },
}

/// How one event of a call ended.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    Skipped(String),
    /// With all its requests, by their [`fingerprint`].
    Delivered(Vec<String>),
    /// It is dead, and nothing of it is left to send.
    Dead {
        death: Box<Death>,
        /// Its requests that were delivered nevertheless.
        delivered: Vec<String>,
    },
    /// The vendor would not take a request that carried others too, one of which may be to blame.
    Split {
        delivered: Vec<String>,
    },
    /// A request that carries it may be tried again.
    Again {
        failed: Box<Undelivered>,
        /// How long the vendor asked to be left alone.
        after_seconds: Option<u64>,
        delivered: Vec<String>,
        /// Its requests that the vendor would not take, of which the first is its `death`.
        refused: Vec<String>,
        death: Option<Box<Death>>,
    },
}

/// Why an event is a dead letter.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Death {
    pub cause: Cause,
    pub reason: String,
    /// The request that the vendor would not take, and what it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<ShownRequest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<ShownAnswer>,
}

/// A request that was not delivered.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Undelivered {
    pub reason: String,
    pub request: ShownRequest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<ShownAnswer>,
}

/// What came of one request.
#[derive(Clone, Debug, PartialEq)]
pub enum Sent {
    Delivered,
    Again {
        reason: String,
        answer: Option<Answer>,
    },
    /// `content`: whether what the request carries may be to blame.
    Refused {
        reason: String,
        answer: Option<Answer>,
        content: bool,
    },
}

impl Deployment {
    /// The tags that the container has and that have no place, or the other way round.
    pub fn misplaced(&self) -> Vec<&str> {
        let placed = |tag: &&model::Tag| !self.tags.contains_key(&tag.name);
        let named = |name: &&String| !self.container.tags.iter().any(|tag| tag.name == **name);
        let without = self.container.tags.iter().filter(placed).map(|tag| tag.name.as_str());
        without.chain(self.tags.keys().filter(named).map(String::as_str)).collect()
    }
}

impl Call {
    /// What its tag is granted. It says nothing of fields, which have been redacted.
    ///
    /// # Errors
    /// When a host is no pattern.
    pub fn grant(&self) -> Result<Grant, HostPatternError> {
        let hosts = self.hosts.iter().map(|host| HostPattern::parse(host)).collect::<Result<_, _>>()?;
        let (private_network, plain_http) = (self.private_network, self.plain_http);
        Ok(Grant { hosts, fields: Fields::default(), private_network, plain_http })
    }

    /// The secrets that its tag may name.
    ///
    /// # Errors
    /// When a host is no pattern.
    pub fn bindings(&self) -> Result<SecretBindings, HostPatternError> {
        let parse = |hosts: &Vec<String>| hosts.iter().map(|host| HostPattern::parse(host)).collect();
        let bound = self.secrets.iter().map(|(name, hosts)| Ok((name.clone(), hosts.as_ref().map(parse).transpose()?)));
        Ok(SecretBindings(bound.collect::<Result<_, _>>()?))
    }
}

/// Tells requests of one event apart, and knows one again that a tag asks for once more. Its secrets have no part in it.
pub fn fingerprint(request: &Permitted) -> String {
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    add(request.method().as_str().as_bytes());
    add(request.url().as_str().as_bytes());
    for (name, value) in request.shown_headers() {
        add(name.as_bytes());
        add(value.as_bytes());
    }
    add(request.body());
    hex::encode(&hash.finalize()[..16])
}

impl From<Undelivered> for Death {
    fn from(undelivered: Undelivered) -> Self {
        let Undelivered { reason, request, answer } = undelivered;
        Death { cause: Cause::Undeliverable, reason, request: Some(request), answer }
    }
}

/// Gathers what came of a call's requests into an end for each of its events.
pub struct Tally(Vec<Tallied>);

/// What is known of one event.
#[derive(Clone, Default)]
struct Tallied {
    skipped: Option<String>,
    is_carried: bool,
    is_split: bool,
    delivered: Vec<String>,
    refused: Vec<String>,
    /// The first of them.
    death: Option<Box<Death>>,
    again: Option<(Box<Undelivered>, Option<u64>)>,
}

impl Tally {
    /// For a call of which `ended` ended before anything was sent.
    pub fn new(count: usize, ended: Vec<(usize, GuestEnd)>) -> Self {
        let mut tallied = vec![Tallied::default(); count];
        for (event, end) in ended {
            let Some(tallied) = tallied.get_mut(event) else { continue };
            match end {
                _ if tallied.skipped.is_some() || tallied.death.is_some() => {}
                GuestEnd::Skipped(reason) => tallied.skipped = Some(reason),
                GuestEnd::Dead(cause, reason) => {
                    tallied.death = Some(Box::new(Death { cause, reason, request: None, answer: None }));
                }
            }
        }
        Tally(tallied)
    }

    /// Adds what came of a request.
    pub fn add(&mut self, request: &Permitted, fingerprint: &str, sent: &Sent) {
        let undelivered = |reason: &String, answer: &Option<Answer>| {
            let answer = answer.clone().map(Into::into);
            Undelivered { reason: reason.clone(), request: ShownRequest::new(request), answer }
        };
        let remember = |remembered: &mut Vec<String>| {
            if remembered.len() < MAX_REMEMBERED {
                remembered.push(fingerprint.to_owned());
            }
        };
        let several = request.events().len() > 1;
        for event in request.events() {
            let Some(tallied) = self.0.get_mut(*event as usize) else { continue };
            tallied.is_carried = true;
            match sent {
                Sent::Delivered => remember(&mut tallied.delivered),
                Sent::Refused { content: true, .. } if several => tallied.is_split = true,
                Sent::Refused { reason, answer, .. } => {
                    remember(&mut tallied.refused);
                    tallied.death.get_or_insert_with(|| Box::new(undelivered(reason, answer).into()));
                }
                Sent::Again { reason, answer } => {
                    let after = answer.as_ref().and_then(|answer| answer.retry_after).map(|after| after.as_secs());
                    tallied.again.get_or_insert_with(|| (Box::new(undelivered(reason, answer)), after));
                }
            }
        }
    }

    /// The end of each event. It is dead when one of its requests is, but not before the others have come to their end; it is delivered
    /// when all of them are.
    pub fn ends(self) -> Vec<End> {
        self.0.into_iter().map(Tallied::end).collect()
    }
}

impl Tallied {
    fn end(self) -> End {
        let Tallied { skipped, is_carried, is_split, delivered, refused, death, again } = self;
        match (death, again) {
            (None, _) if is_split => End::Split { delivered },
            (death, Some((failed, after_seconds))) => End::Again { failed, after_seconds, delivered, refused, death },
            (Some(death), None) => End::Dead { death, delivered },
            (None, None) if is_carried => End::Delivered(delivered),
            (None, None) => End::Skipped(skipped.unwrap_or_else(|| SILENT.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Request;
    use crate::permit::permit;

    fn request(path: &str, events: &[u32]) -> Permitted {
        let grant = Grant {
            hosts: vec![HostPattern::parse("vendor.example").expect("a pattern")],
            fields: Fields::default(),
            private_network: false,
            plain_http: false,
        };
        let request = Request {
            method: http::Method::POST,
            url: format!("https://vendor.example/{path}"),
            headers: vec![],
            body: vec![],
            auth: None,
            events: events.into(),
        };
        permit(request, 3, &grant, &SecretBindings::default()).expect("permitted")
    }

    #[test]
    fn an_event_ends_when_all_its_requests_have_and_as_the_worst_of_them_did() {
        let again = || Sent::Again { reason: "later".to_owned(), answer: None };
        let refused = |content| Sent::Refused { reason: "no".to_owned(), answer: None, content };
        let check = |sent: &[(&str, &[u32], Sent)], expected: [&str; 3]| {
            let mut tally = Tally::new(3, vec![(2, GuestEnd::Skipped("nothing".to_owned()))]);
            for (path, events, sent) in sent {
                tally.add(&request(path, events), path, sent);
            }
            let ends = tally.ends().into_iter().map(|end| match end {
                End::Skipped(reason) => reason,
                End::Delivered(_) => "delivered".to_owned(),
                End::Dead { death, delivered } => {
                    let request = death.request.map_or(death.reason, |request| request.url);
                    format!("dead {request} but {delivered:?}")
                }
                End::Split { delivered } => format!("split but {delivered:?}"),
                End::Again { delivered, refused, death, .. } => {
                    assert_eq!(death.is_some(), !refused.is_empty());
                    format!("again but {delivered:?}, not {refused:?}")
                }
            });
            assert_eq!(ends.collect::<Vec<_>>(), expected, "{sent:?}");
        };
        check(&[("a", &[0, 1], Sent::Delivered)], ["delivered", "delivered", "nothing"]);
        check(&[("a", &[0], Sent::Delivered)], ["delivered", SILENT, "nothing"]);
        let later = "again but [\"a\"], not []";
        check(&[("a", &[0, 1], Sent::Delivered), ("b", &[1], again())], ["delivered", later, "nothing"]);
        check(&[("b", &[1], again()), ("a", &[0, 1], Sent::Delivered)], ["delivered", later, "nothing"]);
        let dead = "dead https://vendor.example/a but []";
        check(&[("a", &[0, 1], refused(false))], [dead, dead, "nothing"]);
        check(&[("a", &[0], refused(true)), ("b", &[0], refused(true))], [dead, SILENT, "nothing"]);
        let dead = "dead https://vendor.example/a but [\"b\"]";
        check(&[("a", &[0], refused(false)), ("b", &[0, 1], Sent::Delivered)], [dead, "delivered", "nothing"]);
        // What may still be delivered is, whatever became of the others.
        let rest = "again but [], not [\"a\"]";
        check(&[("a", &[0], refused(true)), ("b", &[0, 1], again())], [rest, "again but [], not []", "nothing"]);
        check(&[("b", &[0], again()), ("a", &[0], refused(false))], [rest, SILENT, "nothing"]);
        check(&[("a", &[0, 1], refused(true))], ["split but []", "split but []", "nothing"]);
        let of_two = [("b", &[0][..], Sent::Delivered), ("a", &[0, 1][..], refused(true))];
        check(&of_two, ["split but [\"b\"]", "split but []", "nothing"]);
        // Whoever is to blame for that one, this event is dead.
        let of_two = [("a", &[0][..], refused(false)), ("b", &[0, 1][..], refused(true))];
        check(&of_two, ["dead https://vendor.example/a but []", "split but []", "nothing"]);
    }

    #[test]
    fn a_request_is_known_again() {
        assert_eq!(fingerprint(&request("a", &[0])), fingerprint(&request("a", &[0, 1])));
        assert_ne!(fingerprint(&request("a", &[0])), fingerprint(&request("b", &[0])));
    }
}
