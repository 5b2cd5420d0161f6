//! The log against a list in memory, with a crash at every boundary of what it does to its files: between any two steps and within
//! each write, by a kill or a loss of power that takes along what was not synced, also while an earlier crash is being mended.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::super::disk::{Fault, Faults, Step};
use super::files::{Crash, Files, torn};
use super::*;

#[derive(Clone, Debug)]
enum Act {
    /// Payload sizes.
    Append(Vec<usize>),
    Sync,
    Restart,
    /// From now on this fails, or works again.
    Fault(usize, bool),
}

const FAULTS: [fn(&Faults) -> &Fault; 4] =
    [|faults| &faults.create, |faults| &faults.write, |faults| &faults.sync, |faults| &faults.truncate];

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => prop::collection::vec(0usize..200, 1..4).prop_map(Act::Append),
        1 => Just(Act::Sync),
        1 => Just(Act::Restart),
        2 => (0..FAULTS.len(), any::<bool>()).prop_map(|(which, fails)| Act::Fault(which, fails)),
    ];
    prop::collection::vec(act, 1..10)
}

/// What was asked of a log, and what it said.
#[derive(Default)]
struct Model {
    answered: Vec<(u64, NewRecord)>,
    /// Also what was refused: a crash in that moment may leave it there.
    given: Vec<NewRecord>,
    synced: usize,
}

async fn run(dir: &Path, options: &Options, acts: &[Act]) -> Model {
    let mut model = Model::default();
    let mut log = Some(open(dir, options).0);
    for act in acts {
        match act {
            Act::Append(sizes) => {
                let number = model.given.len();
                let new: Vec<_> = (number..).zip(sizes).map(|(id, size)| record(&format!("id {id} "), *size)).collect();
                model.given.extend(new.clone());
                if let Ok(appended) = log.as_ref().unwrap().append(new.clone(), true).await {
                    model.answered.extend((appended.first..).zip(new));
                }
            }
            Act::Sync => {
                if log.as_ref().unwrap().sync().await.is_ok() {
                    model.synced = model.answered.len();
                }
            }
            Act::Restart => {
                drop(log.take());
                match Log::open(dir, options.clone()) {
                    Ok((opened, _)) => log = Some(opened),
                    // A disk that cannot be synced does not open; then it is mended first.
                    Err(_) => {
                        options.faults.sync.set(false);
                        log = Some(open(dir, options).0);
                    }
                }
            }
            Act::Fault(which, fails) => FAULTS[*which](&options.faults).set(*fails),
        }
        let synced = if options.durability == Durability::Fsync { model.answered.len() } else { model.synced };
        options.faults.trace(|| Step::Answered { records: model.answered.len(), synced });
    }
    drop(log);
    model
}

/// Crashes after each of the steps, and within it where it is a write, and checks what is left. `base` is what they begin with.
async fn crash_everywhere(base: &Files, steps: &[Step], model: &Model, seed: u8, mend: Option<usize>) {
    let (mut files, mut answered, mut synced) = (base.clone(), 0, 0);
    if mend.is_none() {
        (answered, synced) = (model.answered.len(), model.answered.len());
    }
    for (at, step) in steps.iter().enumerate() {
        if let Some(torn) = torn(step, seed) {
            let mut files = files.clone();
            files.apply(&torn);
            check(&files, Crash::Kill, model, answered, false).await;
        }
        files.apply(step);
        if let Step::Answered { records, synced: so_many } = step {
            (answered, synced) = (*records, *so_many);
        }
        check(&files, Crash::Kill, model, answered, mend == Some(at)).await;
        for crash in [
            Crash::PowerLost,
            Crash::PowerLostHalfway(seed),
            Crash::PowerLostOutOfOrder(seed),
            Crash::PowerLostWithZeros,
        ] {
            check(&files, crash, model, synced, mend == Some(at)).await;
        }
    }
}

/// Opens what a crash left: the first `certain` answered records are there as they were, whatever else is there was given, positions go
/// on, and all of that stays so. With `mend`, crashes everywhere while it is opened as well.
async fn check(files: &Files, crash: Crash, model: &Model, certain: usize, mend: bool) {
    let dir = directory();
    files.write(dir.path(), crash);
    let base = Files::read(dir.path());
    let options = Options { faults: Arc::default(), ..on_disk() };
    *options.faults.trace.lock().unwrap() = Some(Vec::new());
    let (log, _) = open(dir.path(), &options);
    let found: BTreeMap<u64, NewRecord> =
        all(&log).await.iter().map(|record| (record.position, fresh(record))).collect();
    for (position, record) in &model.answered[..certain] {
        assert_eq!(found.get(position), Some(record), "{crash:?}: {position} was answered");
    }
    assert!(found.values().all(|record| model.given.contains(record)), "{crash:?}: something was invented");
    let highest = model.answered[..certain].iter().map(|(position, _)| *position).chain(found.keys().copied()).max();
    let appended = log.append(vec![AFTER.clone()], true).await.unwrap();
    assert!(highest.is_none_or(|highest| highest < appended.first), "{crash:?}: a position was used twice");
    let after = all(&log).await;
    assert_eq!(after.len(), found.len() + 1);
    drop(log);
    let steps = options.faults.trace.lock().unwrap().take().unwrap();
    assert_eq!(all(&open(dir.path(), &on_disk()).0).await, after, "{crash:?}");
    if mend {
        // Only what it found is certain to be found again: it is what readers may have seen.
        let answered = found.into_iter().collect();
        let given = [model.given.clone(), vec![AFTER.clone()]].concat();
        let model = Model { answered, given, synced: 0 };
        Box::pin(crash_everywhere(&base, &steps, &model, 100, None)).await;
    }
}

/// What is appended once a crash is mended.
static AFTER: LazyLock<NewRecord> = LazyLock::new(|| NewRecord { key: Key::NONE, ..record("after the crash", 50) });

fn fresh(record: &Record) -> NewRecord {
    NewRecord { received_at_ms: record.received_at_ms, key: record.key, payload: record.payload.clone() }
}

/// Does these acts and crashes everywhere, and once more while one of the crashes is mended; `mend` chooses it among so many steps.
async fn check_acts(acts: &[Act], options: Options, seed: u8, mend: impl FnOnce(usize) -> usize) {
    let dir = directory();
    let options = Options { faults: Arc::default(), ..options };
    *options.faults.trace.lock().unwrap() = Some(Vec::new());
    let model = run(dir.path(), &options, acts).await;
    let steps = options.faults.trace.lock().unwrap().take().unwrap();
    crash_everywhere(&Files::default(), &steps, &model, seed, Some(mend(steps.len()))).await;
}

/// A sync says nothing of what an earlier one failed with unless another file has it.
#[tokio::test]
async fn a_sync_after_one_that_failed_means_all_that_was_answered() {
    let options = || Options { durability: Durability::Flushed, ..on_disk() };
    let append = || Act::Append(vec![0, 100]);
    let [write, sync, truncate] = [1, 2, 3].map(|which| move |fails| Act::Fault(which, fails));
    for acts in [
        vec![append(), sync(true), Act::Sync, Act::Sync],
        vec![append(), sync(true), Act::Sync, sync(false), Act::Sync],
        vec![append(), sync(true), Act::Sync, sync(false), append(), Act::Sync],
        vec![append(), sync(true), Act::Sync, append(), Act::Sync, sync(false), append(), Act::Sync],
        // At the end of a log nobody asks for it.
        vec![append(), sync(true), Act::Sync, sync(false), append(), Act::Restart, Act::Sync],
        // One that is given up because half a record cannot be taken off it.
        vec![append(), write(true), sync(true), truncate(true), append(), sync(false), Act::Sync],
        vec![append(), write(true), sync(true), truncate(true), append(), sync(false), write(false), Act::Sync],
        vec![append(), sync(true), Act::Sync, sync(false), write(true), Act::Sync, write(false), Act::Sync],
    ] {
        check_acts(&acts, options(), 100, |steps| steps - 1).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_crash_at_any_boundary_loses_nothing_that_was_answered(
        acts in acts(),
        flushed in any::<bool>(),
        prepare_at_once in any::<bool>(),
        seed in any::<u8>(),
        mend in any::<prop::sample::Index>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let durability = if flushed { Durability::Flushed } else { Durability::Fsync };
            check_acts(&acts, Options { durability, prepare_at_once, ..on_disk() }, seed, |steps| mend.index(steps)).await;
        });
    }
}
