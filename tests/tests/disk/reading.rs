//! A disk that cannot be read for a while.

use std::fs;

use http::StatusCode;
use serde_json::json;
use tagyard::limits::TAG_BYTES;
use tagyard_tests::command::Served;

use crate::{Vendor, event, folder};

/// A tag that is far behind reads from disk. What it cannot read it waits for, with no later event to wake it.
#[tokio::test]
async fn a_tag_waits_until_the_journal_can_be_read_again() {
    const EVENT_BYTES: usize = 30_000;
    const BATCH: usize = 15;
    let folder = folder();
    let vendor = Vendor::start().await;
    vendor.set_ill(true);
    let served = Served::start(folder.path(), &[], &["disk.toml", "--divert", &vendor.receiver.url()]).await;
    // The tag holds so many bytes, and as many more are in the journal's memory: what lies between is on disk only.
    let batches = 5 * TAG_BYTES / 2 / EVENT_BYTES / BATCH;
    for batch in 0..batches {
        let events = (0..BATCH).map(|number| {
            let mut event = event(&format!("e-{batch}-{number}"));
            event["properties"] = json!({"padding": "x".repeat(EVENT_BYTES)});
            event
        });
        let body = json!({"writeKey": "key", "batch": events.collect::<Vec<_>>()});
        let answer = served.client.post("/v1/batch", &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    }
    let segment = folder.path().join("tagyard-data/journal/00000000000000000001.log");
    let aside = segment.with_extension("aside");
    fs::rename(&segment, &aside).unwrap();
    // It can be opened, and not read.
    fs::create_dir(&segment).unwrap();
    vendor.set_ill(false);
    served.logged("the journal cannot be read; trying again").await;
    fs::remove_dir(&segment).unwrap();
    fs::rename(&aside, &segment).unwrap();

    let expected = (batches * BATCH) as u64;
    let arrived = async {
        while crate::delivered(&folder.path().join("tagyard-data"), "hook").await < expected {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), arrived).await.expect("all is delivered");
    served.terminate().await;
}
