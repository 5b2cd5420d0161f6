//! What is known of whom an event is about, for expressions: `visitor.country`, `visitor.browser`, `visitor.bot` and so on. It
//! is found out when something asks for it, and once for an event.

mod agent;
mod bots;

use std::sync::OnceLock;

use serde_json::{Map, Value};

use crate::event::Event;
use crate::place::{self, Place};

/// What an expression may ask of a visitor besides where it is.
const AGENT: [&str; 6] = ["browser", "browserVersion", "os", "osVersion", "device", "model"];
const BOT: &str = "bot";

/// All that an expression may ask of a visitor.
pub(crate) fn members() -> impl Iterator<Item = &'static str> {
    place::MEMBERS.into_iter().chain(AGENT).chain([BOT])
}

/// What has been found out of one event's visitor.
#[derive(Debug, Default)]
pub(crate) struct Visitor {
    place: OnceLock<Map<String, Value>>,
    agent: OnceLock<Map<String, Value>>,
    bot: OnceLock<Value>,
}

impl Visitor {
    /// A member's value, if it is known. `request` is what is kept of the request.
    pub(crate) fn get(&self, name: &str, event: &Event, request: &Map<String, Value>) -> Option<&Value> {
        if name == BOT {
            return Some(self.bot.get_or_init(|| Value::Bool(agent::is_bot(&event.context()))));
        }
        if place::MEMBERS.contains(&name) {
            let location = || event.context().value("location");
            let place = || place_of(request, location).map(|place| place.to_map()).unwrap_or_default();
            return self.place.get_or_init(place).get(name);
        }
        self.agent.get_or_init(|| agent::of(&event.context())).get(name)
    }
}

/// Where the visitor is: as it was found out when the event came, or else as the event's own `context.location` has it in codes.
pub(crate) fn place_of(request: &Map<String, Value>, location: impl FnOnce() -> Option<Value>) -> Option<Place> {
    let found = request.get("place").and_then(Place::read);
    found.or_else(|| Place::read(&location()?))
}
