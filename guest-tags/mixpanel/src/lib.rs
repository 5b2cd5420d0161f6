//! Sends events to Mixpanel by `POST /import`, user profiles by `POST /engage` and group profiles by `POST /groups`.
//!
//! Track, page and screen events become events; the traits of an identify call set the user's profile, those of a group
//! call the group's. Identities are linked by `$device_id` and `$user_id` in the events (Simplified ID Merge), or by
//! `$identify` and `$create_alias` events in projects with the original system. The vendor deduplicates by `$insert_id`,
//! so that a request can be sent again.
//!
//! Vendor documentation: Import Events, User Profiles, Group Profiles, Create Identity and Create Alias in the Mixpanel
//! developer reference; Identifying Users (Simplified) and Default Properties in the Mixpanel documentation.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod agent;
mod bounded;
mod ids;
mod profile;
mod properties;
mod requests;
mod settings;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use tagyard_tag::{Event, Failure, Kind, Output, Tag};

use ids::Ids;
use profile::{GroupProfile, Profile};
use properties::{Import, What};
use requests::Entry;
pub use settings::{IdMerge, Region, Settings};

pub struct Mixpanel;

/// What a call sends, by endpoint.
#[derive(Default)]
struct Batch<'e> {
    imports: Vec<Entry<'e, Import<'e>>>,
    profiles: Vec<Entry<'e, Profile<'e>>>,
    groups: Vec<Entry<'e, GroupProfile<'e>>>,
}

/// Why an event is not sent.
enum Unsent {
    Skipped(&'static str),
    Rejected(&'static str),
}

impl Tag for Mixpanel {
    type Settings = Settings;

    fn handle(events: &[Event<'_>], settings: &Settings, out: &mut Output) -> Result<(), Failure> {
        let mut batch = Batch::default();
        for event in events {
            match batch.add(event, settings) {
                Ok(()) => {}
                Err(Unsent::Skipped(reason)) => out.skip(event, reason),
                Err(Unsent::Rejected(reason)) => out.reject(event, reason),
            }
        }
        requests::import(&batch.imports, settings, out)?;
        requests::engage(&batch.profiles, settings, out)?;
        requests::groups(&batch.groups, settings, out)
    }
}

impl<'e> Batch<'e> {
    fn add(&mut self, event: &'e Event<'e>, settings: &'e Settings) -> Result<(), Unsent> {
        let ids = Ids::of(event, settings)?;
        match event.kind {
            Kind::Track => {
                let name = event.name().ok_or(Unsent::Rejected("a track event needs a name in `event`"))?;
                self.import(event, name, What::Track, ids, settings)
            }
            Kind::Page => self.view(event, &settings.page_event, ids, settings),
            Kind::Screen => self.view(event, &settings.screen_event, ids, settings),
            Kind::Identify => self.identify(event, ids, settings),
            Kind::Group => self.group(event, settings),
            Kind::Alias => match settings.id_merge {
                IdMerge::Simplified => Err(Unsent::Skipped(
                    "Simplified ID Merge has no aliases: a project with the original system sets `id_merge`",
                )),
                IdMerge::Original if ids.user.is_none() || ids.previous.is_none() => {
                    Err(Unsent::Rejected("an alias call needs `userId` and `previousId`"))
                }
                IdMerge::Original => self.import(event, "$create_alias", What::Alias, ids, settings),
            },
        }
    }

    fn import(
        &mut self,
        event: &'e Event<'e>,
        name: &'e str,
        what: What,
        ids: Ids<'e>,
        settings: &'e Settings,
    ) -> Result<(), Unsent> {
        let import = Import::of(event, name, what, ids, settings).map_err(Unsent::Rejected)?;
        self.imports.push(Entry { event, body: import });
        Ok(())
    }

    fn view(
        &mut self,
        event: &'e Event<'e>,
        name: &'e str,
        ids: Ids<'e>,
        settings: &'e Settings,
    ) -> Result<(), Unsent> {
        if name.is_empty() {
            return Err(Unsent::Skipped(match event.kind {
                Kind::Screen => "the setting `screen_event` is empty",
                _ => "the setting `page_event` is empty",
            }));
        }
        self.import(event, name, What::Track, ids, settings)
    }

    fn identify(&mut self, event: &'e Event<'e>, ids: Ids<'e>, settings: &'e Settings) -> Result<(), Unsent> {
        let Some(user) = ids.user else {
            return Err(Unsent::Skipped(
                "it has no `userId`, and Mixpanel advises against profiles of anonymous users",
            ));
        };
        // In the simplified system, the next event with both IDs links them.
        let links = settings.id_merge == IdMerge::Original && ids.device.is_some();
        if links {
            self.import(event, "$identify", What::Identify, ids, settings)?;
        }
        if !event.traits.is_empty() {
            self.profiles.push(Entry { event, body: Profile::of(event, user) });
        } else if !links {
            return Err(Unsent::Skipped("it has no traits to set"));
        }
        Ok(())
    }

    fn group(&mut self, event: &'e Event<'e>, settings: &'e Settings) -> Result<(), Unsent> {
        let Some(key) = settings.group_key.as_deref() else {
            return Err(Unsent::Skipped("the setting `group_key` does not say which group key it is for"));
        };
        let Some(id) = event.group_id.as_deref().filter(|id| !id.is_empty()) else {
            return Err(Unsent::Rejected("a group call needs `groupId`"));
        };
        if event.traits.is_empty() {
            return Err(Unsent::Skipped("it has no traits to set"));
        }
        self.groups.push(Entry { event, body: GroupProfile::of(event, key, id) });
        Ok(())
    }
}

tagyard_tag::export!(Mixpanel);
