//! Which ids a person is found by.

use serde_json::{Value, json};

use crate::{Shop, send};

/// A family's tablet that three use, her phone, an alias, and an id that everybody has who blocks scripts.
fn events() -> Vec<Value> {
    let page = |number: u8, ids: Value| {
        let mut event = json!({"type": "page", "messageId": format!("m-{number}")});
        event.as_object_mut().unwrap().extend(ids.as_object().unwrap().clone());
        event
    };
    vec![
        page(1, json!({"userId": "ada", "anonymousId": "tablet"})),
        page(2, json!({"userId": "bob", "anonymousId": "tablet"})),
        page(3, json!({"anonymousId": "tablet"})),
        page(4, json!({"anonymousId": "phone"})),
        page(5, json!({"userId": "ada", "anonymousId": "phone"})),
        page(6, json!({"anonymousId": "laptop"})),
        json!({"type": "alias", "messageId": "m-7", "previousId": "laptop", "userId": "ada"}),
        page(8, json!({"userId": "bob"})),
        page(9, json!({"userId": "phone"})),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_leads_to_further_ids_but_never_to_another_person() {
    let shop = Shop::new().await;
    let served = shop.serve().await;
    send(&served, &events()).await;
    let check = async |ids: &[&str], events: u64, found: Value, shared: Value| {
        let arguments: Vec<&str> = ["forget", "--dry-run", "--json"].iter().chain(ids).copied().collect();
        let would: Value = serde_json::from_str(&shop.ask(&arguments, 0).await.stdout).unwrap();
        assert_eq!(
            (&would["events"]["records"], &would["found"], &would["shared"]),
            (&events.into(), &found, &shared),
            "{ids:?}"
        );
    };
    let ids = |users: &[&str], anonymous: &[&str]| json!({"user_ids": users, "anonymous_ids": anonymous});
    check(&["--user-id", "ada"], 5, ids(&[], &["laptop", "phone"]), json!(["tablet"])).await;
    check(&["--user-id", "ada", "--only-these-ids"], 3, ids(&[], &[]), json!([])).await;
    check(&["--anonymous-id", "phone"], 5, ids(&["ada"], &["laptop"]), json!(["tablet"])).await;
    check(&["--anonymous-id", "laptop", "--only-these-ids"], 2, ids(&[], &[]), json!([])).await;
    check(&["--user-id", "bob"], 2, ids(&[], &[]), json!(["tablet"])).await;
    // Whoever names it means it.
    check(&["--user-id", "ada", "--anonymous-id", "tablet", "--only-these-ids"], 5, ids(&[], &[]), json!([])).await;
    check(&["--user-id", "ada", "--user-id", "bob"], 8, ids(&[], &["laptop", "phone", "tablet"]), json!([])).await;
    check(&["--user-id", "nobody"], 0, ids(&[], &[]), json!([])).await;

    let said = shop.ask(&["forget", "--dry-run", "--user-id", "ada", "--anonymous-id", "tablet"], 0).await.stdout;
    assert!(said.contains("1 event of these name another user"), "{said}");
    let exported = shop.ask(&["export", "--only-these-ids", "--anonymous-id", "tablet"], 0).await;
    assert_eq!(exported.stdout.lines().filter(|line| line.contains(r#""kind":"event""#)).count(), 3);
    assert!(exported.stderr.starts_with("2 events of these name another user"), "{}", exported.stderr);
    let ended = shop.ask(&["forget", "--dry-run"], 2).await;
    assert!(ended.stderr.contains("--user-id"), "{}", ended.stderr);
    served.terminate().await;
}
