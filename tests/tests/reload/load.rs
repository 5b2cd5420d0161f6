//! Reloads under load: tags added, removed and changed, with a vendor that is slow and one that is down.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::response::IntoResponse;
use http::StatusCode;
use tagyard_tests::command::Served;
use tagyard_tests::receiver::{Received, Receiver};

use crate::{folder, head, hook, page, status_json, wait_for_status, write};

const USERS: usize = 20;

/// What one vendor took: the events in the order in which it took them.
#[derive(Default)]
struct Took {
    ids: Vec<String>,
    /// By container, told by the mark.
    marks: BTreeSet<String>,
}

impl Took {
    /// No event twice, and each user's in their order.
    fn check(&self, tag: &str) -> BTreeSet<&str> {
        let distinct: BTreeSet<&str> = self.ids.iter().map(String::as_str).collect();
        assert_eq!(distinct.len(), self.ids.len(), "{tag} took some twice: {:?}", self.ids);
        for user in 0..USERS {
            let of_user = self.ids.iter().filter(|id| number(id) % USERS == user);
            let numbers: Vec<usize> = of_user.map(|id| number(id)).collect();
            assert!(numbers.is_sorted(), "{tag}, user {user}: {numbers:?}");
        }
        distinct
    }
}

fn number(id: &str) -> usize {
    id.trim_start_matches("m-").parse().unwrap()
}

/// What each vendor took, of all requests with the success they were answered with.
fn took(received: &[Received], accepted: impl Fn(&Received) -> bool) -> BTreeMap<String, Took> {
    let mut vendors: BTreeMap<String, Took> = BTreeMap::new();
    for request in received.iter().filter(|request| accepted(request)) {
        let event = request.json();
        let mark = event["properties"]["mark"].as_str().unwrap();
        assert_eq!(request.path, format!("/{mark}"), "settings of one container and transformation of another");
        let took = vendors.entry(request.host.trim_end_matches(".example").to_owned()).or_default();
        took.ids.push(event["messageId"].as_str().unwrap().to_owned());
        took.marks.insert(mark.to_owned());
    }
    vendors
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_delivered_exactly_once_through_reloads() {
    // `down` answers 503 to everything that the first containers sent it.
    let is_down = Arc::new(AtomicBool::new(true));
    let down = is_down.clone();
    let receiver = Receiver::answering_slowly(Duration::from_millis(20), move |_, received| {
        match received.host == "down.example" && down.load(Ordering::SeqCst) {
            true => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            false => StatusCode::OK.into_response(),
        }
    })
    .await;
    let container =
        |mark: &str, third: &str| head("key") + &hook("kept", mark) + &hook("down", mark) + &hook(third, mark);
    let folder = folder(&container("v0", "gone"));
    let served = Served::start(folder.path(), &[], &["shop.toml", "--no-watch", "--divert", &receiver.url()]).await;

    let stop = Arc::new(AtomicBool::new(false));
    let sending = tokio::spawn({
        let (client, stop) = (served.client.clone(), stop.clone());
        async move {
            let mut sent = 0;
            while !stop.load(Ordering::SeqCst) {
                client.event(page("key", &format!("m-{sent}"), &format!("u-{}", sent % USERS))).await;
                sent += 1;
            }
            sent
        }
    });
    for reload in 1..=6 {
        // Something of each container has to be on its way.
        receiver.wait_for(receiver.received().len() + 40).await;
        write(folder.path(), &container(&format!("v{reload}"), "added"));
        served.signal("HUP").await;
        served.wait_for_log("the container was reloaded", reload).await;
    }
    let after = status_json(folder.path()).await["newest"].as_u64().unwrap() as usize;
    receiver.wait_for(receiver.received().len() + 40).await;
    stop.store(true, Ordering::SeqCst);
    let sent: usize = sending.await.unwrap();
    let refused = receiver.received().iter().filter(|request| request.host == "down.example").count();
    assert!(refused > 0, "the vendor that is down was never asked");
    is_down.store(false, Ordering::SeqCst);
    let is_idle = |status: &serde_json::Value| {
        let lags = status["tags"].as_array().unwrap().iter().map(|tag| tag["lag_events"].as_u64());
        lags.eq([Some(0); 3])
    };
    let status = wait_for_status(folder.path(), "all is delivered", is_idle).await;
    // Counts go on through reloads.
    let counted = |name: &str| {
        let tags = status["tags"].as_array().unwrap();
        tags.iter().find(|tag| tag["tag"] == name).unwrap()["delivered"].as_u64().unwrap() as usize
    };
    assert_eq!((counted("kept"), counted("down")), (sent, sent));
    let (exit, log) = served.terminate().await;
    assert!(exit.success(), "{log}");
    assert!(!log.contains("cut off"), "an attempt was cut: {log}");

    let took = took(&receiver.accepted(), |_| true);
    assert_eq!(took["kept"].check("kept").len(), sent);
    assert!(took["kept"].marks.len() >= 6, "{:?}", took["kept"].marks);
    assert_eq!(took["down"].check("down").len(), sent);
    // Nothing of it was taken before the last container.
    assert_eq!(took["down"].marks, BTreeSet::from(["v6".to_owned()]));
    took["gone"].check("gone");
    assert_eq!(took["gone"].marks, BTreeSet::from(["v0".to_owned()]));
    // A new tag begins with the next event: it has none of the first, and all of the last.
    let added = took["added"].check("added");
    assert!(!added.contains("m-0"));
    assert!((after..sent).all(|number| added.contains(format!("m-{number}").as_str())), "{after} of {sent}: {added:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_does_not_answer_holds_a_reload_up_for_seconds_only() {
    // The first request is never answered.
    let receiver = Receiver::start_hanging(1).await;
    let folder = folder(&(head("key") + &hook("a", "v0")));
    let served = Served::start(folder.path(), &[], &["shop.toml", "--no-watch", "--divert", &receiver.url()]).await;
    served.client.event(page("key", "m-0", "u")).await;
    served.client.event(page("key", "m-1", "u")).await;
    receiver.wait_for(1).await;
    write(folder.path(), &(head("key") + &hook("a", "v1")));
    served.signal("HUP").await;
    served.wait_for_log("the container was reloaded", 1).await;
    assert!(served.log().contains("cut off"), "{}", served.log());
    // The one that was cut is sent again, and the order holds.
    let requests = receiver.wait_for(3).await;
    let ids: Vec<String> =
        requests.iter().map(|request| format!("{} {}", request.path, request.json()["messageId"])).collect();
    assert_eq!(ids, ["/v0 \"m-0\"", "/v1 \"m-0\"", "/v1 \"m-1\""]);
    served.terminate().await;
}
