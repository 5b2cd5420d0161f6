//! Nothing lost on Spin either: vendors that are down or slow, tags that trap, instances that are ended half way.

use std::time::Duration;

use axum::response::IntoResponse;
use futures_util::future::{join, join_all};
use http::StatusCode;
use serde_json::json;
use tagyard_spin_tests::receiver::Receiver;
use tagyard_spin_tests::simple::{CONTAINER, ids, track, with_guest};
use tagyard_spin_tests::spin::{Spin, runtimes};

#[tokio::test]
async fn what_a_vendor_that_is_down_does_not_take_is_tried_again_by_the_drain() {
    for runtime in runtimes() {
        let vendor = Receiver::answering(|before, _| match before {
            0..2 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            _ => StatusCode::OK.into_response(),
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        let spin = Spin::start(&runtime, folder.path(), CONTAINER, &vendor.url()).await;
        spin.client.event(track("a")).await;
        vendor.wait_for(1).await;
        spin.wait_for_status("one event that waits", |status| status["waiting"] == 1).await;
        spin.drain_all().await;
        assert_eq!(ids(&vendor), ["a"]);
        let said = spin.outcomes(1).await;
        assert_eq!((said.len(), &*said[0].outcome, &said[0].line["attempts"]), (1, "delivered", &json!(3)));
        assert_eq!(vendor.received().len(), 3);
    }
}

#[tokio::test]
async fn what_a_vendor_refuses_is_a_dead_letter_that_can_be_listed_redriven_and_let_go() {
    for runtime in runtimes() {
        let vendor = Receiver::answering(|before, _| match before {
            0..2 => (StatusCode::UNAUTHORIZED, "who are you?").into_response(),
            _ => StatusCode::OK.into_response(),
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        let spin = Spin::start(&runtime, folder.path(), CONTAINER, &vendor.url()).await;
        for id in ["a", "b"] {
            spin.client.event(track(id)).await;
            spin.outcomes(if id == "a" { 1 } else { 2 }).await;
        }
        let dead = spin.dead().await;
        let shown: Vec<_> = dead.iter().map(|letter| (&letter["event"]["messageId"], &letter["cause"])).collect();
        assert_eq!(shown, [(&json!("a"), &json!("undeliverable")), (&json!("b"), &json!("undeliverable"))]);
        assert_eq!(dead[0]["reason"], "the vendor answered 401 Unauthorized");
        assert_eq!(dead[0]["answer"], json!({"status": 401, "body": "who are you?"}));
        assert_eq!(spin.operate("GET", "/tagyard/dead?cause=failed").await["letters"], json!([]));

        let key = dead[0]["key"].as_str().unwrap();
        spin.operate("DELETE", &format!("/tagyard/dead?key={key}")).await;
        assert_eq!(spin.operate("POST", "/tagyard/dead/redrive?tag=orders").await["redriven"], 1);
        spin.drain_all().await;
        assert_eq!((ids(&vendor), spin.dead().await), (vec!["b".to_owned()], vec![]));
        assert_eq!(spin.outcomes(3).await[2].line["again"], json!(true));
    }
}

#[tokio::test]
async fn a_slow_vendor_holds_up_no_sender() {
    for runtime in runtimes() {
        let vendor = Receiver::start_hanging(1).await;
        let folder = tempfile::tempdir().unwrap();
        let spin = Spin::start(&runtime, folder.path(), CONTAINER, &vendor.url()).await;
        spin.client.event(track("a")).await;
        vendor.wait_for(1).await;
        // The first is still on its way to the vendor, which never answers it.
        spin.client.event(track("b")).await;
        vendor.wait_for(2).await;
        spin.drain_all().await;
        let mut ids = ids(&vendor);
        ids.sort();
        assert_eq!(ids, ["a", "b"]);
    }
}

#[tokio::test]
async fn an_event_whose_instance_is_killed_half_way_is_still_there() {
    for runtime in runtimes() {
        let vendor = Receiver::start_hanging(1).await;
        let folder = tempfile::tempdir().unwrap();
        let spin = Spin::start(&runtime, folder.path(), CONTAINER, &vendor.url()).await;
        spin.client.event(track("a")).await;
        vendor.wait_for(1).await;
        spin.kill().await;
        let spin = Spin::start_again(&runtime, folder.path(), &[]).await;
        assert_eq!(spin.operate("GET", "/tagyard/status").await["waiting"], 1);
        spin.drain_all().await;
        assert_eq!(ids(&vendor), ["a"]);
    }
}

#[tokio::test]
async fn whoever_asks_how_much_waits_holds_up_no_sender() {
    for runtime in runtimes() {
        let vendor = Receiver::answering(|_, _| StatusCode::SERVICE_UNAVAILABLE.into_response()).await;
        let folder = tempfile::tempdir().unwrap();
        let spin = Spin::start(&runtime, folder.path(), CONTAINER, &vendor.url()).await;
        let send = |from: usize| (from..from + 20).map(|id| spin.client.event(track(&id.to_string())));
        let all = async {
            join_all(send(0)).await;
            // All at once, so that the same instances collect and list what waits.
            let asked = join_all((0..20).map(|_| spin.operate("GET", "/tagyard/status")));
            join(asked, join_all(send(20))).await;
        };
        tokio::time::timeout(Duration::from_secs(60), all).await.expect("it does not stand still");
        spin.wait_for_status("all of them waiting", |status| status["waiting"] == 40).await;
    }
}

#[tokio::test]
async fn an_event_that_was_written_down_and_not_answered_is_still_there_and_taken_once() {
    // Only the stand-in can be told when to die.
    let runtime = &runtimes()[0];
    let vendor = Receiver::start().await;
    let folder = tempfile::tempdir().unwrap();
    let spin = Spin::start(runtime, folder.path(), CONTAINER, &vendor.url()).await;
    spin.kill().await;
    let mut spin = Spin::start_again(runtime, folder.path(), &[("STAND_IN_DIES_AFTER_SET", "1")]).await;
    let mut event = track("a");
    event["writeKey"] = "key".into();
    let (client, body) = (spin.client.clone(), event.to_string());
    // There is no answer, which the client takes for a failure.
    let unanswered =
        tokio::spawn(
            async move { client.send("POST", "/v1/track", &[("content-type", "application/json")], body).await },
        );
    spin.ended().await;
    assert!(unanswered.await.is_err(), "it was answered");
    assert_eq!(vendor.received().len(), 0);
    let spin = Spin::start_again(runtime, folder.path(), &[]).await;
    // The client sends it again.
    spin.client.event(track("a")).await;
    spin.drain_all().await;
    assert_eq!(ids(&vendor), ["a"]);
}

#[tokio::test]
async fn a_tag_that_traps_costs_the_event_to_blame_and_no_other() {
    for runtime in runtimes() {
        let vendor = Receiver::start().await;
        let folder = tempfile::tempdir().unwrap();
        let spin = Spin::start(&runtime, folder.path(), &with_guest("trap on poison"), &vendor.url()).await;
        let mut events = ["a", "b", "c"].map(track);
        events[1]["event"] = "Poison".into();
        let batch = json!({"batch": events, "writeKey": "key"}).to_string();
        let answer = spin.client.send("POST", "/v1/batch", &[("content-type", "application/json")], batch).await;
        assert_eq!(answer.status, StatusCode::OK);
        spin.outcomes(5).await;
        spin.drain_all().await;
        let said = spin.outcomes(6).await;
        let of = |outcome: &str| said.iter().filter(|said| said.outcome == outcome).count();
        assert_eq!((of("delivered"), of("dead_letter")), (5, 1));
        let dead = spin.dead().await;
        assert_eq!(dead.len(), 1);
        assert_eq!((&dead[0]["tag"], &dead[0]["cause"]), (&json!("guest"), &json!("failed")));
        assert_eq!(dead[0]["event"]["messageId"], "b");
    }
}

#[tokio::test]
async fn a_metered_tag_that_loops_costs_the_event_to_blame_and_no_other() {
    for runtime in runtimes() {
        let vendor = Receiver::start().await;
        let folder = tempfile::tempdir().unwrap();
        let (container, metered) = (with_guest("loop on poison"), ["--metered=50"]);
        let spin = Spin::start_with(&runtime, folder.path(), &container, &vendor.url(), &metered).await;
        for (id, name) in [("a", "Ordered"), ("b", "Poison"), ("c", "Ordered")] {
            let mut event = track(id);
            event["event"] = name.into();
            spin.client.event(event).await;
        }
        // Of both tags for the others, and of the one that does not loop for this one.
        let said = spin.outcomes(5).await;
        assert!(said.iter().all(|said| said.outcome == "delivered"), "{said:?}");
        spin.drain_all().await;
        let dead = spin.dead().await;
        let shown: Vec<_> = dead.iter().map(|letter| (&letter["tag"], &letter["event"]["messageId"])).collect();
        assert_eq!(shown, [(&json!("guest"), &json!("b"))]);
        let reason = dead[0]["reason"].as_str().unwrap();
        assert!(
            reason.contains("it broke off, or used up the instructions or the memory that it may have"),
            "{reason}"
        );
        // The collector goes on.
        spin.client.event(track("d")).await;
        assert_eq!(spin.outcomes(8).await.iter().filter(|said| said.outcome == "delivered").count(), 7);
    }
}

#[tokio::test]
async fn a_component_reaches_its_vendor_only_and_follows_no_redirect() {
    for runtime in runtimes() {
        let other = Receiver::start().await;
        let to = format!("{}/elsewhere", other.url());
        let vendor = Receiver::answering(move |_, _| {
            (StatusCode::TEMPORARY_REDIRECT, [("location", to.clone())]).into_response()
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        let spin = Spin::start(&runtime, folder.path(), CONTAINER, &vendor.url()).await;
        spin.client.event(track("a")).await;
        spin.outcomes(1).await;
        let reason = spin.dead().await[0]["reason"].clone();
        assert_eq!(reason, "the vendor answered 307 Temporary Redirect; redirects are not followed");
        drop(spin);
        // The container grants what the manifest's component may not reach: the second lock holds.
        let manifest = folder.path().join("spin.toml");
        let text = std::fs::read_to_string(&manifest).unwrap();
        let hosts = format!("allowed_outbound_hosts = [\"{}\"]", vendor.url());
        let narrow = text.replace(&hosts, "allowed_outbound_hosts = [\"http://192.0.2.1\"]");
        assert_ne!(narrow, text);
        std::fs::write(&manifest, narrow).unwrap();
        let spin = Spin::start_again(&runtime, folder.path(), &[]).await;
        spin.client.event(track("b")).await;
        spin.outcomes(2).await;
        let reason = spin.dead().await[1]["reason"].clone();
        assert!(reason.as_str().unwrap().contains("allowed_outbound_hosts"), "{reason}");
        assert_eq!((vendor.received().len(), other.received().len()), (1, 0));
    }
}

#[tokio::test]
async fn the_operators_routes_are_not_there_without_the_token() {
    for runtime in runtimes() {
        let vendor = Receiver::start().await;
        let folder = tempfile::tempdir().unwrap();
        let spin = Spin::start(&runtime, folder.path(), CONTAINER, &vendor.url()).await;
        let nobodys = spin.client.post("/nowhere", &json!({})).await;
        for (method, path) in [
            ("POST", "/tagyard/drain"),
            ("GET", "/tagyard/status"),
            ("GET", "/tagyard/dead"),
            ("DELETE", "/tagyard/dead"),
        ] {
            for token in ["", "another-token-for-the-tests", "a-token-for-the-test"] {
                let answer = spin.with_token(method, path, token).await;
                assert_eq!(
                    (answer.status, &answer.json()["code"]),
                    (nobodys.status, &nobodys.json()["code"]),
                    "{path}"
                );
            }
        }
        assert_eq!(spin.client.get("/healthz").await.text(), "ok\n");
        assert_eq!(spin.client.get("/readyz").await.text(), "ready\n");
    }
}
