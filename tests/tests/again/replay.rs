//! `replay`.

use jiff::{SignedDuration, Timestamp};

use crate::{Shop, send};

const TWICE: &str =
    "what was delivered of them before is delivered again; vendors tell duplicates by the messageId where they can";

fn ago(duration: SignedDuration) -> String {
    Timestamp::now().checked_sub(duration).unwrap().to_string()
}

#[tokio::test]
async fn a_new_tag_gets_the_events_from_before_it_was_there() {
    let shop = Shop::new(false).await;
    let hour_ago = ago(SignedDuration::from_hours(1));
    let served = shop.serve(&["old"]).await;
    send(&served, &["a", "b"]).await;
    shop.vendor.wait_for(2).await;
    let middle = Timestamp::now().to_string();
    served.terminate().await;

    let served = shop.serve(&["old", "new"]).await;
    send(&served, &["c"]).await;
    shop.vendor.wait_for(4).await;
    let replay = ["replay", "--tag", "new", "--since"];
    let until = [&replay[..], &[&hour_ago, "--until", &middle]].concat();
    shop.says(&until, &format!("2 events run again for `new`\n{TWICE}\ndelivered 2\n")).await;
    assert_eq!(shop.received("new", 4, 2).await, ["a", "b"]);
    // From a time on, here of the last event alone; what the tag had delivered comes again.
    let since = [&replay[..], &[middle.as_str()]].concat();
    shop.says(&since, &format!("1 event run again for `new`\n{TWICE}\ndelivered 1\n")).await;
    assert_eq!(shop.received("new", 6, 1).await, ["c"]);
    shop.says(&[&replay[..], &["2100-01-01T00:00Z"]].concat(), "0 events run again for `new`\n").await;

    let said = shop.ask(&["replay", "--tag", "nwe", "--since", &hour_ago], 1).await.stderr;
    assert!(said.contains("there is no tag `nwe` here; there are: `new`, `old`"), "{said}");
    let backwards = [&replay[..], &[&middle, "--until", &hour_ago]].concat();
    assert!(shop.ask(&backwards, 1).await.stderr.contains("--until is not after --since"));
    served.terminate().await;
    assert_eq!(shop.vendor.received().len(), 7);
}

#[tokio::test]
async fn a_stopped_host_replays_at_its_next_start() {
    let shop = Shop::new(false).await;
    let served = shop.serve(&["hook"]).await;
    let start = Timestamp::now().to_string();
    send(&served, &["a", "b", "c"]).await;
    shop.vendor.wait_for(3).await;
    served.terminate().await;
    let expected = format!("3 events run again for `hook`, when the host starts\n{TWICE}\n");
    shop.says(&["replay", "--tag", "hook", "--since", &start], &expected).await;
    // Asked twice, it is still one further run.
    shop.says(&["replay", "--tag", "hook", "--since", &start], &expected).await;
    let served = shop.serve(&["hook"]).await;
    assert_eq!(shop.received("hook", 3, 3).await, ["a", "b", "c"]);
    send(&served, &["d"]).await;
    assert_eq!(shop.received("hook", 6, 1).await, ["d"]);
    served.terminate().await;
    assert_eq!(shop.vendor.received().len(), 7);
}
