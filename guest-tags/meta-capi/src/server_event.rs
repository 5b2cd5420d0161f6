//! One event as Meta takes it, by "Server Event Parameters".

use alloc::string::String;

use serde::Serialize;
use tagyard_tag::Event;

use crate::click_id;
use crate::custom_data::CustomData;
use crate::names::{self, PURCHASE, Unnamed};
use crate::settings::{ActionSource, Settings};
use crate::user_data::UserData;

#[derive(Debug, Serialize)]
pub(crate) struct ServerEvent<'a> {
    event_name: &'a str,
    /// In seconds.
    pub(crate) event_time: i64,
    /// What the browser's pixel has to send as `eventID`, so that Meta counts the two as one.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<&'a str>,
    action_source: ActionSource,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_source_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    referrer_url: Option<&'a str>,
    user_data: UserData<'a>,
    #[serde(skip_serializing_if = "CustomData::is_empty")]
    custom_data: CustomData<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_processing_options: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_processing_options_country: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_processing_options_state: Option<u32>,
}

/// Why an event is not sent.
pub(crate) enum Unsent {
    Skipped(&'static str),
    Rejected(&'static str),
}

const MICROS: i64 = 1_000_000;

impl<'a> ServerEvent<'a> {
    pub(crate) fn of(event: &'a Event<'a>, settings: &'a Settings) -> Result<Self, Unsent> {
        let event_name = names::event_name(event, settings).map_err(|error| match error {
            Unnamed::Foreign(reason) => Unsent::Skipped(reason),
            Unnamed::Missing => Unsent::Rejected("the track event has no name: send one as `event`"),
        })?;
        let micros = event.timestamp_micros().ok_or(Unsent::Rejected(
            "it has no time, or one that is not RFC 3339: Meta needs the `timestamp` at which it happened",
        ))?;
        let url = click_id::page_url(event);
        let user_data = UserData::of(event, micros);
        let website = settings.action_source == ActionSource::Website;
        if website && user_data.client_user_agent.is_none() {
            return Err(Unsent::Rejected(
                "Meta needs the browser's user agent of a website event: send and grant `context.userAgent`, or set another `action_source`",
            ));
        }
        if website && url.is_none() {
            return Err(Unsent::Rejected(
                "Meta needs the page's address of a website event: send and grant `context.page.url`, or set another `action_source`",
            ));
        }
        if !user_data.identifies() {
            return Err(Unsent::Rejected(
                "it says too little of the person for Meta: send and grant an email, a phone number, an id, the IP address, `fbp` or `fbc`",
            ));
        }
        let custom_data = CustomData::of(event, event_name, settings)
            .map_err(|_| Unsent::Rejected("its currency is no ISO 4217 code: send three letters, such as EUR"))?;
        if event_name == PURCHASE && custom_data.money.is_none() {
            return Err(Unsent::Rejected(
                "Meta needs the value and the currency of a purchase: send `revenue` as a number and `currency`, or set a `currency`",
            ));
        }
        let options = settings.data_processing_options.as_deref();
        let limited = options.is_some_and(|options| !options.is_empty());
        Ok(ServerEvent {
            event_name,
            event_time: micros.div_euclid(MICROS),
            event_id: event.properties.str_at("event_id").or(event.message_id.as_deref()).filter(|id| !id.is_empty()),
            action_source: settings.action_source,
            event_source_url: url,
            referrer_url: event.context.str_at("page.referrer").filter(|url| click_id::is_web(url)),
            user_data,
            custom_data,
            data_processing_options: options,
            data_processing_options_country: limited.then_some(settings.data_processing_options_country),
            data_processing_options_state: limited.then_some(settings.data_processing_options_state),
        })
    }
}
