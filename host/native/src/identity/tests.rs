#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::fs;

use tempfile::TempDir;

use super::*;

const NO_LIMITS: Limits = Limits { days: 400, max: 1_000 };

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_255_200 + second).unwrap()
}

fn link(anonymous: &str, user: &str) -> Link {
    Link { anonymous_id: anonymous.to_owned(), user_id: user.to_owned() }
}

fn user(id: &str) -> Who {
    Who::User(id.to_owned())
}

fn anonymous(id: &str) -> Who {
    Who::Anonymous(id.to_owned())
}

fn check(store: &Store, who: &Who, expected: Option<&str>) {
    assert_eq!(store.other(who).unwrap().as_deref(), expected, "{who:?}");
}

#[test]
fn either_id_leads_to_the_other() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).unwrap();
    store.keep(&[link("phone", "jo"), link("laptop", "al")], at(0), NO_LIMITS).unwrap();
    store.keep(&[link("tablet", "jo")], at(1), NO_LIMITS).unwrap();
    check(&store, &anonymous("phone"), Some("jo"));
    check(&store, &anonymous("tablet"), Some("jo"));
    // The device that was seen last.
    check(&store, &user("jo"), Some("tablet"));
    store.keep(&[link("phone", "jo")], at(2), NO_LIMITS).unwrap();
    check(&store, &user("jo"), Some("phone"));
    // A shared device: the last login counts, and the one before has the other devices left.
    store.keep(&[link("phone", "al")], at(3), NO_LIMITS).unwrap();
    check(&store, &anonymous("phone"), Some("al"));
    check(&store, &user("jo"), Some("tablet"));
    check(&store, &user("al"), Some("phone"));
    check(&store, &user("j"), None);
    check(&store, &anonymous("jo"), None);
    assert_eq!(store.count().unwrap(), 3);
    drop(store);
    check(&Store::open(folder.path()).unwrap(), &anonymous("laptop"), Some("al"));
}

#[test]
fn links_end_by_age_and_number() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let limits = Limits { days: 1, max: 3 };
    for (second, id) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
        store.keep(&[link(id, "u")], at(second as i64), limits).unwrap();
    }
    assert_eq!(store.count().unwrap(), 3);
    check(&store, &anonymous("b"), None);
    check(&store, &anonymous("c"), Some("u"));
    assert!(!store.expire(at(86_400 + 3), limits).unwrap());
    assert_eq!(store.count().unwrap(), 2);
    check(&store, &anonymous("c"), None);
    store.expire(at(2 * 86_400), limits).unwrap();
    assert_eq!(store.count().unwrap(), 0);
    check(&store, &user("u"), None);
}

#[test]
fn what_is_forgotten_is_gone_from_the_file() {
    let folder = TempDir::new().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    let many: Vec<Link> = (0..200).map(|n| link(&format!("device-{n}"), &format!("user-{n}"))).collect();
    store.keep(&many, at(0), NO_LIMITS).unwrap();
    store
        .keep(&[link("jos-phone", "jo-doe"), link("jos-tablet", "jo-doe"), link("als-phone", "al")], at(1), NO_LIMITS)
        .unwrap();
    // One that went before leaves nothing either.
    store.keep(&[link("jos-phone", "jo-before"), link("jos-phone", "jo-doe")], at(2), NO_LIMITS).unwrap();

    let found = store.forget(&[user("jo-doe"), anonymous("nobodys"), user("jo-before")]).unwrap();
    let mut ids: Vec<&str> = found.iter().map(|link| link.anonymous_id.as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["jos-phone", "jos-tablet"]);
    assert_eq!(store.of(&[user("jo-doe"), anonymous("jos-phone")]).unwrap(), []);
    let others = store.of(&[anonymous("als-phone"), user("al")]).unwrap();
    assert_eq!(others, [KeptLink { anonymous_id: "als-phone".to_owned(), user_id: "al".to_owned(), seen_at: at(1) }]);
    assert_eq!(store.count().unwrap(), 201);
    // It goes on where it is.
    store.keep(&[link("new", "user")], at(3), NO_LIMITS).unwrap();
    drop(store);
    let files: Vec<_> =
        fs::read_dir(folder.path().join("identity")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files, [folder.path().join("identity").join("links.redb")]);
    let bytes = String::from_utf8_lossy(&fs::read(&files[0]).unwrap()).into_owned();
    assert!(bytes.contains("als-phone") && bytes.contains("device-7"));
    assert!(!bytes.contains("jos-") && !bytes.contains("jo-"));
    check(&Store::open(folder.path()).unwrap(), &anonymous("new"), Some("user"));
}

/// Links that are open: who waits for the disk until then gets no answer.
async fn opened(folder: &TempDir) -> Links {
    drop(Store::open(folder.path()).unwrap());
    let links = Links::new(folder.path());
    links.open(NO_LIMITS);
    links.of(vec![anonymous("nobody")]).await.unwrap();
    links
}

#[tokio::test]
async fn what_was_kept_is_known_to_the_next_question_and_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let links = opened(&folder).await;
    links.keep(vec![link("a", "u")], at(0));
    assert_eq!(
        links.known(vec![anonymous("a"), user("nobody")]).await,
        Known::from([(anonymous("a"), "u".to_owned())])
    );
    links.keep(vec![link("b", "v")], at(0));
    links.close().await;
    let links = opened(&folder).await;
    assert_eq!(links.known(vec![user("v")]).await, Known::from([(user("v"), "b".to_owned())]));
    assert_eq!(links.forget(vec![user("v")]).await.unwrap().len(), 1);
    assert_eq!(links.of(vec![anonymous("b")]).await.unwrap(), []);
    assert_eq!(links.known(vec![user("v")]).await, Known::new());
}

#[tokio::test]
async fn a_file_that_cannot_be_used_costs_its_links_only() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("identity")).unwrap();
    fs::write(folder.path().join("identity").join("links.redb"), "no links").unwrap();
    let links = Links::new(folder.path());
    links.open(NO_LIMITS);
    links.keep(vec![link("a", "u")], at(0));
    assert_eq!(links.known(vec![anonymous("a")]).await, Known::new());
    let error = links.of(vec![anonymous("a")]).await.unwrap_err().to_string();
    assert!(error.contains("links.redb: ") && error.ends_with("remove it to begin anew"), "{error}");
    // Nothing was ever kept here.
    let folder = TempDir::new().unwrap();
    assert_eq!(Links::new(folder.path()).forget(vec![anonymous("a")]).await.unwrap(), []);
    assert!(!folder.path().join("identity").exists());
}
