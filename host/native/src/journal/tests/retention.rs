use std::fs::{self, File};
use std::ops::Range;
use std::time::{Duration, SystemTime};

use super::*;

const HOUR_MS: i64 = 3600 * 1000;

fn aged(id: u64, hours: i64) -> NewRecord {
    NewRecord { received_at_ms: writer::now_ms() - hours * HOUR_MS, ..record(&id.to_string(), 100) }
}

/// Ten records, one a segment, received ten to one hours ago; which positions are left.
async fn check(retain: Retain, expected: Range<u64>) {
    let dir = directory();
    let options = Options { segment_bytes: 1, segment_age: std::time::Duration::from_secs(60), ..on_disk() };
    let (log, _) = open(dir.path(), &options);
    for id in 1..=10 {
        log.append(vec![aged(id, 11 - id as i64)], false).await.unwrap();
    }
    let bytes = log.bytes();
    let freed = log.retain(retain).await.unwrap();
    assert_eq!(positions(&log).await, expected.clone().collect::<Vec<_>>(), "{retain:?}");
    assert_eq!(log.oldest_position(), expected.start);
    assert_eq!(log.bytes(), bytes - freed + if expected.is_empty() { segment::HEADER_BYTES } else { 0 });
    drop(log);
    let (log, _) = open(dir.path(), &options);
    assert_eq!(positions(&log).await, expected.collect::<Vec<_>>());
    assert_eq!(log.append(records([99]), false).await.unwrap().first, 11);
}

#[tokio::test]
async fn what_is_passed_and_old_or_too_much_is_deleted_and_nothing_else() {
    let retain = |before, max_age_ms, max_bytes| Retain { before, max_age_ms, max_bytes };
    check(retain(1, None, None), 1..11).await;
    check(retain(4, None, None), 4..11).await;
    check(retain(10, None, None), 10..11).await;
    check(retain(10, Some(100 * HOUR_MS), None), 1..11).await;
    check(retain(10, Some(5 * HOUR_MS + HOUR_MS / 2), None), 5..11).await;
    check(retain(3, Some(5 * HOUR_MS), None), 3..11).await;
    check(retain(10, None, Some(156 * 4)), 7..11).await;
    check(retain(3, Some(100 * HOUR_MS), Some(156 * 4)), 3..11).await;
    // The segment being written to, once everything in it is passed and old.
    check(retain(11, Some(HOUR_MS / 2), None), 11..11).await;
}

#[tokio::test]
async fn copies_of_damaged_bytes_are_let_go_at_the_age_of_what_they_are_of() {
    let dir = directory();
    let (log, _) = open(dir.path(), &on_disk());
    let copies = dir.path().join("corrupt");
    fs::create_dir(&copies).unwrap();
    for (name, hours) in [("new", 1), ("old", 3)] {
        let file = File::create(copies.join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(hours * 3600)).unwrap();
    }
    for (hours, left) in [(5, 2), (2, 1), (2, 1)] {
        log.retain(Retain { before: 1, max_age_ms: Some(hours * HOUR_MS), max_bytes: None }).await.unwrap();
        assert_eq!(fs::read_dir(&copies).unwrap().count(), left);
    }
    assert!(copies.join("new").exists());
}
