//! What a person gets to see, and that it is nobody else's.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::{Shop, visits};

fn of<'l>(lines: &'l [Value], kind: &str) -> Vec<&'l Value> {
    lines.iter().filter(|line| line["kind"] == kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_of_one_person_is_exported_and_nothing_of_another() {
    let shop = Shop::new().await;
    let served = shop.serve().await;
    visits(&served).await;
    for tag in ["each", "together", "refused"] {
        shop.ended(tag, 5).await;
    }
    let lines = shop.lines(&["export", "--user-id", "u-ada-17"]).await;
    assert!(!format!("{lines:?}").contains("bob"), "{lines:#?}");
    assert_eq!(lines[0]["kind"], "person");
    assert_eq!(lines[0]["found"], json!({"user_ids": [], "anonymous_ids": ["a-ada-5f0c"]}));

    let events = of(&lines, "event");
    let ids: Vec<&Value> = events.iter().map(|event| &event["event"]["messageId"]).collect();
    assert_eq!(ids, ["m-ada-1", "m-ada-2", "m-ada-3"]);
    assert_eq!(events[1]["event"]["traits"]["email"], "ada@example.com");
    assert_eq!(events[1]["outcomes"]["each"]["outcome"], "delivered");
    assert_eq!(events[1]["outcomes"]["refused"]["outcome"], "dead_letter");

    let each: Vec<&Value> = of(&lines, "request").into_iter().filter(|line| line["tag"] == "each").collect();
    assert_eq!(each.len(), 3);
    assert!(each[0]["request"]["body"]["text"].as_str().unwrap().contains("m-ada-"), "{each:?}");
    for shared in of(&lines, "shared_request") {
        assert_eq!((&shared["tag"], &shared["status"]), (&json!("together"), &json!(200)));
        assert!(shared.get("request").is_none() && shared["events"].as_array().unwrap().iter().all(|at| *at != 2));
    }
    let letters = of(&lines, "dead_letter");
    assert_eq!(letters.len(), 4, "three were refused, and one is no event");
    assert!(letters.iter().any(|letter| letter["tag"].is_null() && letter["event"]["messageId"] == "m-ada-4"));
    assert!(letters.iter().filter(|letter| letter["tag"] == "refused").all(|letter| letter["request"].is_object()));

    // The same from the directory alone, into a file that is for its owner.
    served.terminate().await;
    let ended = shop.ask(&["export", "--user-id", "u-ada-17", "-o", "ada.jsonl"], 0).await;
    let requests = of(&lines, "request").len() + of(&lines, "shared_request").len();
    assert!(
        ended.stderr.starts_with(&format!("3 events, {requests} requests and 4 dead letters written")),
        "{}",
        ended.stderr
    );
    let file = shop.folder.path().join("ada.jsonl");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_to_string(file).unwrap().lines().count(), lines.len());
    let nobody = shop.ask(&["export", "--user-id", "u-nobody"], 0).await;
    assert_eq!((nobody.stdout.lines().count(), nobody.stderr.as_str()), (1, "nothing is held about this person\n"));
}
