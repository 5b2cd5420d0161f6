//! One event of `/g/collect`: its own parameters, and those that the request has for all of its events.
//!
//! | parameter | becomes |
//! |---|---|
//! | `en` | the event: see [`names`](super::names) |
//! | `ep.NAME`, `epn.NAME` | a property, as text or as a number |
//! | `pr1` … `pr200` | `properties.products`: see [`items`](super::items) |
//! | `cu` | `properties.currency` |
//! | `_et` | `properties.engagement_time_msec` |
//! | `up.NAME`, `upn.NAME` | `context.traits` |
//! | `uid`, `cid` | `userId`, `anonymousId` |
//! | the rest | `context`: see [`context`](super::context); what is about the transport is dropped |

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{context, items};
use crate::sources::page::{number, page, put, put_object};
use crate::sources::query::Params;

/// Most items of one event. GA4 keeps as many.
const MAX_ITEMS: usize = 200;

pub(super) struct Hit<'h> {
    pub(super) own: &'h Params<'h>,
    pub(super) shared: &'h Params<'h>,
}

impl Hit<'_> {
    /// The event's own, or else the request's.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.own.get(name).or_else(|| self.shared.get(name))
    }

    /// The request's first, so that what the event says itself takes their place.
    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.shared.iter().chain(self.own.iter())
    }

    /// The event; `None` where it has no name.
    pub(super) fn event(&self) -> Option<Map<String, Value>> {
        let name = self.get("en")?;
        let page = page(self.get("dl"), self.get("dt"), self.get("dr"));
        let mut params = Map::new();
        let mut traits = Map::new();
        let mut products = BTreeMap::new();
        put(&mut params, "currency", self.get("cu"));
        put(&mut params, "engagement_time_msec", self.get("_et").map(number));
        for (key, value) in self.iter() {
            match key.split_once('.') {
                Some(("ep", name)) => put(&mut params, name, Some(value)),
                Some(("epn", name)) => put(&mut params, name, Some(number(value))),
                Some(("up", name)) => put(&mut traits, name, Some(value)),
                Some(("upn", name)) => put(&mut traits, name, Some(number(value))),
                Some(_) => {}
                None => {
                    if let Some(position) = items::position(key) {
                        products.insert(position, items::parse(value));
                    }
                }
            }
        }
        if !products.is_empty() {
            let products: Vec<Value> = products.into_values().take(MAX_ITEMS).map(Value::Object).collect();
            params.insert("products".to_owned(), Value::Array(products));
        }
        let mut event = super::event(name, params, &page);
        put(&mut event, "userId", self.get("uid"));
        put(&mut event, "anonymousId", self.get("cid"));
        let mut context = context::of(self);
        put_object(&mut context, "page", page);
        put_object(&mut context, "traits", traits);
        put_object(&mut event, "context", context);
        Some(event)
    }
}
