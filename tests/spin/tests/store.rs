//! What the key-value store is for: an event is run once, and no more is kept than may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::{Value, json};
use tagyard_spin_tests::receiver::Receiver;
use tagyard_spin_tests::simple::{CONTAINER, ids, track, with_guest};
use tagyard_spin_tests::spin::{Spin, runtimes};

#[tokio::test]
async fn of_two_drains_at_once_one_is_at_it() {
    for runtime in runtimes() {
        const EVENTS: usize = 20;
        // While nothing is accepted, all wait; then each takes as long as it takes both drains to read them.
        let vendor = Receiver::answering_slowly(Duration::from_millis(100), |before, _| match before {
            0..EVENTS => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            _ => StatusCode::OK.into_response(),
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        let spin = Spin::start(&runtime, folder.path(), CONTAINER, &vendor.url()).await;
        for event in 0..EVENTS {
            spin.client.event(track(&format!("event-{event:02}"))).await;
        }
        vendor.wait_for(EVENTS).await;
        let (mut busy, mut waiting) = (0, EVENTS);
        while waiting > 0 {
            let drain = || spin.operate("POST", "/tagyard/drain");
            let answers: [Value; 3] = tokio::join!(drain(), drain(), drain()).into();
            for answer in &answers {
                match answer["waiting"].as_u64() {
                    Some(left) => waiting = left as usize,
                    None => busy += usize::from(answer["busy"] == true),
                }
            }
        }
        let mut ids = ids(&vendor);
        ids.sort();
        let expected: Vec<String> = (0..EVENTS).map(|event| format!("event-{event:02}")).collect();
        assert_eq!(ids, expected);
        assert!(busy > 0, "no drain met another");
    }
}

#[tokio::test]
async fn a_drain_that_was_ended_half_way_keeps_others_out_only_for_its_time() {
    // What a drain holds is in a file there.
    let runtime = &runtimes()[0];
    let vendor = Receiver::start().await;
    let folder = tempfile::tempdir().unwrap();
    let spin = Spin::start(runtime, folder.path(), CONTAINER, &vendor.url()).await;
    let keys = folder.path().join("state/key-value/default");
    assert_eq!(spin.operate("POST", "/tagyard/drain").await["taken"], 0);
    let held = || {
        std::fs::read_dir(&keys).unwrap().flatten().map(|file| hex::decode(file.file_name().to_str().unwrap()).unwrap())
    };
    assert!(!held().any(|key| key.starts_with(b"h/")), "it let go");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let file = |end: u64| keys.join(hex::encode(format!("h/{end:012}")));
    // Twenty-five seconds of its own and seventeen of the calls that it began, as the container has it.
    let stretch = 25 + 17;
    let (over, now) = (now / stretch * stretch, (now / stretch + 1) * stretch);
    std::fs::write(file(over), 1u64.to_le_bytes()).unwrap();
    assert_eq!(spin.operate("POST", "/tagyard/drain").await["taken"], 0);
    assert!(!file(over).exists(), "what is over is tidied up");
    // However long this takes, one of them is now or next.
    for end in [now, now + stretch, now + 2 * stretch] {
        std::fs::write(file(end), 1u64.to_le_bytes()).unwrap();
    }
    assert_eq!(spin.operate("POST", "/tagyard/drain").await, json!({"busy": true}));
}

#[tokio::test]
async fn an_event_that_comes_again_is_not_taken_again() {
    for runtime in runtimes() {
        let vendor = Receiver::answering(|before, _| match before {
            1 => StatusCode::UNAUTHORIZED.into_response(),
            _ => StatusCode::OK.into_response(),
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        let spin = Spin::start(&runtime, folder.path(), CONTAINER, &vendor.url()).await;
        for id in ["delivered", "refused"] {
            spin.client.event(track(id)).await;
            spin.wait_for_status("an event that has ended", |status| status["waiting"] == 0).await;
        }
        drop(spin);
        let spin = Spin::start_again(&runtime, folder.path(), &[]).await;
        for id in ["delivered", "refused", "new", "delivered"] {
            spin.client.event(track(id)).await;
        }
        let said = spin.outcomes(3).await;
        let said: Vec<_> = said.iter().map(|said| (&*said.message_id, &*said.outcome)).collect();
        assert_eq!(said, [("delivered", "delivered"), ("refused", "dead_letter"), ("new", "delivered")]);
        spin.wait_for_status("three that are remembered", |status| status["remembered"] == 3).await;
        // A drain forgets those of another day only.
        spin.drain_all().await;
        spin.client.event(track("new")).await;
        // A person's wish is no duplicate.
        assert_eq!(spin.operate("POST", "/tagyard/dead/redrive").await["redriven"], 1);
        spin.drain_all().await;
        assert_eq!(ids(&vendor), ["delivered", "new", "refused"]);
        assert_eq!(spin.outcomes(4).await.len(), 4);
    }
}

#[tokio::test]
async fn events_are_forgotten_after_a_day() {
    // The drain's record is in a file there.
    let runtime = &runtimes()[0];
    let vendor = Receiver::start().await;
    let folder = tempfile::tempdir().unwrap();
    let spin = Spin::start(runtime, folder.path(), CONTAINER, &vendor.url()).await;
    spin.client.event(track("a")).await;
    spin.wait_for_status("one that is remembered", |status| status["remembered"] == 1).await;
    spin.drain_all().await;
    let ages = folder.path().join("state/key-value/default").join(hex::encode("seen"));
    let mut age = std::fs::read(&ages).unwrap();
    let minute = u32::from_be_bytes(age[16..].try_into().unwrap());
    for (ago, remembered) in [(24 * 60 - 2, 1), (24 * 60 + 2, 0)] {
        age[16..].copy_from_slice(&(minute - ago).to_be_bytes());
        std::fs::write(&ages, &age).unwrap();
        spin.drain_all().await;
        assert_eq!(spin.operate("GET", "/tagyard/status").await["remembered"], remembered, "{ago} minutes");
    }
    spin.client.event(track("a")).await;
    vendor.wait_for(2).await;
}

#[tokio::test]
async fn each_of_an_events_requests_comes_to_its_own_end() {
    for runtime in runtimes() {
        let second = |received: &tagyard_spin_tests::receiver::Received| received.path == "/in/second";
        // The first request is refused, the second tried again until it is taken.
        let vendor = Receiver::answering(move |before, received| match before {
            _ if received.path == "/orders" => StatusCode::OK.into_response(),
            _ if !second(received) && before < 6 => (StatusCode::FORBIDDEN, "not you").into_response(),
            0..5 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            _ => StatusCode::OK.into_response(),
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        let spin = Spin::start(&runtime, folder.path(), &with_guest("send twice"), &vendor.url()).await;
        spin.client.event(track("a")).await;
        vendor.wait_for(3).await;
        spin.drain_all().await;
        let paths = |vendor: &Receiver| -> Vec<String> {
            let sent = vendor.received().into_iter().map(|received| received.path);
            sent.filter(|path| path != "/orders").collect()
        };
        // What was refused is not sent again, and what may still be taken is.
        let sent = paths(&vendor);
        assert_eq!((&*sent[0], sent[1..].iter().all(|path| path == "/in/second")), ("/in", true), "{sent:?}");
        let dead = spin.dead().await;
        assert_eq!(dead.len(), 1);
        assert_eq!(dead[0]["reason"], "the vendor answered 403 Forbidden");
        assert_eq!((&dead[0]["attempts"], &dead[0]["answer"]["body"]), (&json!(1), &json!("not you")));
        assert!(dead[0].get("delivered").is_none(), "{}", dead[0]);
        // Redriven, it is what was refused, and that alone, that is sent once more.
        let count = sent.len();
        spin.operate("POST", "/tagyard/dead/redrive").await;
        spin.drain_all().await;
        assert_eq!(paths(&vendor)[count..], ["/in"]);
        assert_eq!(spin.dead().await.len(), 0);
        let said = spin.outcomes(3).await;
        let said: Vec<_> = said.iter().filter(|said| said.tag == "guest").map(|said| &*said.outcome).collect();
        assert_eq!(said, ["dead_letter", "delivered"]);
    }
}

#[tokio::test]
async fn no_more_events_wait_than_have_room() {
    for runtime in runtimes() {
        let is_up = Arc::new(AtomicBool::new(false));
        let up = is_up.clone();
        let vendor = Receiver::answering(move |_, _| match up.load(Ordering::Relaxed) {
            true => StatusCode::OK.into_response(),
            false => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        // Of 32,768 bytes each and what is kept beside them, a MiB has room for 23.
        let container = CONTAINER.replace("[deliver]", "[journal]\nmax_mib = 1\n\n[deliver]");
        let spin = Spin::start(&runtime, folder.path(), &container, &vendor.url()).await;
        let batch: Vec<Value> = (0..23).map(|event| track(&format!("event-{event}"))).collect();
        let body = json!({"batch": batch, "writeKey": "key"});
        assert_eq!(spin.client.post("/v1/batch", &body).await.status, StatusCode::OK);
        // Whichever instance is asked knows it from now on.
        assert_eq!(spin.operate("POST", "/tagyard/drain").await["waiting"], 23);
        let mut one = track("one-more");
        one["writeKey"] = "key".into();
        let refused = spin.client.post("/v1/track", &one).await;
        assert_eq!(
            (refused.status, &refused.json()["code"]),
            (StatusCode::SERVICE_UNAVAILABLE, &json!("journal_full"))
        );
        assert!(refused.headers.contains_key("retry-after"));
        assert_eq!(spin.client.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
        is_up.store(true, Ordering::Relaxed);
        spin.drain_all().await;
        while spin.client.post("/v1/track", &one).await.status != StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        spin.outcomes(24).await;
        assert_eq!(ids(&vendor).len(), 24);
    }
}
