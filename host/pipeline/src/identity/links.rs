//! Identity links: which anonymous ids belong to which user. Here it is decided what is asked and what is linked; the host keeps it.

use std::collections::HashMap;

use crate::event::{Event, Id, Kind};

/// The longest id that is linked, in bytes. Real ones have under 100, and an id comes from anybody.
pub const MAX_ID_BYTES: usize = 256;

/// Whom a link is asked for.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Who {
    User(String),
    Anonymous(String),
}

/// An anonymous id that belongs to a user, as an event with both says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Link {
    pub anonymous_id: String,
    pub user_id: String,
}

/// What the host knows: of an anonymous id its user, of a user the anonymous id that was seen last.
pub type Known = HashMap<Who, String>;

/// Whom to ask for, for an event that has one of the two ids only.
pub(super) fn missing(event: &Event) -> Option<Who> {
    match (event.id(Id::User), event.id(Id::Anonymous)) {
        (Some(user), None) => Some(Who::User(user)),
        (None, Some(anonymous)) => Some(Who::Anonymous(anonymous)),
        _ => None,
    }
    .filter(|who| is_linkable(who.id()))
}

/// What an event says: with both ids, they are of one person. An alias says it of the id from before.
pub(super) fn said(event: &Event) -> impl Iterator<Item = Link> {
    let user = event.id(Id::User);
    let previous = event.id(Id::Previous).filter(|_| event.kind() == Kind::Alias);
    let anonymous = [event.id(Id::Anonymous), previous].into_iter().flatten();
    let links = anonymous.filter_map(move |anonymous_id| Some(Link { anonymous_id, user_id: user.clone()? }));
    links.filter(|link| {
        is_linkable(&link.anonymous_id) && is_linkable(&link.user_id) && link.anonymous_id != link.user_id
    })
}

/// Gives an event the id that it has not. Whether it got one, and which.
pub(super) fn complete(event: &mut Event, known: &Known) -> Option<&'static str> {
    let who = missing(event)?;
    let other = known.get(&who)?;
    let (id, name) = match who {
        Who::User(_) => (Id::Anonymous, "anonymousId"),
        Who::Anonymous(_) => (Id::User, "userId"),
    };
    event.set_id(id, other);
    Some(name)
}

impl Who {
    pub fn id(&self) -> &str {
        match self {
            Who::User(id) | Who::Anonymous(id) => id,
        }
    }
}

fn is_linkable(id: &str) -> bool {
    id.len() <= MAX_ID_BYTES
}
