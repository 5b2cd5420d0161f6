//! What is removed, and that nobody else's events suffer from it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use serde_json::Value;
use tagyard::history::{Logs, Part};
use tagyard::outcomes::Recorded;
use tagyard_tests::command::Served;

use crate::{ADA, Shop, send, visits};

/// After the visits, with every tag done but the one whose vendor is down.
async fn visited() -> (Shop, Served) {
    let shop = Shop::new().await;
    let served = shop.serve().await;
    visits(&served).await;
    for tag in ["never", "each", "together", "refused"] {
        shop.ended(tag, 5).await;
    }
    (shop, served)
}

/// By tag and position, the outcomes of a stopped host.
async fn outcomes(shop: &Shop) -> BTreeMap<(String, u64), Vec<Recorded>> {
    let logs = Logs::open(&shop.data()).unwrap();
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for entry in logs.read(Part::Outcomes, 1, 10_000).await.unwrap() {
        let recorded: Recorded = serde_json::from_slice(&entry.payload).unwrap();
        // Further events that ended alike.
        let run: Value = serde_json::from_slice(&entry.payload).unwrap();
        let more = run["more"].as_array().cloned().unwrap_or_default();
        for (position, id) in (recorded.position + 1..).zip(more) {
            let message_id = id.as_str().unwrap().to_owned();
            let one = Recorded { position, message_id, ..recorded.clone() };
            all.entry((one.tag.clone(), position)).or_default().push(one);
        }
        all.entry((recorded.tag.clone(), recorded.position)).or_default().push(recorded);
    }
    all
}

/// The `messageId`s that the vendor that was down has taken.
fn taken(shop: &Shop, since: usize) -> Vec<String> {
    let received = shop.vendors.received();
    let down = received[since..].iter().filter(|received| received.host == "down.example");
    let mut ids: Vec<String> = down.map(|received| received.json()["messageId"].as_str().unwrap().to_owned()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Bob's events reach the vendor that was down, hers end as forgotten, and every event has one outcome for every tag.
async fn everybody_else_is_served(shop: &Shop, served: Served, since: usize) {
    shop.is_up.store(true, Ordering::SeqCst);
    for tag in ["each", "together", "refused", "down"] {
        shop.ended(tag, 2).await;
    }
    assert_eq!(taken(shop, since), ["m-bob-1", "m-bob-2"]);
    let listed = shop.ask(&["dead", "list"], 0).await.stdout;
    assert_eq!(listed.lines().filter(|line| line.contains("refused")).count(), 2, "{listed}");
    let shown = shop.ask(&["events", "show", "m-bob-2"], 0).await.stdout;
    assert!(shown.contains("bob@example.com"), "{shown}");
    let (status, log) = served.terminate().await;
    assert!(status.success());
    assert!(ADA.iter().all(|text| !log.contains(text)), "{log}");

    assert_eq!(shop.holding(&ADA), Vec::<PathBuf>::new());
    let outcomes = outcomes(shop).await;
    assert_eq!(outcomes.len(), 5 * 5);
    for ((tag, position), recorded) in outcomes {
        let [recorded] = recorded.as_slice() else { panic!("{tag} {position}: {recorded:?}") };
        let is_adas = [1, 3, 4].contains(&position);
        assert_eq!(recorded.message_id.is_empty(), is_adas, "{recorded:?}");
        let name = recorded.outcome.name();
        match (tag.as_str(), is_adas) {
            ("down", true) => assert_eq!((name, recorded.outcome.reason()), ("skipped", Some("forgotten"))),
            ("never", _) => assert_eq!((name, recorded.outcome.reason().is_some()), ("not_triggered", true)),
            ("refused", _) => assert_eq!(name, "dead_letter"),
            _ => assert_eq!(name, "delivered"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_running_host_a_person_is_removed_whole_and_the_others_are_served() {
    let (shop, served) = visited().await;
    assert!(shop.holding(&["u-ada-17"]).len() >= 3, "{:?}", shop.holding(&["u-ada-17"]));

    let refused = shop.ask(&["forget", "--user-id", "u-ada-17"], 1).await;
    assert!(refused.stderr.contains("give --yes, or --dry-run"), "{}", refused.stderr);
    let would: Value =
        serde_json::from_str(&shop.ask(&["forget", "--user-id", "u-ada-17", "--dry-run", "--json"], 0).await.stdout)
            .unwrap();
    assert_eq!(would["found"]["anonymous_ids"], serde_json::json!(["a-ada-5f0c"]));
    assert!(!shop.holding(&["u-ada-17"]).is_empty());

    let done = shop.ask(&["forget", "--user-id", "u-ada-17", "--yes"], 0).await.stdout;
    // Before, hers were tried again like the others.
    let since = shop.vendors.received().len();
    for said in [
        "user id u-ada-17\n",
        "anonymous id a-ada-5f0c (seen with the others)\n",
        "3 events removed, of 20",
        "4 dead letters removed, of 20",
        "12 outcomes cleared of all but how the event ended",
    ] {
        assert!(done.contains(said), "{said} is not in\n{done}");
    }
    assert!(!done.contains("bob"), "{done}");
    assert_eq!(shop.holding(&ADA), Vec::<PathBuf>::new());
    assert_eq!(
        shop.ask(&["forget", "--user-id", "u-ada-17", "--yes"], 0).await.stdout,
        "user id u-ada-17\nnothing is held about this person\n"
    );
    everybody_else_is_served(&shop, served, since).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_stopped_hosts_data_too_and_the_next_start_goes_on_with_the_others() {
    let (shop, served) = visited().await;
    served.terminate().await;
    assert!(!shop.holding(&["u-ada-17"]).is_empty());
    let done = shop.ask(&["forget", "--user-id", "u-ada-17", "--yes", "--json"], 0).await.stdout;
    let done: Value = serde_json::from_str(&done).unwrap();
    let counts = ["events", "dead_letters", "outcomes"].map(|what| done[what]["records"].as_u64().unwrap());
    assert_eq!(counts, [3, 4, 12], "{done}");
    assert_eq!(shop.holding(&ADA), Vec::<PathBuf>::new());
    let since = shop.vendors.received().len();
    let served = shop.serve().await;
    everybody_else_is_served(&shop, served, since).await;
}

/// Wherever it is interrupted: what is left is found by what is left.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_disk_did_not_take_is_removed_when_it_is_asked_for_again() {
    let (shop, served) = visited().await;
    for log in ["outcomes", "sent", "dead-letters", "journal"] {
        // In the way of the file that takes the first segment's place.
        let in_the_way = shop.data().join(log).join("00000000000000000001.tmp");
        fs::create_dir(&in_the_way).unwrap();
        let failed = shop.ask(&["forget", "--user-id", "u-ada-17", "--yes"], 1).await.stderr;
        assert!(failed.contains("not everything is removed yet: cannot rewrite "), "{failed}");
        assert!(failed.ends_with("give the command again\n"), "{failed}");
        fs::remove_dir(&in_the_way).unwrap();
        assert!(!shop.holding(&["u-ada-17"]).is_empty(), "{log}");
    }
    let done = shop.ask(&["forget", "--user-id", "u-ada-17", "--yes"], 0).await.stdout;
    assert!(done.contains("3 events removed") && !done.contains("request"), "{done}");
    let since = shop.vendors.received().len();
    assert_eq!(shop.holding(&ADA), Vec::<PathBuf>::new());
    everybody_else_is_served(&shop, served, since).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_later_is_a_person_like_any_other_and_a_repeated_message_is_not_taken() {
    let shop = Shop::new().await;
    let served = shop.serve().await;
    visits(&served).await;
    shop.ended("each", 5).await;
    shop.ask(&["forget", "--user-id", "u-ada-17", "--yes"], 0).await;
    // Her browser tries again what it has no answer for, and then she buys something.
    visits(&served).await;
    let event =
        serde_json::json!({"type": "track", "event": "Order Completed", "messageId": "m-new", "userId": "u-ada-17"});
    send(&served, &[event]).await;
    shop.ended("each", 3).await;
    let exported = shop.lines(&["export", "--user-id", "u-ada-17"]).await;
    let events: Vec<&Value> = exported.iter().filter(|line| line["kind"] == "event").collect();
    assert_eq!(events.len(), 1, "{exported:#?}");
    assert_eq!((&events[0]["position"], &events[0]["event"]["messageId"]), (&6.into(), &"m-new".into()));
    served.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_read_in_a_damaged_record_is_wiped_too() {
    let (shop, served) = visited().await;
    served.terminate().await;
    let segment = shop.data().join("journal").join("00000000000000000001.log");
    let mut bytes = fs::read(&segment).unwrap();
    let at = bytes.windows(7).position(|window| window == b"m-ada-3").unwrap();
    bytes[at + 6] = b'X';
    fs::write(&segment, bytes).unwrap();
    let done = shop.ask(&["forget", "--user-id", "u-ada-17", "--yes", "--json"], 0).await.stdout;
    let done: Value = serde_json::from_str(&done).unwrap();
    assert_eq!((&done["events"]["records"], &done["damaged_copies"]), (&2.into(), &1.into()), "{done}");
    assert!(done["damaged_bytes"].as_u64().unwrap() > 100, "{done}");
    assert_eq!(shop.holding(&ADA), Vec::<PathBuf>::new());
    // What is left is read as before.
    let lines = shop.lines(&["events", "export"]).await;
    let ids: Vec<&Value> = lines.iter().map(|line| &line["event"]["messageId"]).collect();
    assert_eq!(ids, ["m-bob-1", "m-bob-2"]);
}
