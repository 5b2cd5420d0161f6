use std::fs;

use super::*;

fn prepared() -> Options {
    Options { segment_bytes: 4096, prepare_at_once: true, ..on_disk() }
}

/// An open log with so many records.
async fn holding(count: u64) -> (tempfile::TempDir, Log) {
    let dir = directory();
    let (log, _) = open(dir.path(), &prepared());
    log.append(records(0..count), true).await.unwrap();
    (dir, log)
}

fn lengths(dir: &Path) -> Vec<u64> {
    files(dir).iter().map(|file| fs::metadata(file).unwrap().len()).collect()
}

/// What a kill at this moment leaves.
fn killed(dir: &Path) -> tempfile::TempDir {
    let copy = directory();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

#[tokio::test]
async fn what_was_prepared_and_not_used_is_given_back_and_counts_nowhere() {
    let (dir, log) = holding(10).await;
    let used = log.bytes();
    assert_eq!(lengths(dir.path()), [4096]);
    assert!((1000..2000).contains(&used), "{used}");
    log.seal().await.unwrap();
    assert_eq!(lengths(dir.path()), [used, 4096]);
    log.append(records(10..50), true).await.unwrap();
    let used = log.bytes();
    assert_eq!(positions(&log).await, (1..=50).collect::<Vec<_>>());
    drop(log);
    assert_eq!(lengths(dir.path()).iter().sum::<u64>(), used);
    let (log, recovery) = open(dir.path(), &prepared());
    assert!(recovery.is_clean());
    assert_eq!((log.bytes(), positions(&log).await), (used, (1..=50).collect()));
}

#[tokio::test]
async fn a_kill_leaves_zeros_that_are_no_damage_and_are_written_to() {
    let (dir, log) = holding(10).await;
    let used = log.bytes();
    let copy = killed(dir.path());
    assert_eq!(lengths(copy.path()), [4096]);
    let (log, recovery) = open(copy.path(), &prepared());
    assert!(recovery.is_clean(), "{recovery:?}");
    assert_eq!((log.bytes(), recovery.next), (used, 11));
    let appended = log.append(records(5..12), true).await.unwrap();
    assert_eq!(appended, Appended { accepted: 2, duplicates: 5, first: 11 });
    assert_eq!(lengths(copy.path()), [4096], "the same file goes on");
    assert_eq!(positions(&log).await, (1..=12).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_a_kill_left_of_a_record_is_cut_off_with_the_zeros_behind_it() {
    let (dir, log) = holding(3).await;
    let used = log.bytes() as usize;
    let copy = killed(dir.path());
    let file = &files(copy.path())[0];
    let mut bytes = fs::read(file).unwrap();
    bytes[used..used + 70].fill(b'x');
    fs::write(file, bytes).unwrap();
    let (log, recovery) = open(copy.path(), &prepared());
    let torn = recovery.torn.unwrap();
    assert_eq!((torn.offset, torn.bytes), (used as u64, 70));
    assert_eq!(fs::metadata(file).unwrap().len(), used as u64);
    assert!(log.append(records(3..4), true).await.unwrap().first > 4);
}

#[tokio::test]
async fn a_record_may_end_with_zeros() {
    let dir = directory();
    let (log, _) = open(dir.path(), &prepared());
    let zeros = NewRecord { payload: Bytes::from_static(&[0; 300]), ..record("zeros", 0) };
    log.append(vec![record("a", 100), zeros.clone()], true).await.unwrap();
    let copy = killed(dir.path());
    let (log, recovery) = open(copy.path(), &prepared());
    assert!(recovery.is_clean());
    assert_eq!(all(&log).await[1].payload, zeros.payload);
    assert_eq!(log.append(vec![zeros], true).await.unwrap().duplicates, 1);
}

#[tokio::test]
async fn a_log_that_is_told_to_leave_positions_out_finds_no_damage_in_what_was_prepared() {
    let (dir, _log) = holding(3).await;
    let copy = killed(dir.path());
    let (log, _) = open(copy.path(), &Options { next_at_least: 100, ..prepared() });
    assert_eq!(log.append(records(3..4), true).await.unwrap().first, 100);
    drop(log);
    let (log, _) = open(copy.path(), &prepared());
    assert_eq!(positions(&log).await, [1, 2, 3, 100]);
    assert_eq!(log.stats().damaged, 0);
}

#[tokio::test]
async fn a_busy_log_prepares_its_next_segment_while_it_writes_and_leaves_nothing_behind() {
    let dir = directory();
    let options = Options { prepare_at_once: false, segment_bytes: 64 << 10, ..prepared() };
    let (log, _) = open(dir.path(), &options);
    let mut id = 0;
    let last_is_prepared = || lengths(dir.path()).last() == Some(&(64 << 10));
    while !last_is_prepared() {
        log.append(records([id]), true).await.unwrap();
        id += 1;
        assert!(id < 100_000, "none was prepared");
    }
    log.append(records([id]), true).await.unwrap();
    assert_eq!(positions(&log).await.len() as u64, id + 1);
    let used = log.bytes();
    drop(log);
    assert_eq!(lengths(dir.path()).iter().sum::<u64>(), used);
    assert!(!dir.path().join("next.tmp").exists());
}

#[tokio::test]
async fn a_prepared_file_is_taken_while_the_next_one_is_begun() {
    for segment_bytes in [1, 200, 700] {
        let dir = directory();
        let options = Options { prepare_at_once: false, segment_bytes, ..prepared() };
        let (log, _) = open(dir.path(), &options);
        for id in 0..500 {
            log.append(records([id]), true).await.unwrap();
        }
        assert_eq!(positions(&log).await, (1..=500).collect::<Vec<_>>());
        drop(log);
        let (log, recovery) = open(dir.path(), &options);
        assert!(recovery.is_clean());
        assert_eq!(positions(&log).await, (1..=500).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_log_that_has_not_the_room_for_it_prepares_nothing() {
    let dir = directory();
    let bytes = 16 << 10;
    let options =
        Options { prepare_at_once: false, segment_bytes: bytes, max_bytes: Some(2 * bytes - 1), ..prepared() };
    let (log, _) = open(dir.path(), &options);
    let mut id = 0;
    while log.append(records([id]), true).await.is_ok() {
        assert!(!dir.path().join("next.tmp").exists());
        id += 1;
    }
    assert!(lengths(dir.path()).iter().all(|length| *length < bytes + 1000));
}
