//! Which ids belong together is a person's datum as well.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tagyard_tests::command::Served;

use crate::{ADA, SHOP, Shop, send};

async fn linked() -> (Shop, Served) {
    let shop = Shop::new().await;
    let linking = format!("{SHOP}\n[identity]\nconsent = [\"analytics\"]\nlinks = {{}}\n");
    fs::write(shop.folder.path().join("shop.toml"), linking).unwrap();
    let served = shop.serve().await;
    let consent = json!({"consent": {"categoryPreferences": {"analytics": true}}});
    for (user, anonymous) in [("u-ada-17", "a-ada-5f0c"), ("u-bob", "a-bob")] {
        let event = json!({"type": "identify", "messageId": format!("{user}-1"), "userId": user, "anonymousId": anonymous,
            "context": consent});
        send(&served, &[event]).await;
    }
    for tag in ["never", "each", "together", "refused"] {
        shop.ended(tag, 2).await;
    }
    (shop, served)
}

async fn links_of(shop: &Shop, user: &str) -> Vec<Value> {
    let lines = shop.lines(&["export", "--user-id", user]).await;
    let links = lines.into_iter().filter(|line| line["kind"] == "link");
    links.map(|link| json!([link["anonymousId"], link["userId"]])).collect()
}

async fn forgotten(shop: &Shop) {
    assert_eq!(links_of(shop, "u-ada-17").await, [json!(["a-ada-5f0c", "u-ada-17"])]);
    let would = shop.ask(&["forget", "--user-id", "u-ada-17", "--dry-run", "--json"], 0).await.stdout;
    assert_eq!(serde_json::from_str::<Value>(&would).unwrap()["links"], 1);
    assert_eq!(links_of(shop, "u-ada-17").await.len(), 1);

    let done = shop.ask(&["forget", "--user-id", "u-ada-17", "--yes"], 0).await.stdout;
    assert!(done.contains("1 identity link removed\n"), "{done}");
    assert_eq!(links_of(shop, "u-ada-17").await, [] as [Value; 0]);
    assert_eq!(links_of(shop, "u-bob").await, [json!(["a-bob", "u-bob"])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_host_exports_and_forgets_them() {
    let (shop, served) = linked().await;
    forgotten(&shop).await;
    served.terminate().await;
    assert_eq!(shop.holding(&ADA[..2]), Vec::<PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn so_does_a_stopped_hosts_directory() {
    let (shop, served) = linked().await;
    served.terminate().await;
    forgotten(&shop).await;
    assert_eq!(shop.holding(&ADA[..2]), Vec::<PathBuf>::new());
}
