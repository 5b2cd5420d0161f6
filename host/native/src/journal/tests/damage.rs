use std::collections::BTreeMap;
use std::fs::{self, File};
use std::ops::Range;

use proptest::prelude::*;

use super::super::scan::{Found, Scanner};
use super::*;

/// A closed log of one segment with `count` records of 100 bytes, and where each lies.
async fn written(dir: &Path, options: &Options, count: u64) -> Vec<Range<usize>> {
    let (log, _) = open(dir, options);
    log.append(records(1..=count), true).await.unwrap();
    drop(log);
    extents(&files(dir)[0], 1).into_values().collect()
}

fn extents(path: &Path, first: u64) -> BTreeMap<u64, Range<usize>> {
    let length = fs::metadata(path).unwrap().len();
    let mut scanner = Scanner::new(File::open(path).unwrap(), segment::HEADER_BYTES, length, first, u64::MAX);
    let mut extents = BTreeMap::new();
    while let Some(Found::Record { offset, record }) = scanner.next().unwrap() {
        extents.insert(record.position, offset as usize..offset as usize + record.disk_bytes());
    }
    extents
}

fn first(path: &Path) -> u64 {
    path.file_stem().unwrap().to_str().unwrap().parse().unwrap()
}

fn damage(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_log_cut_at_any_byte_keeps_every_whole_record_and_uses_no_position_twice() {
    let dir = directory();
    let extents = written(&dir.path().join("whole"), &on_disk(), 3).await;
    let whole = fs::read(&files(&dir.path().join("whole"))[0]).unwrap();
    for cut in 0..=whole.len() {
        let dir = dir.path().join(cut.to_string());
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("00000000000000000001.log"), &whole[..cut]).unwrap();
        let (log, recovery) = open(&dir, &on_disk());
        let kept = extents.iter().filter(|extent| extent.end <= cut).count() as u64;
        let at_boundary = cut <= extents[0].start || extents.iter().any(|extent| extent.end == cut);
        assert_eq!(recovery.torn.is_none(), at_boundary, "cut at {cut}");
        assert_eq!(positions(&log).await, (1..=kept).collect::<Vec<_>>(), "cut at {cut}");
        drop(log);
        let (log, again) = open(&dir, &on_disk());
        assert_eq!((again.torn, again.next), (None, recovery.next), "cut at {cut}");
        let appended = log.append(records(1..=4), true).await.unwrap();
        assert_eq!(appended.duplicates as u64, kept, "cut at {cut}");
        assert!(appended.first > kept && (at_boundary || appended.first > kept + 1));
        let before = all(&log).await;
        drop(log);
        let (log, recovery) = open(&dir, &on_disk());
        assert_eq!(recovery.torn, None, "mended for good");
        assert_eq!(all(&log).await, before);
    }
}

#[tokio::test]
async fn a_corrupt_record_costs_itself_and_is_kept_aside() {
    for at in [0, 4, 8, 20, 60] {
        let dir = directory();
        let extents = written(dir.path(), &on_disk(), 5).await;
        let file = &files(dir.path())[0];
        let hit = extents[2].clone();
        damage(file, |bytes| bytes[hit.start + at] ^= 0x40);
        let (log, recovery) = open(dir.path(), &on_disk());
        assert_eq!(positions(&log).await, [1, 2, 4, 5], "byte {at}");
        assert_eq!(recovery.torn, None);
        let [found] = recovery.damaged.as_slice() else { panic!("{recovery:?}") };
        assert_eq!((found.offset as usize, found.bytes as usize), (hit.start, hit.len()));
        let kept = fs::read(found.kept.as_ref().unwrap()).unwrap();
        assert_eq!(kept, fs::read(file).unwrap()[hit]);
        assert_eq!(log.stats().damaged, 1, "reading it again reports nothing new");
        assert_eq!(log.append(records(1..=6), true).await.unwrap(), Appended { accepted: 2, duplicates: 4, first: 6 });
    }
}

#[tokio::test]
async fn damage_in_a_sealed_segment_is_found_by_whoever_reads_it() {
    let dir = directory();
    let options = Options { dedupe: false, ..on_disk() };
    let (log, _) = open(dir.path(), &options);
    for id in 1..=20 {
        log.append(records([id]), false).await.unwrap();
    }
    let extents = extents(&files(dir.path())[1], 6);
    let (position, extent) = extents.iter().nth(1).unwrap();
    damage(&files(dir.path())[1], |bytes| bytes[extent.end - 1] ^= 1);
    for _ in 0..2 {
        assert_eq!(positions(&log).await, (1..=20).filter(|at| at != position).collect::<Vec<_>>());
        assert_eq!(log.stats().damaged, 1);
    }
}

#[tokio::test]
async fn a_payload_that_looks_like_a_record_is_not_taken_for_one() {
    let dir = directory();
    let (log, _) = open(dir.path(), &on_disk());
    let mut forged = Vec::new();
    let inner = Record { position: 2, received_at_ms: 0, key: Key::NONE, payload: Bytes::from_static(b"forged") };
    record::encode(&inner, &mut forged);
    let outer = NewRecord { payload: Bytes::from(forged), ..record("outer", 0) };
    log.append(vec![record("a", 9), outer, record("b", 9)], false).await.unwrap();
    drop(log);
    let hit = extents(&files(dir.path())[0], 1)[&2].clone();
    damage(&files(dir.path())[0], |bytes| bytes[hit.start + 5] ^= 1);
    assert_eq!(positions(&open(dir.path(), &on_disk()).0).await, [1, 3]);
}

#[tokio::test]
async fn a_newer_format_is_refused_and_a_damaged_header_is_not() {
    let dir = directory();
    written(dir.path(), &on_disk(), 2).await;
    let file = &files(dir.path())[0];
    damage(file, |bytes| bytes[8] = 9);
    let (log, _) = open(dir.path(), &on_disk());
    assert_eq!(positions(&log).await, [1, 2]);
    drop(log);
    damage(file, |bytes| {
        let crc = crc32c::crc32c(&bytes[..12]);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    });
    let error = Log::open(dir.path(), on_disk()).unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 9, .. }), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn flipped_bits_cost_the_records_they_hit_and_invent_none(
        sizes in prop::collection::vec(0usize..300, 1..30),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0u8..8), 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let dir = directory();
            let (log, _) = open(dir.path(), &on_disk());
            for (id, size) in sizes.iter().enumerate() {
                log.append(vec![record(&id.to_string(), *size)], true).await.unwrap();
            }
            let before: BTreeMap<_, _> = all(&log).await.into_iter().map(|found| (found.position, found)).collect();
            drop(log);
            let whole: Vec<_> = files(dir.path()).into_iter().map(|path| (extents(&path, first(&path)), path)).collect();
            let mut hit = Vec::new();
            for (which, byte, bit) in flips {
                let (extents, path) = which.get(&whole);
                let at = byte.index(fs::metadata(path).unwrap().len() as usize);
                hit.extend(extents.iter().filter(|(_, extent)| extent.contains(&at)).map(|(position, _)| *position));
                damage(path, |bytes| bytes[at] ^= 1 << bit);
            }
            let (log, _) = open(dir.path(), &Options { next_at_least: sizes.len() as u64 + 1, ..on_disk() });
            let after = all(&log).await;
            let found: Vec<_> = after.iter().map(|record| record.position).collect();
            for record in &after {
                assert_eq!(Some(record), before.get(&record.position));
            }
            let missing: Vec<_> = before.keys().filter(|at| !hit.contains(at) && !found.contains(at)).collect();
            assert!(missing.is_empty(), "{missing:?}");
            assert!(log.append(records([9_000]), true).await.unwrap().first > sizes.len() as u64);
        });
    }

    #[test]
    fn no_content_of_the_files_is_an_accident(
        segments in prop::collection::btree_map(1u64..40, prop::collection::vec(any::<u8>(), 0..400), 0..5),
        header in any::<bool>(),
        cursors in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let dir = directory();
            for (first, content) in &segments {
                let header = if header { segment::header().to_vec() } else { Vec::new() };
                fs::write(dir.path().join(format!("{first:020}.log")), [header, content.clone()].concat()).unwrap();
            }
            let (log, recovery) = open(dir.path(), &on_disk());
            assert!(all(&log).await.is_empty());
            assert_eq!(log.append(records([1]), true).await.unwrap().first, recovery.next);
            assert_eq!(positions(&log).await, [recovery.next]);
            let file = dir.path().join("cursors.json");
            fs::write(&file, cursors).unwrap();
            assert_eq!(CursorFile::new(file).load().origin, Origin::Lost);
        });
    }
}
