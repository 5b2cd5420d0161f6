//! Nothing of one container is seen in another.

use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::Value;
use tagyard_tests::command::{Served, run};
use tagyard_tests::receiver::{Received, Receiver};

use crate::{container, folder, take};

/// Two containers with a tag of the same name, a secret of the same name, and events with the same ids.
fn pair() -> [(&'static str, String); 2] {
    let ga4 = |name: &str| {
        format!(
            "{}\n[[tag]]\nname = \"ga4\"\nuse = \"ga4\"\nsettings = {{ measurement_id = \"G-{name}\" }}\n\
             secrets = {{ api_secret = {{ env = \"SECRET_{name}\" }} }}\n",
            container(name)
        )
    };
    [("one.toml", ga4("ONE")), ("two.toml", ga4("TWO"))]
}

#[tokio::test]
async fn events_secrets_and_dead_letters_are_one_container_s() {
    let answer = |_: usize, request: &Received| match request.host.as_str() {
        "one.example" => (StatusCode::BAD_REQUEST, "no").into_response(),
        _ => StatusCode::OK.into_response(),
    };
    let receiver = Receiver::answering(answer).await;
    let files = pair();
    let folder = folder(&files.each_ref().map(|(name, text)| (*name, text.as_str())));
    let env = [("SECRET_ONE", "first-secret"), ("SECRET_TWO", "second-secret")];
    let options = ["containers", "--data-dir", "data", "--divert", &receiver.url()];
    let served = Served::start(folder.path(), &env, &options).await;
    // The same id in both: neither is a duplicate of the other.
    take(&served, "ONE-key", "m-1").await;
    take(&served, "TWO-key", "m-1").await;
    take(&served, "TWO-key", "m-2").await;

    // One container's two events may share a request to GA4.
    let received = receiver.wait_for(5).await;
    for (secret, other, id) in [("first-secret", "second-secret", "G-ONE"), ("second-secret", "first-secret", "G-TWO")]
    {
        let with: Vec<&Received> = received.iter().filter(|request| request.path.contains(secret)).collect();
        assert!(!with.is_empty(), "{received:#?}");
        assert!(with.iter().all(|request| request.path.contains(id) && !request.path.contains(other)), "{with:#?}");
    }
    for (container, letters, ids) in [("ONE", 1, vec!["m-1"]), ("TWO", 0, vec!["m-1", "m-2"])] {
        let data = format!("data/{container}");
        let dead = until(&folder, &["dead", "list", "--json", "--data-dir", &data], letters).await;
        assert!(dead.iter().all(|letter| letter["tag"] == "hook"), "{dead:?}");
        let events = until(&folder, &["events", "export", "--data-dir", &data], ids.len()).await;
        let found: Vec<&str> = events.iter().map(|event| event["event"]["messageId"].as_str().unwrap()).collect();
        assert_eq!(found, ids, "{events:#?}");
        let keys: Vec<&Value> = events.iter().map(|event| &event["event"]["writeKey"]).collect();
        assert!(keys.iter().all(|key| key.is_null()), "{keys:?}");
    }
    let (_, log) = served.terminate().await;
    assert!(!log.contains("first-secret") && !log.contains("second-secret"), "{log}");
}

/// What a command prints, a JSON object a line, once it is as many.
async fn until(folder: &tempfile::TempDir, arguments: &[&str], count: usize) -> Vec<Value> {
    let mut lines = Vec::new();
    for _ in 0..300 {
        let ended = run(folder.path(), &[], arguments, "").await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        lines = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        if lines.len() >= count {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(lines.len(), count, "{arguments:?}: {lines:#?}");
    lines
}

#[tokio::test]
async fn one_container_s_limits_are_its_own() {
    let receiver = Receiver::start().await;
    let slow = container("slow").replace("[collect]", "[collect]\nevents_per_second = 1");
    let folder = folder(&[("slow.toml", &slow), ("other.toml", &container("other"))]);
    let options = ["containers", "--data-dir", "data", "--divert", &receiver.url()];
    let served = Served::start(folder.path(), &[], &options).await;
    let mut refused = 0;
    for number in 0..20 {
        let answer = crate::send(&served, "localhost", "slow-key", &format!("s-{number}")).await;
        refused += usize::from(answer.status == 429);
        take(&served, "other-key", &format!("o-{number}")).await;
    }
    assert!(refused > 0);
    served.terminate().await;
}
