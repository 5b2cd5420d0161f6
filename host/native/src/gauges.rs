//! The gauges of `/metrics`: what `tagyard status` tells, for machines. Their labels are the container's tags, nothing else.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use metrics_util::MetricKindMask;

use crate::admin::{Facts, Status, TagStatus};
use crate::labels::Labels;

/// How often they are set: a scraper comes every fifteen seconds or so.
const SET_EVERY: Duration = Duration::from_secs(5);

/// A tag that a reload took out is no longer told of after this.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// One recorder a process, whichever host asks first.
pub(crate) fn recorder() -> Result<PrometheusHandle, String> {
    static HANDLE: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();
    let install = || {
        PrometheusBuilder::new()
            .idle_timeout(MetricKindMask::GAUGE, Some(FORGOTTEN_AFTER))
            .install_recorder()
            .map_err(|error| error.to_string())
    };
    HANDLE.get_or_init(install).clone()
}

/// Runs until it is aborted.
pub(crate) async fn run(facts: Arc<Facts>, labels: Labels) {
    let mut tick = tokio::time::interval(SET_EVERY);
    loop {
        tick.tick().await;
        let status = facts.status().await;
        set_container(&status, &labels);
        status.tags.iter().for_each(|tag| set_tag(tag, &labels));
    }
}

fn set_container(status: &Status, labels: &Labels) {
    let set = |name: &'static str, value: f64| metrics::gauge!(name, labels.with([])).set(value);
    set("tagyard_journal_bytes", status.bytes as f64);
    set("tagyard_container_loaded_timestamp_seconds", status.loaded_at.as_second() as f64);
    set("tagyard_reload_failed", u8::from(status.failed_reload.is_some()).into());
}

fn set_tag(tag: &TagStatus, labels: &Labels) {
    let set = |name: &'static str, value: u64| {
        metrics::gauge!(name, labels.with([("tag", tag.tag.clone())])).set(value as f64);
    };
    set("tagyard_tag_lag_events", tag.lag_events);
    set("tagyard_tag_lag_seconds", tag.lag_seconds);
    set("tagyard_tag_retrying_events", tag.retrying);
    set("tagyard_tag_open_breakers", tag.vendors.iter().filter(|vendor| !vendor.is_well()).count() as u64);
}
