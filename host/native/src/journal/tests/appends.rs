use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_is_read_from_memory_from_disk_and_after_a_restart() {
    let dir = directory();
    let small_tail = Options { tail_records: 7, ..on_disk() };
    for options in [Options::default(), on_disk(), small_tail] {
        let dir = dir.path().join(options.tail_records.to_string());
        let (log, _) = open(&dir, &options);
        let appends = (0..40).map(|group| {
            let log = log.clone();
            tokio::spawn(async move { log.append(records(group * 5..group * 5 + 5), false).await.unwrap() })
        });
        for append in appends.collect::<Vec<_>>() {
            assert_eq!(append.await.unwrap().accepted, 5);
        }
        let before = all(&log).await;
        assert_eq!(before.iter().map(|record| record.position).collect::<Vec<_>>(), (1..=200).collect::<Vec<_>>());
        drop(log);
        let (log, recovery) = open(&dir, &options);
        assert_eq!((recovery.next, recovery.torn, recovery.damaged.len()), (201, None, 0));
        assert_eq!(all(&log).await, before);
        assert_eq!(log.append(records([200]), false).await.unwrap().first, 201);
    }
}

#[tokio::test]
async fn a_read_begins_anywhere_and_keeps_its_limits() {
    let dir = directory();
    for options in [Options::default(), on_disk()] {
        let (log, _) = open(&dir.path().join(options.tail_records.to_string()), &options);
        log.append(records(0..50), false).await.unwrap();
        for from in 1..=51 {
            let some = log.read_from(from, ReadLimit { records: 3, bytes: usize::MAX }).await.unwrap();
            let expected: Vec<_> = (from..=50).take(3).collect();
            assert_eq!(some.iter().map(|record| record.position).collect::<Vec<_>>(), expected);
            let by_bytes = log.read_from(from, ReadLimit { records: 100, bytes: 300 }).await.unwrap();
            assert_eq!(by_bytes.len() as u64, 2.min(51 - from));
            let tiny = log.read_from(from, ReadLimit { records: 0, bytes: 0 }).await.unwrap();
            assert_eq!(tiny.len() as u64, 1.min(51 - from), "one record, however large");
        }
    }
}

#[tokio::test]
async fn one_process_a_directory() {
    let dir = directory();
    let (log, _) = open(dir.path(), &on_disk());
    let error = Log::open(dir.path(), on_disk()).unwrap_err();
    assert!(matches!(error, OpenError::InUse { pid: Some(pid), .. } if pid == std::process::id()), "{error}");
    drop(log);
    open(dir.path(), &on_disk());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_id_one_record_is_kept_also_across_a_restart() {
    let dir = directory();
    let (log, _) = open(dir.path(), &on_disk());
    let racing: Vec<_> = (0..20)
        .map(|_| {
            let log = log.clone();
            tokio::spawn(async move { log.append(records([1, 2, 2, 3]), true).await.unwrap() })
        })
        .collect();
    let (mut accepted, mut duplicates) = (0, 0);
    for append in racing {
        let appended = append.await.unwrap();
        accepted += appended.accepted;
        duplicates += appended.duplicates;
    }
    assert_eq!((accepted, duplicates), (3, 77));
    drop(log);
    let (log, _) = open(dir.path(), &on_disk());
    let appended = log.append(records([3, 4]), true).await.unwrap();
    assert_eq!(appended, Appended { accepted: 1, duplicates: 1, first: 4 });
    let without_key = NewRecord { key: Key::NONE, ..record("x", 1) };
    let appended = log.append(vec![without_key.clone(), without_key], true).await.unwrap();
    assert_eq!(appended.accepted, 2);
    assert_eq!(log.append(records([3]), false).await.unwrap().accepted, 1, "not asked to de-duplicate");
}

#[tokio::test]
async fn a_subscriber_hears_of_what_it_can_read() {
    let dir = directory();
    let (log, _) = open(dir.path(), &on_disk());
    let mut durable = log.subscribe();
    let append = tokio::spawn({
        let log = log.clone();
        async move { log.append(records(0..9), false).await.unwrap() }
    });
    durable.changed().await.unwrap();
    let seen = *durable.borrow();
    assert_eq!(positions(&log).await, (1..=seen).collect::<Vec<_>>());
    append.await.unwrap();
    assert_eq!(log.durable_position(), 9);
}

#[tokio::test]
async fn a_record_beyond_the_limit_is_refused_alone() {
    let dir = directory();
    let (log, _) = open(dir.path(), &on_disk());
    let append = log.append(vec![record("a", 1), record("b", MAX_PAYLOAD_BYTES + 1)], false).await;
    assert!(matches!(append, Err(AppendError::TooLarge { index: 1, .. })));
    assert_eq!(log.append(vec![record("c", MAX_PAYLOAD_BYTES)], false).await.unwrap().first, 1);
    assert_eq!(all(&log).await[0].payload.len(), MAX_PAYLOAD_BYTES);
}

#[tokio::test]
async fn flushed_records_are_visible_at_once_and_survive_the_process() {
    let dir = directory();
    let options = Options { durability: Durability::Flushed, ..on_disk() };
    let (log, _) = open(dir.path(), &options);
    options.faults.sync.set(true);
    log.append(records(0..3), false).await.unwrap();
    assert_eq!(positions(&log).await, [1, 2, 3]);
    assert!(matches!(log.sync().await, Err(AppendError::Storage(_))));
    options.faults.sync.set(false);
    log.append(records(3..5), false).await.unwrap();
    assert_eq!(files(dir.path()).len(), 2, "the file whose fsync failed is not written to again");
    log.sync().await.unwrap();
    drop(log);
    assert_eq!(positions(&open(dir.path(), &options).0).await, [1, 2, 3, 4, 5]);
}
