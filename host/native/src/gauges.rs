//! The gauges of `/metrics`: what `tagyard status` tells, for machines. Their labels are the container's tags, nothing else.

use std::sync::Arc;
use std::time::Duration;

use crate::admin::{Facts, Status, TagStatus};

/// How often they are set: a scraper comes every fifteen seconds or so.
const SET_EVERY: Duration = Duration::from_secs(5);

/// A tag that a reload took out is no longer told of after this.
pub(crate) const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// Runs until it is aborted.
pub(crate) async fn run(facts: Arc<Facts>) {
    let mut tick = tokio::time::interval(SET_EVERY);
    loop {
        tick.tick().await;
        let status = facts.status().await;
        set_host(&status);
        status.tags.iter().for_each(set_tag);
    }
}

fn set_host(status: &Status) {
    metrics::gauge!("tagyard_journal_bytes").set(status.bytes as f64);
    metrics::gauge!("tagyard_container_loaded_timestamp_seconds").set(status.loaded_at.as_second() as f64);
    metrics::gauge!("tagyard_reload_failed").set(u8::from(status.failed_reload.is_some()));
}

fn set_tag(tag: &TagStatus) {
    let set = |name: &'static str, value: u64| metrics::gauge!(name, "tag" => tag.tag.clone()).set(value as f64);
    set("tagyard_tag_lag_events", tag.lag_events);
    set("tagyard_tag_lag_seconds", tag.lag_seconds);
    set("tagyard_tag_retrying_events", tag.retrying);
    set("tagyard_tag_open_breakers", tag.vendors.iter().filter(|vendor| !vendor.is_well()).count() as u64);
}
