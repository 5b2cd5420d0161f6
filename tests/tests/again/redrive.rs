//! `dead redrive` and `dead drop`.

use serde_json::Value;

use crate::{Shop, send, until};

const LIST: &[&str] = &["dead", "list"];

fn lines(count: usize) -> impl Fn(&str) -> bool {
    move |text| text.lines().filter(|line| line.contains("  hook  ")).count() == count
}

#[tokio::test]
async fn what_a_vendor_refused_is_delivered_once_it_takes_it() {
    let shop = Shop::new(true).await;
    let served = shop.serve(&["hook", "other"]).await;
    send(&served, &["a", "b", "c"]).await;
    until(&shop, LIST, |text| text.lines().count() == 6).await;

    let refused = shop.ask(&["dead", "redrive"], 2).await;
    assert!(refused.stderr.contains("--all for all of them"), "{}", refused.stderr);
    assert_eq!(shop.ask(&["dead", "redrive", "99"], 1).await.stdout, "there is no dead letter 99\n");
    // It is refused once more, and has a letter of its own for that.
    shop.says(&["dead", "redrive", "--tag", "hook"], "3 events run again for `hook`\ndead 3\n").await;
    let listed = shop.ask(LIST, 0).await.stdout;
    assert!(lines(3)(&listed) && listed.lines().count() == 6, "{listed}");

    shop.accept();
    let before = shop.vendor.received().len();
    shop.says(&["dead", "redrive", "--tag", "hook"], "3 events run again for `hook`\ndelivered 3\n").await;
    assert_eq!(shop.received("hook", before, 3).await, ["a", "b", "c"]);
    shop.says(&["dead", "redrive", "--tag", "hook"], "no dead letters match\n").await;
    assert!(lines(0)(&shop.ask(LIST, 0).await.stdout));

    shop.says(&["dead", "drop", "--tag", "other", "--cause", "undeliverable"], "3 letters of `other` dropped\n").await;
    shop.says(LIST, "no dead letters\n").await;
    let settled = shop.ask(&["dead", "list", "--settled"], 0).await.stdout;
    let count = |how: &str| settled.lines().filter(|line| line.contains(how)).count();
    assert_eq!((count("(redriven 20"), count("(dropped 20")), (6, 3), "{settled}");
    let number = settled.split_whitespace().next().unwrap();
    let said = format!("letter {number} was settled before\n");
    shop.says(&["dead", "redrive", number], &said).await;
    let shown: Value = serde_json::from_str(&shop.ask(&["dead", "show", number], 0).await.stdout).unwrap();
    assert!(["redriven", "dropped"].contains(&shown["settled"]["how"].as_str().unwrap()), "{shown}");
    served.terminate().await;
}

#[tokio::test]
async fn an_event_that_no_tag_could_run_stays() {
    let shop = Shop::new(false).await;
    let served = shop.serve(&["hook"]).await;
    let batch = serde_json::json!({"writeKey": "key", "batch": [{"type": "track", "userId": "u"}]});
    served.client.post("/v1/batch", &batch).await;
    until(&shop, LIST, |text| text.contains("(no tag)")).await;
    let said = shop.ask(&["dead", "redrive", "--all"], 0).await.stdout;
    assert!(said.starts_with("1 letter left as they are: no source could take the event"), "{said}");
    assert!(shop.ask(LIST, 0).await.stdout.contains("(no tag)"));
    shop.says(&["dead", "drop", "1"], "1 letter of no tag dropped\n").await;
    shop.says(LIST, "no dead letters\n").await;
    served.terminate().await;
}

/// What the command promised is on disk when it returns.
#[tokio::test]
async fn a_redrive_outlives_a_kill() {
    let shop = Shop::new(true).await;
    let served = shop.serve(&["hook"]).await;
    send(&served, &["a", "b", "c", "d"]).await;
    until(&shop, LIST, lines(4)).await;
    // Where nobody listens, a delivery is tried again and again: none of them can end before the kill.
    let vendor = shop.vendor.url();
    served.terminate().await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let options = ["shop.toml", "--data-dir", "data", "--divert", &format!("http://{nobody}")];
    let served = tagyard_tests::command::Served::start(shop.folder.path(), &[], &options).await;
    shop.says(&["dead", "redrive", "--all", "--no-wait"], "4 events run again for `hook`\n").await;
    served.kill().await;
    shop.says(LIST, "no dead letters\n").await;

    shop.accept();
    assert_eq!(shop.vendor.url(), vendor);
    let served = shop.serve(&["hook"]).await;
    assert_eq!(shop.received("hook", 4, 4).await, ["a", "b", "c", "d"]);
    served.terminate().await;
    // And they are not run once more by the next start.
    let served = shop.serve(&["hook"]).await;
    send(&served, &["e"]).await;
    assert_eq!(shop.received("hook", 8, 1).await, ["e"]);
    served.terminate().await;
    assert_eq!(shop.vendor.received().len(), 9);
}

#[tokio::test]
async fn a_stopped_hosts_letters_are_redriven_by_its_next_start() {
    let shop = Shop::new(true).await;
    let served = shop.serve(&["hook", "gone"]).await;
    send(&served, &["a", "b"]).await;
    until(&shop, LIST, lines(2)).await;
    until(&shop, LIST, |text| text.lines().count() == 4).await;
    served.terminate().await;
    // A tag that is not in the container any more.
    shop.serve(&["hook"]).await.terminate().await;

    let said = shop.ask(&["dead", "redrive", "--all"], 0).await.stdout;
    let expected = "2 events run again for `hook`, when the host starts\n\
                    2 letters left as they are: their tag `gone` is not in the container\n";
    assert_eq!(said, expected);
    assert!(lines(0)(&shop.ask(LIST, 0).await.stdout));
    shop.accept();
    let served = shop.serve(&["hook"]).await;
    assert_eq!(shop.received("hook", 4, 2).await, ["a", "b"]);
    served.terminate().await;
}

#[tokio::test]
async fn a_folder_that_is_no_data_directory_is_told() {
    let shop = Shop::new(false).await;
    for command in [&["dead", "redrive", "--all"][..], &["dead", "drop", "--all"]] {
        let said = shop.ask(command, 1).await.stderr;
        assert!(said.contains("data is no data directory"), "{said}");
    }
    std::fs::create_dir(shop.folder.path().join("data")).unwrap();
    let said = shop.ask(&["dead", "redrive", "--all"], 1).await.stderr;
    assert!(said.contains("start the host on it once"), "{said}");
}

/// A dead letter outlives its event in the journal, and has it whole.
#[tokio::test]
async fn an_event_that_the_journal_let_go_of_is_put_back_for_its_tag_alone() {
    let shop = Shop::new(true).await;
    let served = shop.serve(&["hook"]).await;
    for (letters, id) in [(1, "a"), (2, "b")] {
        send(&served, &[id]).await;
        until(&shop, LIST, lines(letters)).await;
    }
    served.terminate().await;
    for file in std::fs::read_dir(shop.folder.path().join("data/journal")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "log") {
            std::fs::remove_file(path).unwrap();
        }
    }
    shop.accept();
    let said = |count: &str, when: &str| {
        format!("{count} put back for `hook`, since the journal had let go of it: run as new{when}\n")
    };
    shop.says(&["dead", "redrive", "1"], &said("1 event", ", when the host starts")).await;
    let served = shop.serve(&["hook", "other"]).await;
    assert_eq!(shop.received("hook", 2, 1).await, ["a"]);
    shop.says(&["dead", "redrive", "--all"], &said("1 event", "")).await;
    assert_eq!(shop.received("hook", 3, 1).await, ["b"]);
    // The other tag has passed both when it has this one.
    send(&served, &["c"]).await;
    assert_eq!(shop.received("other", 4, 2).await, ["c"]);
    shop.says(LIST, "no dead letters\n").await;
    served.terminate().await;
    assert_eq!(shop.vendor.received().len(), 6);
}
