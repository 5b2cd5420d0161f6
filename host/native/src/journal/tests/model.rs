//! The log against a list in memory, with crashes in the middle of writes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    /// Ids (few, so that many repeat) and payload sizes.
    Append(Vec<(u8, usize)>),
    Restart,
    /// The process dies in a write of these: as much of it as `cut` says is in the file, perhaps with a bit wrong.
    Crash {
        sizes: Vec<usize>,
        cut: Index,
        flip: Option<(Index, u8)>,
    },
    /// Everything below this was passed by all tags.
    Retain(Index),
    /// These records are removed; some of those that are not there, too.
    Remove(Vec<Index>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let sizes = prop::collection::vec(0usize..200, 1..5);
    let step = prop_oneof![
        6 => prop::collection::vec((any::<u8>(), 0usize..200), 1..6).prop_map(Step::Append),
        1 => Just(Step::Restart),
        3 => (sizes, any::<Index>(), prop::option::of((any::<Index>(), 0u8..8)))
            .prop_map(|(sizes, cut, flip)| Step::Crash { sizes, cut, flip }),
        1 => any::<Index>().prop_map(Step::Retain),
        2 => prop::collection::vec(any::<Index>(), 1..8).prop_map(Step::Remove),
    ];
    prop::collection::vec(step, 1..25)
}

struct Run {
    dir: tempfile::TempDir,
    options: Options,
    log: Option<Log>,
    /// Every record that is durable.
    model: BTreeMap<u64, NewRecord>,
    /// What was removed: its id is known still.
    removed: BTreeMap<u64, Key>,
    /// Every position that was ever given.
    highest: u64,
}

impl Run {
    fn log(&self) -> &Log {
        self.log.as_ref().unwrap()
    }

    async fn append(&mut self, ids: &[(u8, usize)]) {
        let new: Vec<_> = ids.iter().map(|(id, size)| record(&id.to_string(), *size)).collect();
        let appended = self.log().append(new.clone(), true).await.unwrap();
        let mut position = appended.first;
        assert!(position > self.highest);
        for record in new {
            let known = self.model.values().map(|known| known.key).chain(self.removed.values().copied());
            if known.into_iter().all(|known| known != record.key) {
                self.model.insert(position, record);
                position += 1;
            }
        }
        assert_eq!(position, appended.first + u64::from(appended.accepted));
        self.highest = position - 1;
    }

    fn crash(&mut self, sizes: &[usize], cut: &Index, flip: Option<(Index, u8)>) -> BTreeMap<u64, NewRecord> {
        let next = self.log().durable_position() + 1;
        self.log = None;
        let Some(file) = files(self.dir.path()).pop() else { return BTreeMap::new() };
        let mut bytes = Vec::new();
        let mut unacknowledged = BTreeMap::new();
        for (at, size) in sizes.iter().enumerate() {
            let position = next + at as u64;
            let NewRecord { received_at_ms, key, payload } = record(&format!("crashed {position}"), *size);
            record::encode(&Record { position, received_at_ms, key, payload: payload.clone() }, &mut bytes);
            unacknowledged.insert(position, NewRecord { received_at_ms, key, payload });
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        if let Some((at, bit)) = flip.filter(|_| !bytes.is_empty()) {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        let mut file = File::options().append(true).open(file).unwrap();
        file.write_all(&bytes).unwrap();
        if self.options.prepare_at_once {
            // What was prepared is still behind it.
            let length = file.metadata().unwrap().len();
            file.set_len(length.max(self.options.segment_bytes)).unwrap();
        }
        unacknowledged
    }

    /// Everything durable is there; what else is there was being written when the process died.
    async fn reopen(&mut self, mut unacknowledged: BTreeMap<u64, NewRecord>) {
        self.log = None;
        self.log = Some(open(self.dir.path(), &self.options).0);
        for found in all(self.log()).await {
            if let Some(record) = unacknowledged.remove(&found.position) {
                self.model.insert(found.position, record);
                self.highest = self.highest.max(found.position);
            }
        }
    }

    async fn retain(&mut self, below: &Index) {
        let before = below.index(self.highest as usize + 1) as u64;
        self.log().retain(Retain { before, max_age_ms: None, max_bytes: None }).await.unwrap();
        let oldest = self.log().oldest_position();
        // Their ids stay known, so the model keeps nothing that would be asked for again.
        let gone: Vec<_> = self.model.range(..oldest).map(|(position, _)| *position).collect();
        assert!(gone.iter().all(|position| *position < before));
        self.forgotten(gone).await;
    }

    /// De-duplication survives retention in memory and not a restart: start anew so that both agree.
    async fn forgotten(&mut self, gone: Vec<u64>) {
        gone.iter().for_each(|position| drop(self.model.remove(position)));
        self.removed = self.removed.split_off(&self.log().oldest_position());
        self.reopen(BTreeMap::new()).await;
    }

    async fn remove(&mut self, which: &[Index]) {
        let mut records = Ranges::default();
        for position in which.iter().map(|index| index.index(self.highest as usize + 1) as u64) {
            records.add(position, position);
            if let Some(record) = self.model.remove(&position) {
                self.removed.insert(position, record.key);
            }
        }
        self.log().rewrite(&Rewrite::remove(records), &Traces::default()).await.unwrap();
    }

    async fn check(&self) {
        let with_removed = self.log().read_with_removed(1, EVERYTHING).await.unwrap();
        let removed = with_removed.iter().filter(|record| record.is_removed());
        assert_eq!(removed.map(|record| (record.position, record.key)).collect::<BTreeMap<_, _>>(), self.removed);
        let found: Vec<_> = all(self.log()).await;
        let expected: Vec<_> = self.model.iter().map(|(position, record)| (*position, record.clone())).collect();
        let found: Vec<_> = found.iter().map(|found| (found.position, fresh(found))).collect();
        assert_eq!(found, expected);
        if let Some(middle) = expected.get(expected.len() / 2) {
            let one = self.log().read_from(middle.0, ReadLimit { records: 1, bytes: 0 }).await.unwrap();
            assert_eq!(one.first().map(|found| (found.position, fresh(found))).as_ref(), Some(middle));
        }
    }
}

fn fresh(record: &Record) -> NewRecord {
    NewRecord { received_at_ms: record.received_at_ms, key: record.key, payload: record.payload.clone() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_acknowledged_record_is_there_and_none_is_invented(
        steps in steps(),
        tail_records in 0usize..20,
        prepare_at_once in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let options = Options { tail_records, prepare_at_once, ..on_disk() };
            let dir = directory();
            let mut run = Run { dir, options, log: None, model: BTreeMap::new(), removed: BTreeMap::new(), highest: 0 };
            run.reopen(BTreeMap::new()).await;
            for step in &steps {
                match step {
                    Step::Append(ids) => run.append(ids).await,
                    Step::Restart => run.reopen(BTreeMap::new()).await,
                    Step::Crash { sizes, cut, flip } => {
                        let unacknowledged = run.crash(sizes, cut, *flip);
                        run.reopen(unacknowledged).await;
                    }
                    Step::Retain(below) => run.retain(below).await,
                    Step::Remove(which) => run.remove(which).await,
                }
                run.check().await;
            }
            drop(run.log.take());
            assert!(fs::read_dir(run.dir.path()).unwrap().count() > 0);
        });
    }
}
