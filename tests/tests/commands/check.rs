//! `tagyard check`.

use tagyard_tests::command::run;
use tagyard_tests::top;

use crate::{HOOK, folder, run_with};

const MISTAKES: &str = r#"name = "shop"
colour = "red"

[collect]
write_keys = "key"

[[tag]]
name = "one"
use = "ga5"

[[tag]]
name = "two"
use = "webhook"
settings = { url = 7 }
when = "event.properties.revenue >"

[[tag]]
name = "three"
use = "ga4"
settings = { measurement_id = "G-ABC123" }
secrets = { api_secret = { env = "NOT_SET" } }
"#;

#[tokio::test]
async fn a_container_without_mistakes_is_told_back() {
    let ended = run_with(&[("shop.toml", HOOK)], &["check", "shop.toml"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    for said in [
        "shop.toml is fine",
        "container shop: 1 write key, 1 tag",
        "hook (webhook ",
        "hooks.example",
        "every event",
        "none needed",
    ] {
        assert!(ended.stdout.contains(said), "{said} is not in\n{}", ended.stdout);
    }
}

#[tokio::test]
async fn how_visitors_are_found_out_about_is_told_back() {
    let text = HOOK.replace("origins = [\"*\"]", "proxies = { trusted = [\"10.0.0.0/8\"] }");
    let more = "\n[geo]\nfile = \"city.mmdb\"\nedge = \"cloudflare\"\n[consent.ads]\ndefault = \"given\"\ndefault_in = { EEA = \"denied\" }\n";
    let folder = folder(&[("shop.toml", &(text + more))]);
    std::fs::copy(top().join("tests/geo/GeoIP2-City-Test.mmdb"), folder.path().join("city.mmdb")).unwrap();
    let ended = run(folder.path(), &[], &["check", "shop.toml"], "").await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    for said in [
        "where requests come from is what 10.0.0.0/8 says in X-Forwarded-For",
        "visitors' country and region by Cloudflare's headers, else by city.mmdb (GeoIP2-City of 20",
        "consent to ads, where no signal speaks of it: denied in EEA, given elsewhere",
    ] {
        assert!(ended.stdout.contains(said), "{said} is not in\n{}", ended.stdout);
    }
}

#[tokio::test]
async fn every_mistake_is_found_at_once_with_its_place_and_its_fix() {
    let ended = run_with(&[("shop.toml", MISTAKES)], &["check", "--plain", "shop.toml"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    let lines: Vec<&str> = ended.stderr.lines().collect();
    let expected = [
        ("shop.toml:2:1: ", "`colour`"),
        ("shop.toml:5:14: ", "array"),
        ("shop.toml:9:7: ", "did you mean `ga4`?"),
        ("shop.toml:13:7: ", "allow = { hosts"),
        ("shop.toml:14:20: ", "string"),
        ("shop.toml:15:", "expression"),
        ("shop.toml:21:34: ", "`NOT_SET` is not set"),
    ];
    assert_eq!(lines.len(), expected.len() + 1, "{}", ended.stderr);
    for (line, (place, about)) in lines.iter().zip(expected) {
        assert!(line.starts_with(place) && line.contains(about), "{place} {about}: {line}");
    }
    assert_eq!(lines[expected.len()], "7 problems in shop.toml");
}

#[tokio::test]
async fn a_person_is_shown_the_lines_themselves() {
    let ended = run_with(&[("shop.toml", MISTAKES)], &["check", "shop.toml"]).await;
    assert_eq!(ended.code, Some(1));
    for said in ["colour = \"red\"", "shop.toml:2:1", "did you mean `ga4`?", "7 problems in shop.toml"] {
        assert!(ended.stderr.contains(said), "{said} is not in\n{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_secret_that_is_set_is_no_mistake() {
    let folder = folder(&[("shop.toml", &format!("{HOOK}\nsecrets = {{ token = {{ env = \"TOKEN\" }} }}\n"))]);
    let check = async |env: &[(&str, &str)]| run(folder.path(), env, &["check", "shop.toml"], "").await.code;
    assert_eq!(check(&[]).await, Some(1));
    assert_eq!(check(&[("TOKEN", "")]).await, Some(1));
    assert_eq!(check(&[("TOKEN", "sesame")]).await, Some(0));
}

#[tokio::test]
async fn a_file_that_is_not_there_is_said_to_be() {
    let ended = run_with(&[], &["check", "--plain", "shop.toml"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("shop.toml") && ended.stderr.contains("No such file"), "{}", ended.stderr);
}
