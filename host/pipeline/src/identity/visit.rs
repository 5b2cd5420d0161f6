//! One request, and what it tells of the visitor that its events are about.

use http::HeaderMap;
use http::header::{ORIGIN, REFERER};
use serde_json::{Map, Value};

use super::kept::Kept;
use super::links::{self, Known, Link, Who};
use super::page::{Query, decoded};
use super::session::{self, Session};
use super::vendors::{self, FBC, Kind, Mark};
use super::{Allowed, Identity, Watched, campaign, cookie};
use crate::container::identity::Prefer;
use crate::enrich;
use crate::event::{Event, Id};
use crate::object::Object;
use crate::request::{Request, cookies};
use crate::sources::Incoming;

/// The longest id that goes into a cookie, in bytes; what SDKs make has under 100.
const MAX_ID_BYTES: usize = 256;

/// What one request tells of a visitor. Its events are passed through it in their order.
#[derive(Debug)]
pub struct Visit<'i> {
    identity: &'i Identity,
    /// Whether a browser sent it: a backend has no visits, and no cookies are set for it.
    is_browser: bool,
    /// In milliseconds since 1970.
    now: i64,
    /// What was last kept of the request beside an event, for consent.
    request: (Request, Map<String, Value>),
    query: Query,
    came: Came,
    id: Option<String>,
    kept: Kept,
    session: Option<Session>,
    own: Tally,
    of_vendors: Tally,
    /// Of each event, whether it may be linked.
    may_link: Vec<bool>,
}

/// The cookies that came, of those that the container names.
#[derive(Debug, Default)]
struct Came {
    id: bool,
    kept: bool,
    session: bool,
    /// The vendors' own, by the mark's position.
    marks: Vec<(usize, String)>,
    stream: Option<String>,
}

/// What the consents of a request's events come to: a cookie is set where all of them allow it.
#[derive(Debug, Default)]
struct Tally {
    yes: bool,
    no: bool,
    denied: bool,
}

impl Identity {
    /// What a request tells of a visitor.
    pub fn visit<'i>(&'i self, request: &Incoming<'_>) -> Visit<'i> {
        let now = request.received_at.as_millisecond();
        let mut visit = Visit {
            identity: self,
            is_browser: is_browser(request.headers),
            now,
            request: <(Request, Map<String, Value>)>::default(),
            query: Query::of_request(self.vendors.as_ref().and(request.query)),
            came: Came::default(),
            id: None,
            kept: Kept::default(),
            session: None,
            own: Tally::default(),
            of_vendors: Tally::default(),
            may_link: Vec::new(),
        };
        cookies(request.headers).for_each(|(name, value)| visit.read(name, value));
        visit
    }

    fn id_cookie(&self) -> Option<&str> {
        self.spec.id.as_ref().map(|id| id.cookie.as_str())
    }

    fn session_cookie(&self) -> Option<&str> {
        self.spec.session.as_ref().map(|session| session.cookie.as_str())
    }
}

impl<'i> Visit<'i> {
    /// Puts into an event what is known of its visitor. `kept` is what is kept of the request beside it; `random` makes the id of a
    /// visitor that nothing is known of.
    pub fn identify(&mut self, event: &mut Event, kept: &Request, random: impl FnOnce() -> [u8; 16]) {
        let mut context = event.context();
        let is_visitors = !enrich::is_from_backend(event, &context);
        if self.request.0 != *kept {
            self.request = (kept.clone(), kept.fields());
        }
        let signals = self.identity.signals(&context, &self.request.1);
        let own = self.identity.allowed(&self.identity.spec.consent, &signals);
        let of_vendors = self.identity.allowed(self.identity.vendor_purposes(), &signals);
        self.may_link.push(own == Allowed::Yes);
        let mut changed = false;
        if is_visitors {
            self.own.count(own);
            self.of_vendors.count(of_vendors);
            if own == Allowed::Yes {
                changed |= self.adopt(event, &mut context, random);
            }
        }
        let query = Query::of(event, &context);
        if self.identity.spec.campaign {
            changed |= campaign::add(&mut context, &query);
        }
        if let Some(watched) = &self.identity.vendors {
            changed |= self.find(watched, &mut context, &query, is_visitors && of_vendors == Allowed::Yes);
        }
        changed |= self.visit(&mut context, is_visitors && own == Allowed::Yes, of_vendors == Allowed::Yes);
        if changed {
            event.set_context(&context);
        }
    }

    /// Whom the links of these events are to be asked for; the events have passed through [`Visit::identify`].
    pub fn questions(&self, events: &[Event]) -> Vec<Who> {
        if self.identity.spec.links.is_none() {
            return Vec::new();
        }
        let mut questions: Vec<Who> = Vec::new();
        for who in self.linkable(events).filter_map(|(event, _)| links::missing(event)) {
            if !questions.contains(&who) {
                questions.push(who);
            }
        }
        questions
    }

    /// Gives the events the ids that they have not, and returns what they say themselves, for the host to keep.
    pub fn link(&self, events: &mut [Event], mut known: Known) -> Vec<Link> {
        let mut said = Vec::new();
        if self.identity.spec.links.is_none() {
            return said;
        }
        for (event, may_link) in events.iter_mut().zip(&self.may_link) {
            if !may_link {
                continue;
            }
            for link in links::said(event) {
                known.insert(Who::Anonymous(link.anonymous_id.clone()), link.user_id.clone());
                known.insert(Who::User(link.user_id.clone()), link.anonymous_id.clone());
                if !said.contains(&link) {
                    said.push(link);
                }
            }
            if let Some(name) = links::complete(event, &known) {
                let mut context = event.context();
                mark(&mut context, name, "link");
                event.set_context(&context);
            }
        }
        said
    }

    /// The `Set-Cookie` headers of the answer.
    pub fn set_cookies(&self) -> Vec<String> {
        let identity = self.identity;
        let mut headers = Vec::new();
        let mut put = |tally: &Tally, name: &str, value: Option<String>, days: u32, came: bool| {
            if let Some(value) = value.filter(|_| self.is_browser && tally.yes && !tally.no && !tally.denied) {
                headers.push(cookie::set(&identity.spec, name, &value, days));
            } else if came && tally.denied {
                headers.push(cookie::remove(&identity.spec, name));
            }
        };
        if let Some(id) = &identity.spec.id {
            put(&self.own, &id.cookie, self.id.as_deref().map(cookie::encoded), id.days, self.came.id);
        }
        if let Some(Watched { spec, .. }) = &identity.vendors {
            let kept = (!self.kept.is_empty()).then(|| self.kept.write());
            put(&self.of_vendors, &spec.cookie, kept, spec.days, self.came.kept);
        }
        if let Some(session) = &identity.spec.session {
            put(&self.own, &session.cookie, self.session.map(Session::write), session.days, self.came.session);
        }
        headers
    }

    fn linkable<'e>(&'e self, events: &'e [Event]) -> impl Iterator<Item = (&'e Event, &'e bool)> {
        events.iter().zip(&self.may_link).filter(|(_, may_link)| **may_link)
    }

    /// Takes a cookie that the container names. Of what came twice the first counts.
    fn read(&mut self, name: &str, value: &str) {
        let identity = self.identity;
        if identity.id_cookie() == Some(name) && !self.came.id {
            self.came.id = true;
            self.id = cookie::decoded(value).filter(|id| is_id(id)).map(|id| id.into_owned());
        } else if identity.session_cookie() == Some(name) && !self.came.session {
            self.came.session = true;
            self.session = Session::parse(value);
        }
        let Some(watched) = &identity.vendors else { return };
        if watched.spec.cookie == name && !self.came.kept {
            self.came.kept = true;
            self.kept = Kept::parse(value, watched.spec.days, self.now);
        } else if watched.stream.as_deref() == Some(name) && self.came.stream.is_none() {
            self.came.stream = Some(value.to_owned());
        }
        for (position, mark) in watched.marks.iter().enumerate() {
            if let Some(id) = mark.read(name, value)
                && self.came.marks.iter().all(|(known, _)| *known != position)
            {
                self.came.marks.push((position, id.to_owned()));
            }
        }
    }

    /// The anonymous id: the event's or the cookie's, as the container has it; a new one where there is none.
    fn adopt(&mut self, event: &mut Event, context: &mut Object, random: impl FnOnce() -> [u8; 16]) -> bool {
        let Some(spec) = &self.identity.spec.id else { return false };
        let own = event.id(Id::Anonymous).filter(|_| !event.is_nobodys());
        let (id, from) = match (own, self.id.take()) {
            (Some(own), None) => (own, None),
            (Some(own), Some(_)) if spec.prefer == Prefer::Event => (own, None),
            (Some(own), Some(known)) if own == known => (own, None),
            (_, Some(known)) => (known, Some("cookie")),
            // A backend that does not say that it is one has no visitor of its own.
            (None, None) if !self.is_browser => return false,
            (None, None) => (uuid::Builder::from_random_bytes(random()).into_uuid().to_string(), Some("new")),
        };
        if let Some(from) = from {
            event.set_id(Id::Anonymous, &id);
            mark(context, "anonymousId", from);
        }
        self.id = Some(id).filter(|id| is_id(id));
        from.is_some()
    }

    /// Click ids and browsers' ids: of the page's query, the request's, a vendor's cookie, or from before, in this order.
    fn find(&mut self, watched: &Watched, context: &mut Object, query: &Query, may_read: bool) -> bool {
        let mut clicks = context.object("clickIds").unwrap_or_default();
        let (mut has_clicked, mut changed) = (false, false);
        for (position, mark) in watched.marks.iter().enumerate() {
            let clicked = mark
                .query()
                .and_then(|name| [query, &self.query].into_iter().find_map(|query| asked(query, name, mark.kind)));
            let cookie = self.came.marks.iter().find(|(at, _)| *at == position).map(|(_, id)| id.as_str());
            let cookie = cookie.filter(|_| may_read);
            let before = self.kept.get(&mark.name).filter(|_| may_read);
            let found = match (mark.kind, clicked) {
                (Kind::MetaClick, Some(clicked)) => {
                    let same = |fbc: &&str| vendors::fbclid(fbc) == Some(&clicked);
                    let same = cookie.filter(same).or(before.filter(same));
                    Some(same.map_or_else(|| vendors::fbc(self.now, &clicked), str::to_owned))
                }
                (_, Some(clicked)) => Some(clicked),
                (_, None) => cookie.or(before).map(str::to_owned),
            };
            let Some(found) = found else { continue };
            if may_read {
                self.kept.keep(&mark.name, self.now, &found);
            }
            match mark.kind {
                Kind::Click => has_clicked |= put(&mut clicks, &mark.name, &found),
                Kind::MetaClick => {
                    changed |= put(context, FBC, &found);
                    if let Some(fbclid) = vendors::fbclid(&found) {
                        has_clicked |= put(&mut clicks, "fbclid", fbclid);
                    }
                }
                Kind::Browser => changed |= put_at(context, mark, &found),
            }
        }
        if has_clicked {
            context.set_object("clickIds", &clicks);
        }
        changed || has_clicked
    }

    /// The visit: as the SDK tells of it, as GA4's cookie does, or by the collector's own.
    fn visit(&mut self, context: &mut Object, may_keep: bool, may_read: bool) -> bool {
        let stream = self.came.stream.as_deref().filter(|_| may_read).and_then(vendors::ga_session);
        let mut changed = false;
        if let Some((id, number)) = stream {
            let mut ga = context.object("ga").unwrap_or_default();
            if put(&mut ga, "sessionId", id) {
                if let Some(number) = number {
                    ga.set("sessionNumber", &Value::from(number));
                }
                context.set_object("ga", &ga);
                changed = true;
            }
        }
        let Some(spec) = &self.identity.spec.session else { return changed };
        if context.contains("session") {
            return changed;
        }
        if let Some(told) = session::of_sdk(context) {
            context.set_object("session", &told);
            return true;
        }
        if !may_keep || !(self.is_browser || self.came.session) {
            return changed;
        }
        let (session, is_new) = Session::at(self.session, self.now.div_euclid(1_000), spec);
        self.session = Some(session);
        context.set_object("session", &session.object(is_new));
        true
    }
}

impl Tally {
    fn count(&mut self, allowed: Allowed) {
        match allowed {
            Allowed::Yes => self.yes = true,
            Allowed::No => self.no = true,
            Allowed::Denied => self.denied = true,
        }
    }
}

/// Whether a browser sent a request: browsers say where it comes from, and nothing else does so by itself.
pub(crate) fn is_browser(headers: &HeaderMap) -> bool {
    headers.contains_key(ORIGIN) || headers.contains_key("sec-fetch-site") || headers.contains_key(REFERER)
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= MAX_ID_BYTES
}

/// A click id in a query. Meta compares its own byte by byte, so that stays as it stands there.
fn asked(query: &Query, name: &str, kind: Kind) -> Option<String> {
    let (_, value) = query.pairs().find(|(known, _)| *known == name)?;
    let value = if kind == Kind::MetaClick { value.to_owned() } else { decoded(value).into_owned() };
    vendors::is_id(&value).then_some(value)
}

/// Sets a member that is not there; whether it did.
fn put(object: &mut Object, name: &str, value: &str) -> bool {
    let is_missing = matches!(object.json(name), None | Some("null" | "\"\""));
    if is_missing {
        object.set_string(name, value);
    }
    is_missing
}

/// The same at a path of one or two names.
fn put_at(context: &mut Object, mark: &Mark, value: &str) -> bool {
    let Some((outer, name)) = mark.name.split_once('.') else { return put(context, &mark.name, value) };
    if context.contains(outer) && context.object(outer).is_none() {
        // Something else of the sender's.
        return false;
    }
    let mut object = context.object(outer).unwrap_or_default();
    let changed = put(&mut object, name, value);
    if changed {
        context.set_object(outer, &object);
    }
    changed
}

/// Says in `context.identity` where an id came from that was not the event's.
fn mark(context: &mut Object, id: &str, from: &str) {
    let mut identity = context.object("identity").unwrap_or_default();
    identity.set_string(id, from);
    context.set_object("identity", &identity);
}
