//! Events that nobody sent: examples changed at random, events made from what the tag sees, and heavy ones.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value, json};
use tagyard_pipeline::event::Event;
use tagyard_pipeline::object::Object;
use tagyard_pipeline::outline::Outline;
use tagyard_pipeline::path::Path;

use super::Trial;
use super::value::{self, KINDS};

/// The longest event by default (`collect.max_event_bytes`), and the longest that a container can allow.
const EVENT_BYTES: usize = 32 * 1024;
const LONGEST_EVENT_BYTES: usize = 500_000;

/// How often another event is tried where one came out such as no collector takes.
const ATTEMPTS: u32 = 20;

/// Makes the events of one trial.
pub(super) struct MadeUp {
    random: StdRng,
    /// What is changed: the examples' events, or one of ours.
    models: Vec<Map<String, Value>>,
    /// What the tag sees, as it stands in its manifest.
    fields: Vec<String>,
}

impl MadeUp {
    pub(super) fn new(trial: &Trial<'_>) -> Self {
        let mut models: Vec<_> = trial.examples.iter().flat_map(|example| example.events.iter().cloned()).collect();
        models.extend(ours());
        let manifest = &trial.component.manifest;
        let fields = manifest.fields.iter().chain(&manifest.optional_fields).cloned().collect();
        MadeUp { random: StdRng::seed_from_u64(trial.seed), models, fields }
    }

    /// The events and settings of the next call.
    pub(super) fn call(&mut self, trial: &Trial<'_>, number: u32) -> (Vec<Map<String, Value>>, String) {
        let batch = trial.component.manifest.max_batch.max(1);
        let count = match number % 4 {
            0 => batch,
            1 => self.random.random_range(1..=batch),
            _ => 1,
        };
        // One call in eight is as heavy as a call can be.
        let events = match number % 8 {
            0 => (0..count).map(|_| self.heavy(EVENT_BYTES)).collect(),
            4 => vec![self.heavy(LONGEST_EVENT_BYTES)],
            _ => (0..count).map(|_| self.event()).collect(),
        };
        let settings = match trial.settings.len() {
            0 => "{}".to_owned(),
            several => trial.settings[self.random.random_range(0..several)].clone(),
        };
        (events, settings)
    }

    fn event(&mut self) -> Map<String, Value> {
        for _ in 0..ATTEMPTS {
            let mut event = self.model();
            if self.random.random_bool(0.5) {
                for _ in 0..self.random.random_range(1..=6) {
                    value::change(&mut self.random, &mut event);
                }
            } else {
                self.fill(&mut event);
            }
            if let Some(taken) = taken(event) {
                return taken;
            }
        }
        self.model()
    }

    /// One whose lists and texts are as long as an event may be.
    fn heavy(&mut self, bytes: usize) -> Map<String, Value> {
        let mut event = self.model();
        self.fill(&mut event);
        let size = |event: &Map<String, Value>| serde_json::to_string(event).map_or(0, |text| text.len());
        let room = bytes.saturating_sub(size(&event));
        let heavy = value::heavy(&mut self.random, room);
        let properties = event.entry("properties").or_insert_with(|| json!({}));
        if let Value::Object(properties) = properties {
            match heavy {
                Value::Object(heavy) => properties.extend(heavy),
                heavy => drop(properties.insert("products".to_owned(), heavy)),
            }
        }
        taken(event).unwrap_or_else(|| self.model())
    }

    fn model(&mut self) -> Map<String, Value> {
        let at = self.random.random_range(0..self.models.len());
        self.models[at].clone()
    }

    /// Puts values where the tag looks.
    fn fill(&mut self, event: &mut Map<String, Value>) {
        event.insert("type".to_owned(), KINDS[self.random.random_range(0..KINDS.len())].into());
        let mut fields = Outline::from(&*event);
        for field in self.fields.clone() {
            if self.random.random_bool(0.5) {
                continue;
            }
            let name = value::name(&mut self.random);
            let field = field.replace('*', &name);
            let Ok(path) = Path::parse(&field) else { continue };
            path.set(&mut fields, &value::any(&mut self.random, 3));
        }
        *event = fields.to_map();
    }
}

/// What a collector makes of an event; `None` where it takes none of such a shape.
fn taken(mut event: Map<String, Value>) -> Option<Map<String, Value>> {
    event.entry("messageId").or_insert_with(|| "made-up".into());
    event.entry("timestamp").or_insert_with(|| "2026-11-21T09:55:41.000Z".into());
    if !event.contains_key("userId") {
        event.entry("anonymousId").or_insert_with(|| "a-1".into());
    }
    Event::new(Object::from(&event)).ok().map(|event| event.fields())
}

/// An event of each kind, for tags that have no examples.
fn ours() -> impl Iterator<Item = Map<String, Value>> {
    KINDS.iter().filter_map(|kind| {
        let event = json!({
            "type": kind,
            "event": "Order Completed",
            "name": "Mugs",
            "messageId": "m-1",
            "timestamp": "2026-11-21T09:55:41.000Z",
            "userId": "u-1",
            "anonymousId": "a-1",
            "groupId": "g-1",
            "previousId": "a-0",
            "context": {
                "page": { "url": "https://shop.example/mugs?utm_source=x", "title": "Mugs", "referrer": "" },
                "userAgent": "Mozilla/5.0",
                "ip": "203.0.113.7",
                "consent": { "categoryPreferences": { "analytics": true } },
            },
            "properties": {
                "order_id": "o-1",
                "total": 39.9,
                "currency": "EUR",
                "products": [{ "product_id": "p-1", "name": "Mug", "price": 19.95, "quantity": 2 }],
            },
            "traits": { "email": "ada@example.com", "age": 36 },
        });
        event.as_object().cloned()
    })
}
