//! The query of the page that an event happened on.

use std::borrow::Cow;

use crate::event::{Event, Kind};
use crate::object::Object;

/// A query, as it stands in the page's URL.
#[derive(Debug, Default)]
pub(super) struct Query(String);

impl Query {
    /// That of `context.page`, or of a page event's own properties.
    pub(super) fn of(event: &Event, context: &Object) -> Self {
        let of_context = context.object("page").and_then(|page| query(&page));
        let own = || (event.kind() == Kind::Page).then(|| query(&event.object().object("properties")?)).flatten();
        Query(of_context.or_else(own).unwrap_or_default())
    }

    pub(super) fn of_request(query: Option<&str>) -> Self {
        Query(query.unwrap_or_default().to_owned())
    }

    /// Names with their values as they stand there. Names of click ids and campaigns need no escapes.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.split('&').filter_map(|pair| pair.split_once('=')).filter(|(_, value)| !value.is_empty())
    }
}

fn query(page: &Object) -> Option<String> {
    let search = page.string("search").filter(|search| search.len() > 1);
    if let Some(search) = search {
        return Some(search.strip_prefix('?').map(str::to_owned).unwrap_or(search));
    }
    let url = page.string("url")?;
    Some(url.split('#').next()?.split_once('?')?.1.to_owned())
}

/// A value of a query as it is meant.
pub(super) fn decoded(value: &str) -> Cow<'_, str> {
    if !value.contains(['%', '+']) {
        return Cow::Borrowed(value);
    }
    let spaced = value.replace('+', " ");
    Cow::Owned(percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
}
