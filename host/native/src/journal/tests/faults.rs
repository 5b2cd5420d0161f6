use super::super::disk::{Fault, Faults};
use super::*;

/// While `broken` fails, appends are refused and reads go on; afterwards the same ids are accepted, and
/// they lie in so many segments.
async fn check(broken: &[fn(&Faults) -> &Fault], segment_bytes: u64, segments: usize) {
    check_with(broken, Options { segment_bytes, ..on_disk() }, segments).await;
    let options =
        Options { segment_bytes: segment_bytes.min(4096), prepare_at_once: true, faults: Arc::default(), ..on_disk() };
    check_with(broken, options, segments).await;
}

async fn check_with(broken: &[fn(&Faults) -> &Fault], options: Options, segments: usize) {
    let dir = directory();
    let (log, _) = open(dir.path(), &options);
    log.append(records(0..3), true).await.unwrap();

    broken.iter().for_each(|fault| fault(&options.faults).set(true));
    for _ in 0..3 {
        let refused = log.append(records(0..20), true).await;
        assert!(matches!(refused, Err(AppendError::Storage(_))), "{refused:?}");
        assert!(log.stats().fault.is_some());
        assert_eq!(positions(&log).await, [1, 2, 3]);
    }
    assert_eq!(log.append(records(0..3), true).await.unwrap().duplicates, 3, "they are durable");

    broken.iter().for_each(|fault| fault(&options.faults).set(false));
    let appended = log.append(records(0..6), true).await.unwrap();
    assert_eq!(appended, Appended { accepted: 3, duplicates: 3, first: 4 });
    assert!(log.stats().fault.is_none());
    let before = all(&log).await;
    assert_eq!(before.len(), 6);
    assert_eq!(files(dir.path()).len(), segments);
    drop(log);
    let (log, recovery) = open(dir.path(), &options);
    assert!(recovery.is_clean());
    assert_eq!(all(&log).await, before);
}

#[tokio::test]
async fn a_failed_write_is_taken_back() {
    check(&[|faults| &faults.write], SEGMENT_BYTES, 1).await;
}

#[tokio::test]
async fn after_a_failed_write_that_cannot_be_taken_back_a_new_segment_begins() {
    check(&[|faults| &faults.write, |faults| &faults.truncate], SEGMENT_BYTES, 2).await;
}

#[tokio::test]
async fn after_a_failed_fsync_a_new_segment_begins() {
    check(&[|faults| &faults.sync], SEGMENT_BYTES, 2).await;
    check(&[|faults| &faults.sync, |faults| &faults.truncate], SEGMENT_BYTES, 2).await;
}

#[tokio::test]
async fn a_segment_that_cannot_be_begun_is_begun_later() {
    check(&[|faults| &faults.create], 1, 2).await;
}

#[tokio::test]
async fn an_empty_log_survives_a_disk_that_is_full_from_the_start() {
    let dir = directory();
    let options = on_disk();
    options.faults.sync.set(true);
    let (log, _) = open(dir.path(), &options);
    for _ in 0..3 {
        log.append(records(0..3), true).await.unwrap_err();
    }
    options.faults.sync.set(false);
    log.append(records(0..3), true).await.unwrap();
    assert_eq!(positions(&log).await, [1, 2, 3]);
}

#[tokio::test]
async fn a_log_at_its_limit_takes_duplicates_and_nothing_new_until_there_is_room() {
    let dir = directory();
    let options = Options { max_bytes: Some(2000), ..on_disk() };
    let (log, _) = open(dir.path(), &options);
    let mut next = 0;
    while log.append(records([next]), true).await.is_ok() {
        next += 1;
    }
    assert!((10..15).contains(&next), "{next}");
    assert!(matches!(log.append(records([next]), true).await, Err(AppendError::Full { max: 2000, .. })));
    assert_eq!(log.append(records([0]), true).await.unwrap().duplicates, 1);
    log.retain(Retain { before: 8, max_age_ms: None, max_bytes: None }).await.unwrap();
    assert_eq!(log.append(records([next]), true).await.unwrap().accepted, 1);
}
