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

/// The most requests of one event that are remembered as delivered while another of its requests is tried again. Those beyond are
/// sent once more, as after a restart of the native host.
pub const MAX_DELIVERED: usize = 32;

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
    /// Its requests that have been delivered, by their [`fingerprint`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delivered: Vec<String>,
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
    Dead(Cause, String),
    Delivered,
    /// The vendor would not take what carried it.
    Undeliverable(Box<Undelivered>),
    /// The vendor would not take a request that carried others too, one of which may be to blame.
    Split,
    /// A request that carries it may be tried again.
    Again {
        failed: Box<Undelivered>,
        /// How long the vendor asked to be left alone.
        after_seconds: Option<u64>,
        /// Its requests that were delivered nevertheless.
        delivered: Vec<String>,
    },
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

/// Gathers what came of a call's requests into an end for each of its events.
pub struct Tally {
    ends: Vec<Option<End>>,
    delivered: Vec<Vec<String>>,
}

impl Tally {
    /// For a call of which `ended` ended before anything was sent.
    pub fn new(count: usize, ended: Vec<(usize, GuestEnd)>) -> Self {
        let mut ends: Vec<Option<End>> = vec![None; count];
        for (event, end) in ended {
            if let Some(place) = ends.get_mut(event) {
                place.get_or_insert(match end {
                    GuestEnd::Skipped(reason) => End::Skipped(reason),
                    GuestEnd::Dead(cause, reason) => End::Dead(cause, reason),
                });
            }
        }
        Tally { ends, delivered: vec![Vec::new(); count] }
    }

    /// Adds what came of a request. An event is delivered when every request that carries it is; it is dead when one of them is, the
    /// first of which is kept; else it is tried again when one of them is.
    pub fn add(&mut self, request: &Permitted, fingerprint: &str, sent: &Sent) {
        let undelivered = |reason: &String, answer: &Option<Answer>| {
            let answer = answer.clone().map(Into::into);
            Box::new(Undelivered { reason: reason.clone(), request: ShownRequest::new(request), answer })
        };
        let several = request.events().len() > 1;
        for event in request.events() {
            let event = *event as usize;
            let (Some(end), Some(delivered)) = (self.ends.get_mut(event), self.delivered.get_mut(event)) else {
                continue;
            };
            let is_dead = matches!(end, Some(End::Dead(..) | End::Undeliverable(_)));
            match sent {
                Sent::Delivered => {
                    end.get_or_insert(End::Delivered);
                    if delivered.len() < MAX_DELIVERED {
                        delivered.push(fingerprint.to_owned());
                    }
                }
                _ if is_dead => {}
                Sent::Refused { content: true, .. } if several => *end = Some(End::Split),
                Sent::Refused { reason, answer, .. } => {
                    *end = Some(End::Undeliverable(undelivered(reason, answer)));
                }
                Sent::Again { .. } if matches!(end, Some(End::Again { .. } | End::Split)) => {}
                Sent::Again { reason, answer } => {
                    let after_seconds =
                        answer.as_ref().and_then(|answer| answer.retry_after).map(|after| after.as_secs());
                    let failed = undelivered(reason, answer);
                    *end = Some(End::Again { failed, after_seconds, delivered: Vec::new() });
                }
            }
        }
    }

    /// The end of each event.
    pub fn ends(self) -> Vec<End> {
        let silent = || End::Skipped(SILENT.to_owned());
        let ends = self.ends.into_iter().map(|end| end.unwrap_or_else(silent));
        ends.zip(self.delivered)
            .map(|(end, delivered)| match end {
                End::Again { failed, after_seconds, .. } => End::Again { failed, after_seconds, delivered },
                end => end,
            })
            .collect()
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
    fn an_event_ends_as_the_worst_of_its_requests_does() {
        let again = || Sent::Again { reason: "later".to_owned(), answer: None };
        let refused = |content| Sent::Refused { reason: "no".to_owned(), answer: None, content };
        let check = |sent: &[(&str, &[u32], Sent)], expected: [&str; 3]| {
            let mut tally = Tally::new(3, vec![(2, GuestEnd::Skipped("nothing".to_owned()))]);
            for (path, events, sent) in sent {
                tally.add(&request(path, events), path, sent);
            }
            let ends = tally.ends().into_iter().map(|end| match end {
                End::Skipped(reason) => reason,
                End::Dead(..) => "dead".to_owned(),
                End::Delivered => "delivered".to_owned(),
                End::Undeliverable(undelivered) => format!("undeliverable {}", undelivered.request.url),
                End::Split => "split".to_owned(),
                End::Again { delivered, .. } => format!("again but {delivered:?}"),
            });
            assert_eq!(ends.collect::<Vec<_>>(), expected, "{sent:?}");
        };
        check(&[("a", &[0, 1], Sent::Delivered)], ["delivered", "delivered", "nothing"]);
        check(&[("a", &[0], Sent::Delivered)], ["delivered", SILENT, "nothing"]);
        check(&[("a", &[0, 1], Sent::Delivered), ("b", &[1], again())], ["delivered", "again but [\"a\"]", "nothing"]);
        check(&[("b", &[1], again()), ("a", &[0, 1], Sent::Delivered)], ["delivered", "again but [\"a\"]", "nothing"]);
        let url = "undeliverable https://vendor.example/a";
        check(&[("a", &[0], refused(true)), ("b", &[0, 1], again())], [url, "again but []", "nothing"]);
        check(&[("b", &[0], again()), ("a", &[0], refused(false))], [url, SILENT, "nothing"]);
        check(&[("a", &[0, 1], refused(true))], ["split", "split", "nothing"]);
        check(&[("a", &[0, 1], refused(false))], [url, url, "nothing"]);
    }

    #[test]
    fn a_request_is_known_again() {
        assert_eq!(fingerprint(&request("a", &[0])), fingerprint(&request("a", &[0, 1])));
        assert_ne!(fingerprint(&request("a", &[0])), fingerprint(&request("b", &[0])));
    }
}
