//! What is said of a folder before it is served.

use std::fs;

use tagyard_tests::command::{Ended, run};
use tempfile::TempDir;

use crate::{container, folder};

async fn command(folder: &TempDir, arguments: &[&str]) -> Ended {
    run(folder.path(), &[], arguments, "").await
}

#[tokio::test]
async fn a_folder_is_checked_as_a_whole() {
    let hosts =
        |name: &str, hosts: &str| container(name).replace("[collect]", &format!("[collect]\nhosts = [{hosts}]"));
    let check = async |one: String, other: String, expected: &[&str]| {
        let folder = folder(&[("one.toml", &one), ("two.toml", &other)]);
        let checked = command(&folder, &["check", "--plain", "containers"]).await;
        assert_eq!(checked.code, Some(1), "{checked:?}");
        for part in expected {
            assert!(checked.stderr.contains(part), "{part}: {}", checked.stderr);
        }
        // And none of it is served.
        let served = command(&folder, &["serve", "containers", "--listen", "127.0.0.1:0"]).await;
        assert_eq!(served.code, Some(1), "{served:?}");
        assert!(expected.iter().all(|part| served.stderr.contains(part)), "{}", served.stderr);
    };
    let key = container("two").replace("two-key", "one-key");
    check(container("one"), key, &["containers/two.toml:4:15: the write key `one-key` is that of containers/one.toml"])
        .await;
    check(container("one"), container("one").replace("one-key", "x"), &["two.toml:1:8: the name `one` is that of"])
        .await;
    check(
        hosts("one", "\"a.example\", \"*.b.example\""),
        hosts("two", "\"c.example\", \"*.b.example\""),
        &["containers/two.toml:4:23: the host name `*.b.example` is that of containers/one.toml"],
    )
    .await;
    check(
        hosts("one", "\"https://A.example/\""),
        container("..").replace("...example", "two.example"),
        &["`https://A.example/` is no host name (write it as `a.example`)", "`..` cannot be the name of one"],
    )
    .await;
}

#[tokio::test]
async fn a_good_folder_is_said_to_be_fine() {
    let with_host = container("shop").replace("[collect]", "[collect]\nhosts = [\"shop.example\"]");
    let folder = folder(&[("shop.toml", &with_host), ("app.toml", &container("app")), ("notes.txt", "{")]);
    let checked = command(&folder, &["check", "containers"]).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let expected = "containers/app.toml is fine: app, 1 write key, 1 tag\n\
                    containers/shop.toml is fine: shop, 1 write key at shop.example, 1 tag\n";
    assert_eq!(checked.stdout, expected);
}

#[tokio::test]
async fn what_cannot_be_served_is_said() {
    let check = async |folder: &TempDir, expected: &str| {
        let options = ["serve", "containers", "--data-dir", "data", "--listen", "127.0.0.1:0"];
        let served = command(folder, &options).await;
        assert_eq!(served.code, Some(1), "{served:?}");
        assert!(served.stderr.contains(expected), "{}", served.stderr);
    };
    check(&folder(&[]), "there is no container file in containers").await;
    let broken = folder(&[("a.toml", "name = 7")]);
    check(&broken, "none of the container files can be used").await;
    let of_one = folder(&[("a.toml", &container("a"))]);
    for part in ["journal", "outcomes"] {
        fs::create_dir_all(of_one.path().join("data").join(part)).unwrap();
    }
    check(&of_one, "data is the data directory of a single container").await;
}
