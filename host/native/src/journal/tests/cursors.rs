use std::fs;

use super::*;

fn finished(record: &Record) -> Option<Finished> {
    let text = std::str::from_utf8(&record.payload).ok()?;
    let (tag, event) = text.split_once(' ')?;
    let (first, last) = event.split_once('-').unwrap_or((event, event));
    Some(Finished { tag: tag.to_owned(), first: first.parse().ok()?, last: last.parse().ok()? })
}

async fn outcome(log: &Log, tag: &str, event: u64) -> u64 {
    let payload = Bytes::from(format!("{tag} {event}"));
    let record = NewRecord { received_at_ms: 0, key: Key::NONE, payload };
    log.append(vec![record], false).await.unwrap().first
}

/// Which of the events 1 to 12 a worker would run, with `missing` not in the journal.
fn runs(cursor: &mut Cursor, missing: &[u64]) -> Vec<u64> {
    let mut runs = Vec::new();
    while let Some(found) = (cursor.next_read()..=12).find(|position| !missing.contains(position)) {
        if cursor.begin(found) == Begin::Run {
            runs.push(found);
        }
    }
    runs
}

#[test]
fn low_is_the_first_event_without_an_outcome() {
    let mut cursor = Cursor::starting_at(5);
    assert_eq!((cursor.low(), cursor.next_read()), (5, 5));
    for position in 5..10 {
        assert_eq!(cursor.begin(position), Begin::Run);
    }
    assert_eq!(cursor.begin(7), Begin::Skip, "begun already");
    for (position, low) in [(6, 5), (5, 7), (9, 7), (8, 7), (7, 10)] {
        assert!(cursor.finish(position));
        assert_eq!(cursor.low(), low, "after {position}");
    }
    assert!(!cursor.finish(7), "finished already");
}

#[test]
fn a_missing_position_holds_nothing_back() {
    let mut cursor = Cursor::starting_at(1);
    assert_eq!(runs(&mut cursor, &[3, 4]), [1, 2, 5, 6, 7, 8, 9, 10, 11, 12]);
    let text = serde_json::to_string(&cursor).unwrap();
    let mut after: Cursor = serde_json::from_str(&text).unwrap();
    assert_eq!(runs(&mut after, &[1, 2, 3, 4, 7]), [5, 6, 8, 9, 10, 11, 12]);
    assert_eq!((after.low(), after.unfinished()), (5, 7));
}

#[test]
fn a_cursor_takes_no_more_than_it_may_hold_and_goes_on_when_there_is_room() {
    let mut cursor = Cursor::starting_at(1);
    for position in 1..=MAX_UNFINISHED {
        assert_eq!(cursor.begin(position), Begin::Run);
    }
    let next = MAX_UNFINISHED + 1;
    assert_eq!(cursor.begin(next), Begin::Full);
    assert_eq!(cursor.next_read(), next);
    cursor.finish(500);
    assert_eq!(cursor.begin(next), Begin::Run);
}

#[tokio::test]
async fn after_a_kill_exactly_what_has_no_outcome_is_run() {
    let dir = directory();
    let (outcomes, _) = open(&dir.path().join("outcomes"), &on_disk());
    let file = CursorFile::new(dir.path().join("cursors.json"));
    let mut cursors = file.load().cursors;
    for tag in ["ga4", "late"] {
        cursors.tag(tag, 1);
    }
    file.save(cursors.clone()).await.unwrap();
    runs(cursors.tag("ga4", 1), &[]);
    for event in [2, 1, 4] {
        let at = outcome(&outcomes, "ga4", event).await;
        cursors.apply(at, "ga4", (event, event));
    }
    let middle = cursors.clone();
    for event in [9, 6] {
        outcome(&outcomes, "ga4", event).await;
    }

    let expected = [3, 5, 7, 8, 10, 11, 12];
    let checkpoint = |saved: Option<Cursors>| async {
        if let Some(saved) = saved {
            file.save(saved).await.unwrap();
        }
        let mut loaded = file.load();
        loaded.cursors.replay(&outcomes, 1, finished).await.unwrap();
        loaded
    };
    let mut from_start = checkpoint(None).await.cursors;
    assert_eq!(runs(from_start.tag("ga4", 1), &[]), expected);
    assert_eq!(runs(from_start.tag("late", 1), &[]), (1..=12).collect::<Vec<_>>());
    let mut from_middle = checkpoint(Some(middle.clone())).await;
    assert_eq!(from_middle.origin, Origin::Current);
    assert_eq!(runs(from_middle.cursors.tag("ga4", 1), &[]), expected);

    let current = dir.path().join("cursors.json");
    let changed = fs::read_to_string(&current).unwrap().replace("\"next\":13", "\"next\":14");
    fs::write(&current, changed).unwrap();
    let mut from_previous = checkpoint(None).await;
    assert_eq!(from_previous.origin, Origin::Previous);
    assert_eq!(runs(from_previous.cursors.tag("ga4", 1), &[]), expected);

    fs::write(dir.path().join("cursors.previous"), "{").unwrap();
    let mut lost = checkpoint(None).await;
    assert_eq!(lost.origin, Origin::Lost);
    assert_eq!(runs(lost.cursors.tag("ga4", 1), &[]), expected);
    assert_eq!(lost.cursors.low(), Some(3));
}
