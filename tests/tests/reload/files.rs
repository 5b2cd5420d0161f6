//! How a changed container comes to be read, and what becomes of one with mistakes.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::json;
use tagyard_tests::command::{Served, run};
use tagyard_tests::guests;
use tagyard_tests::receiver::Receiver;
use tagyard_tests::top;

use crate::{folder, head, hook, page, status, status_json, wait_for_status, write};

const RELOADED: &str = "the container was reloaded";
const REFUSED: &str = "the container was not reloaded";

/// Whether a write key is taken.
async fn takes(served: &Served, key: &str) -> bool {
    let answer = served.client.post("/v1/page", &page(key, &format!("m-{key}-{}", served.log().len()), "a")).await;
    assert!([200, 401].contains(&answer.status.as_u16()), "{}", answer.text());
    answer.status == 200
}

#[tokio::test]
async fn a_hangup_swaps_write_keys_on_open_connections() {
    let receiver = Receiver::start().await;
    let folder = folder(&(head("old") + &hook("a", "1")));
    let served = Served::start(folder.path(), &[], &["shop.toml", "--no-watch", "--divert", &receiver.url()]).await;
    assert_eq!((takes(&served, "old").await, takes(&served, "new").await), (true, false));
    write(folder.path(), &(head("new") + &hook("a", "1")));
    served.signal("HUP").await;
    served.wait_for_log(RELOADED, 1).await;
    // The client keeps its connection, which was opened under the old container.
    assert_eq!((takes(&served, "old").await, takes(&served, "new").await), (false, true));
    let (exit, log) = served.terminate().await;
    assert!(exit.success(), "{log}");
}

#[tokio::test]
async fn a_changed_file_is_found() {
    // Replaced, written over, and led to by another link, as a mounted config map is.
    check(write).await;
    check(|folder, text| fs::write(folder.join("shop.toml"), text).unwrap()).await;
    check(|folder, text| {
        fs::create_dir(folder.join("v2")).unwrap();
        fs::write(folder.join("v2/shop.toml"), text).unwrap();
        symlink("v2/shop.toml", folder.join("link")).unwrap();
        fs::rename(folder.join("link"), folder.join("shop.toml")).unwrap();
    })
    .await;
}

async fn check(change: impl Fn(&Path, &str)) {
    let receiver = Receiver::start().await;
    let folder = folder(&(head("old") + &hook("a", "1")));
    let served = Served::start(folder.path(), &[], &["shop.toml", "--divert", &receiver.url()]).await;
    change(folder.path(), &(head("newer") + &hook("a", "1")));
    served.wait_for_log(RELOADED, 1).await;
    assert_eq!((takes(&served, "old").await, takes(&served, "newer").await), (false, true));
    served.terminate().await;
}

#[tokio::test]
async fn a_component_that_is_replaced_is_loaded_anew() {
    let receiver = Receiver::start().await;
    let tag = "[[tag]]\nname = \"own\"\nuse = \"./own.wasm\"\nsettings.do = \"nothing\"\nallow = { hosts = [\"a.example\"], fields = [\"type\"] }\n";
    let folder = folder(&(head("key") + tag));
    let put = |guest: &str| {
        fs::copy(guests::folder().join(guest), folder.path().join("new.wasm")).unwrap();
        fs::rename(folder.path().join("new.wasm"), folder.path().join("own.wasm")).unwrap();
    };
    put("guest_with_std.wasm");
    let served = Served::start(folder.path(), &[], &["shop.toml", "--divert", &receiver.url()]).await;
    put("guest_sends_http.wasm");
    served.wait_for_log(REFUSED, 1).await;
    assert!(served.log().contains("it opens no connection and no file"), "{}", served.log());
    // Mended without a change of the container file.
    put("guest_misbehaving.wasm");
    served.wait_for_log(RELOADED, 1).await;
    served.terminate().await;
}

#[tokio::test]
async fn a_database_of_addresses_that_is_replaced_is_read_anew() {
    let receiver = Receiver::start().await;
    let folder = folder(&(head("key") + "[geo]\nfile = \"addresses.mmdb\"\n" + &hook("a", "1")));
    let put = |database: &str| {
        fs::copy(top().join("tests/geo").join(database), folder.path().join("new.mmdb")).unwrap();
        fs::rename(folder.path().join("new.mmdb"), folder.path().join("addresses.mmdb")).unwrap();
    };
    put("GeoIP2-City-Test.mmdb");
    let served = Served::start(folder.path(), &[], &["shop.toml", "--divert", &receiver.url()]).await;
    put("GeoLite2-ASN-Test.mmdb");
    served.wait_for_log(REFUSED, 1).await;
    assert!(served.log().contains("addresses.mmdb tells no countries"), "{}", served.log());
    // The one before is still asked.
    let mut event = page("key", "m-1", "a");
    event["context"] = json!({"ip": "81.2.69.160"});
    served.client.event(event).await;
    assert_eq!(receiver.wait_for(1).await[0].json()["context"]["location"]["country"], "GB");
    put("GeoIP2-City-Test.mmdb");
    served.wait_for_log(RELOADED, 1).await;
    served.terminate().await;
}

#[tokio::test]
async fn a_container_with_mistakes_changes_nothing_and_says_why() {
    let receiver = Receiver::start().await;
    let good = head("key") + &hook("a", "1");
    let folder = folder(&good);
    let options = ["shop.toml", "--no-watch", "--divert", &receiver.url()];
    let served = Served::start(folder.path(), &[], &options).await;
    assert_eq!(status_json(folder.path()).await["failed_reload"], json!(null));
    let bad = [
        (good.replace("webhook", "webhok"), "there is no bundled tag `webhok`"),
        (good.replace("write_keys = [\"key\"]", "write_keys = [\"key"), "missing comma between array elements"),
        (good.replace("name = \"shop\"", "name = \"store\""), "named `shop` and the changed file names it `store`"),
        (format!("{good}secrets.token = {{ env = \"NOT_SET\" }}\n"), "shop.toml:"),
    ];
    for (number, (text, reason)) in bad.iter().enumerate() {
        write(folder.path(), text);
        served.signal("HUP").await;
        served.wait_for_log(REFUSED, number + 1).await;
        let failed = status_json(folder.path()).await["failed_reload"]["reason"].as_str().unwrap().to_owned();
        assert!(failed.contains(reason), "{failed}");
        // What `check` says, where it finds anything.
        let checked = run(folder.path(), &[], &["check", "--plain", "shop.toml"], "").await;
        assert!(checked.code == Some(0) || checked.stderr.trim_end() == failed.trim_end(), "{}", checked.stderr);
        let shown = status(folder.path(), &[]).await.stdout;
        assert!(shown.contains("THE CONTAINER ON DISK WAS NOT TAKEN") && shown.contains(reason), "{shown}");
        served.client.event(page("key", &format!("m-{number}"), "a")).await;
    }
    assert_eq!(receiver.wait_for(bad.len()).await.len(), bad.len());
    fs::remove_file(folder.path().join("shop.toml")).unwrap();
    served.signal("HUP").await;
    served.wait_for_log("cannot read it", 1).await;

    write(folder.path(), &good);
    served.signal("HUP").await;
    wait_for_status(folder.path(), "forgotten", |status| status["failed_reload"].is_null()).await;
    let metrics = served.client.get("/metrics").await.text();
    assert!(metrics.contains("tagyard_reloads_total{result=\"refused\"} 5"), "{metrics}");
    assert!(metrics.contains("tagyard_reloads_total{result=\"taken\"} 1"), "{metrics}");
    served.terminate().await;
}

#[tokio::test]
async fn a_hangup_just_before_a_stop_hinders_neither() {
    let receiver = Receiver::start().await;
    let folder = folder(&(head("key") + &hook("a", "1")));
    for number in 1..=3 {
        let served = Served::start(folder.path(), &[], &["shop.toml", "--divert", &receiver.url()]).await;
        served.client.event(page("key", &format!("m-{number}"), "a")).await;
        served.signal("HUP").await;
        let (exit, log) = served.terminate().await;
        assert!(exit.success(), "{log}");
    }
    let served = Served::start(folder.path(), &[], &["shop.toml", "--divert", &receiver.url()]).await;
    receiver.wait_for(3).await;
    served.terminate().await;
    assert_eq!(receiver.received().len(), 3);
}
