//! Removing records: nothing of them is left on disk, and nobody else's is lost, whatever happens meanwhile.

use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;

use super::super::disk::{Fault, Faults, Step};
use super::super::scan::Found;
use super::files::{Crash, Files, torn};
use super::*;

const SECRET: &[u8] = b"ada@example.com";

/// A record with the secret in it, or without.
fn about(id: u64, secret: bool) -> NewRecord {
    let text =
        if secret { format!("{{\"id\":{id},\"email\":\"ada@example.com\"}}") } else { format!("{{\"id\":{id}}}") };
    NewRecord { payload: Bytes::from(text), ..record(&id.to_string(), 0) }
}

fn is_secret(id: u64) -> bool {
    id.is_multiple_of(3)
}

/// A log of some segments, in which every third record has the secret.
async fn filled(dir: &Path, options: &Options, count: u64) -> Log {
    let (log, _) = open(dir, options);
    for id in 1..=count {
        log.append(vec![about(id, is_secret(id))], true).await.unwrap();
    }
    log
}

fn secrets(count: u64) -> Ranges {
    let mut ranges = Ranges::default();
    (1..=count).filter(|id| is_secret(*id)).for_each(|id| ranges.add(id, id));
    ranges
}

fn traces() -> Traces {
    Traces::new(["ada@example.com"].into_iter()).unwrap()
}

/// Whether it is anywhere below a directory.
fn is_in(dir: &Path, text: &[u8]) -> bool {
    fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => is_in(&path, text),
            false => fs::read(&path).unwrap().windows(text.len()).any(|window| window == text),
        }
    })
}

async fn with_removed(log: &Log) -> Vec<Arc<Record>> {
    log.read_with_removed(1, EVERYTHING).await.unwrap()
}

/// Every record is as it was written, or removed where that may be; `None`: each of those may be either.
async fn check(log: &Log, count: u64, removed: Option<bool>) {
    let found = with_removed(log).await;
    assert_eq!(found.iter().map(|record| record.position).collect::<Vec<_>>(), (1..=count).collect::<Vec<_>>());
    for record in found {
        let written = about(record.position, is_secret(record.position));
        assert_eq!(record.key, written.key);
        match record.is_removed() {
            true => assert!(is_secret(record.position) && removed != Some(false), "{}", record.position),
            false => {
                assert_eq!(record.payload, written.payload);
                assert!(!is_secret(record.position) || removed != Some(true), "{}", record.position);
            }
        }
    }
}

#[tokio::test]
async fn what_is_removed_is_in_no_file_and_keeps_its_place() {
    for tail_records in [0, 4, 1_000] {
        let dir = directory();
        let options = Options { tail_records, ..on_disk() };
        let log = filled(dir.path(), &options, 40).await;
        assert!(files(dir.path()).len() > 3 && is_in(dir.path(), SECRET));
        let done = log.rewrite(&Rewrite::remove(secrets(40)), &traces()).await.unwrap();
        assert_eq!((done.records, done.wiped, done.copies), (13, 0, 0));
        assert!(!is_in(dir.path(), SECRET));
        check(&log, 40, Some(true)).await;
        let bytes: u64 = files(dir.path()).iter().map(|path| fs::metadata(path).unwrap().len()).sum();
        assert_eq!(log.bytes(), bytes);
        let kept: Vec<u64> = (1..=40).filter(|id| !is_secret(*id)).collect();
        assert_eq!(positions(&log).await, kept, "others find no record there");
        assert_eq!(log.rewrite(&Rewrite::remove(secrets(40)), &traces()).await.unwrap().records, 0, "once is enough");
        drop(log);

        let (log, recovery) = open(dir.path(), &options);
        assert!(recovery.is_clean(), "{recovery:?}");
        check(&log, 40, Some(true)).await;
        // A sender that tries again is told that it came before.
        let appended = log.append((1..=41).map(|id| about(id, false)).collect(), true).await.unwrap();
        assert_eq!(appended, Appended { accepted: 1, duplicates: 40, first: 41 });
    }
}

#[tokio::test]
async fn records_get_other_payloads() {
    let dir = directory();
    let log = filled(dir.path(), &on_disk(), 20).await;
    let longer = |record: &Record| Bytes::from(format!("{:?} is now a good deal longer than before", record.position));
    let done = log.rewrite(&Rewrite::replace(secrets(20), longer), &Traces::default()).await.unwrap();
    assert_eq!(done.records, 6);
    for record in all(&log).await {
        let is_longer = record.payload.ends_with(b"longer than before");
        assert_eq!(is_longer, is_secret(record.position));
    }
    assert_eq!(all(&log).await.len(), 20);
    assert!(!is_in(dir.path(), SECRET));
}

#[tokio::test]
async fn readers_find_records_removed_from_the_moment_that_they_are_hidden() {
    for tail_records in [0, 1_000] {
        let dir = directory();
        let log = filled(dir.path(), &Options { tail_records, ..on_disk() }, 20).await;
        let veil = log.hide(Rewrite::remove(secrets(20)));
        check(&log, 20, Some(true)).await;
        drop(veil);
        check(&log, 20, Some(false)).await;
    }
}

#[tokio::test]
async fn who_reads_a_segment_that_is_replaced_finishes_on_the_old_file() {
    let dir = directory();
    let log = filled(dir.path(), &on_disk(), 40).await;
    let old = log.shared().segments()[1].clone();
    let mut scanner = old.scan(old.first, u64::MAX).unwrap();
    log.rewrite(&Rewrite::remove(secrets(40)), &traces()).await.unwrap();
    let mut found = 0;
    while let Some(Found::Record { record, .. }) = scanner.next().unwrap() {
        assert!(!record.is_removed());
        found += 1;
    }
    assert!(found > 3);
    let stale = old.scan(old.first, u64::MAX).unwrap_err();
    assert_eq!(stale.kind(), segment::REPLACED);
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_and_appends_go_on_meanwhile() {
    let dir = directory();
    let log = filled(dir.path(), &on_disk(), 200).await;
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let reading = {
        let (log, done) = (log.clone(), done.clone());
        tokio::spawn(async move {
            let mut rounds = 0;
            while !done.load(std::sync::atomic::Ordering::SeqCst) || rounds == 0 {
                // A read may end early; the next one goes on there.
                let (mut next, limit) = (1, ReadLimit { records: 50, bytes: usize::MAX });
                loop {
                    let found = log.read_with_removed(next, limit).await.unwrap();
                    let at: Vec<u64> = found.iter().map(|record| record.position).collect();
                    assert_eq!(at, (next..next + at.len() as u64).collect::<Vec<_>>());
                    if at.is_empty() {
                        break;
                    }
                    next += at.len() as u64;
                }
                assert!(next > 200);
                rounds += 1;
            }
        })
    };
    for third in 1..=66 {
        let mut one = Ranges::default();
        one.add(3 * third, 3 * third);
        log.append(vec![record(&format!("meanwhile {third}"), 50)], true).await.unwrap();
        assert_eq!(log.rewrite(&Rewrite::remove(one), &Traces::default()).await.unwrap().records, 1);
    }
    done.store(true, std::sync::atomic::Ordering::SeqCst);
    reading.await.unwrap();
    assert_eq!(log.stats().damaged, 0);
    assert_eq!(all(&log).await.len(), 200 - 66 + 66);
}

#[tokio::test]
async fn a_disk_that_fails_leaves_everything_as_it_was() {
    let faults: Arc<Faults> = Arc::default();
    let which: [fn(&Faults) -> &Fault; 2] = [|faults| &faults.write, |faults| &faults.sync];
    for fault in which {
        let dir = directory();
        let options = Options { faults: faults.clone(), tail_records: 1_000, ..on_disk() };
        let log = filled(dir.path(), &options, 20).await;
        fault(&faults).set(true);
        let error = log.rewrite(&Rewrite::remove(secrets(20)), &traces()).await.unwrap_err();
        assert!(matches!(error, RewriteError::Storage(_)), "{error}");
        fault(&faults).set(false);
        // Also in memory: they are still there.
        check(&log, 20, Some(false)).await;
        let names = fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        // A next segment that is being prepared is no copy of anything.
        let copies: Vec<_> = names.filter(|name| name.ends_with(".tmp") && name != "next.tmp").collect();
        assert!(copies.is_empty(), "{copies:?}");
        log.rewrite(&Rewrite::remove(secrets(20)), &traces()).await.unwrap();
        assert!(!is_in(dir.path(), SECRET));
        check(&log, 20, Some(true)).await;
    }
}

#[tokio::test]
async fn damaged_bytes_with_traces_are_wiped_and_so_are_their_copies() {
    let dir = directory();
    drop(filled(dir.path(), &on_disk(), 40).await);
    // One with the secret and one without, in segments that hold others.
    for file in [&files(dir.path())[1], &files(dir.path())[2]] {
        let mut bytes = fs::read(file).unwrap();
        let at = bytes.windows(SECRET.len()).position(|window| window == SECRET).unwrap();
        let harmless = bytes.windows(5).position(|window| window == b"{\"id\"").unwrap();
        bytes[at - 12] ^= 1;
        bytes[harmless + 1] ^= 1;
        fs::write(file, bytes).unwrap();
    }
    let (log, _) = open(dir.path(), &on_disk());
    let before = positions(&log).await;
    assert!(before.len() < 40 && dir.path().join("corrupt").is_dir());
    let done = log.rewrite(&Rewrite::remove(secrets(40)), &traces()).await.unwrap();
    assert!(done.wiped > 0 && done.copies > 0, "{done:?}");
    assert!(!is_in(dir.path(), SECRET));
    let expected: Vec<u64> = before.into_iter().filter(|id| !is_secret(*id)).collect();
    assert_eq!(positions(&log).await, expected);
    drop(log);
    let (log, _) = open(dir.path(), &on_disk());
    assert_eq!(positions(&log).await, expected);
    assert!(!is_in(dir.path(), SECRET));
    assert_eq!(log.append(vec![about(41, false)], true).await.unwrap().first, 41);
}

#[tokio::test]
async fn what_a_failed_append_left_behind_is_wiped() {
    let dir = directory();
    let faults: Arc<Faults> = Arc::default();
    let options = Options { faults: faults.clone(), segment_bytes: 1 << 20, ..on_disk() };
    let (log, _) = open(dir.path(), &options);
    log.append(vec![about(1, false)], true).await.unwrap();
    faults.write.set(true);
    faults.truncate.set(true);
    let refused = NewRecord { payload: Bytes::from(format!("ada@example.com{}", " ".repeat(200))), ..about(2, true) };
    log.append(vec![refused], true).await.unwrap_err();
    faults.write.set(false);
    faults.truncate.set(false);
    log.append(vec![about(3, false)], true).await.unwrap();
    assert!(is_in(dir.path(), SECRET));
    log.rewrite(&Rewrite::remove(Ranges::default()), &traces()).await.unwrap();
    assert!(!is_in(dir.path(), SECRET));
    assert_eq!(positions(&log).await, [1, 2]);
}

/// Opens what a crash left: everybody else's records are there, the log goes on, and the same command removes the rest.
async fn recovers(files: &Files, crash: Crash, count: u64, removed: Option<bool>) {
    let dir = directory();
    files.write(dir.path(), crash);
    let (log, recovery) = open(dir.path(), &on_disk());
    assert!(recovery.is_clean(), "{crash:?}: {recovery:?}");
    check(&log, count, removed).await;
    log.rewrite(&Rewrite::remove(secrets(count)), &traces()).await.unwrap();
    assert!(!is_in(dir.path(), SECRET), "{crash:?}");
    check(&log, count, Some(true)).await;
    assert_eq!(log.append(vec![record("after", 9)], true).await.unwrap().first, count + 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn a_crash_at_any_boundary_leaves_everybody_elses_records(count in 1u64..24, seed in any::<u8>(), small in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let dir = directory();
            let segment_bytes = if small { 200 } else { 600 };
            let options = Options { segment_bytes, faults: Arc::default(), ..on_disk() };
            let log = filled(dir.path(), &options, count).await;
            let mut files = Files::read(dir.path());
            *options.faults.trace.lock().unwrap() = Some(Vec::new());
            log.rewrite(&Rewrite::remove(secrets(count)), &traces()).await.unwrap();
            let steps = options.faults.trace.lock().unwrap().take().unwrap();
            let renames = steps.iter().filter(|step| matches!(step, Step::Rename(..))).count();
            assert!(renames > 0 || secrets(count).is_empty());
            let crashes = [Crash::Kill, Crash::PowerLost, Crash::PowerLostHalfway(seed), Crash::PowerLostWithZeros];
            for step in &steps {
                if let Some(torn) = torn(step, seed) {
                    let mut files = files.clone();
                    files.apply(&torn);
                    recovers(&files, Crash::Kill, count, None).await;
                }
                files.apply(step);
                for crash in crashes {
                    recovers(&files, crash, count, None).await;
                }
            }
            for crash in crashes {
                recovers(&files, crash, count, Some(true)).await;
            }
        });
    }
}

/// What is appended and removed, against a list in memory, is in `model.rs`; here, that no segment is left out.
#[tokio::test]
async fn each_segment_is_rewritten_only_where_it_has_to_be() {
    let dir = directory();
    let log = filled(dir.path(), &on_disk(), 60).await;
    let inodes = |dir: &Path| -> BTreeMap<PathBuf, u64> {
        use std::os::unix::fs::MetadataExt;
        files(dir).into_iter().map(|path| (path.clone(), fs::metadata(path).unwrap().ino())).collect()
    };
    let before = inodes(dir.path());
    let mut one = Ranges::default();
    one.add(30, 30);
    let done =
        log.rewrite(&Rewrite::remove(one), &Traces::new(["nobody@example.com"].into_iter()).unwrap()).await.unwrap();
    assert_eq!((done.records, done.segments), (1, 1));
    let after = inodes(dir.path());
    assert_eq!(before.iter().filter(|(path, inode)| after[*path] != **inode).count(), 1);
}
