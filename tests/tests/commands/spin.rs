//! `tagyard spin`.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tagyard::registry;
use tagyard_tests::command::{Ended, run};
use tagyard_tests::{guests, top};
use tempfile::TempDir;

use crate::{HOOK, folder};

/// Whatever Spin, or the collector there, does not have; each is in a line of its own.
const REFUSED: &str = r#"
name = "shop"

[collect]
write_keys = ["key"]
events_per_second = 100

[[collect.webhook]]
path = "/hooks/orders"
key = { header = "X-Key", env = "Drain_Token" }
set = { type = "'track'", event = "'x'", userId = "'u'" }

[identity]
consent = ["analytics"]
campaign = true
links = {}

[[tag]]
name = "a.b"
use = "webhook"
settings = { url = "https://hooks.example/events" }

[tag.secrets]
token = { env = "HOOKS__TOKEN" }

[tag.allow]
fields = ["*"]
private_network = true
hosts = [
    "hooks.example",
    "*.hooks.example",
    "collector.spin.internal",
    "10.0.0.7",
    "app.localhost:8080",
]

[[tag]]
name = "A-B"
use = "ga4"
settings = { measurement_id = "G-ABC123" }

[tag.secrets]
api_secret = { env = "GA4_API_SECRET" }

[tag.allow]
fields = ["type", "event"]
hosts = [
    "www.google-analytics.com",
    "region1.google-analytics.com",
    "elsewhere.example",
]
"#;

/// Runs `tagyard spin` on the container `shop.toml` in a folder, with files in the place of collector and adapter.
async fn spin(folder: &Path, options: &[&str]) -> Ended {
    let host = folder.join("host");
    fs::create_dir_all(&host).unwrap();
    for file in ["tagyard_collector.wasm", "tagyard_adapter.wasm"] {
        fs::File::options().append(true).create(true).open(host.join(file)).unwrap();
    }
    let arguments = ["spin", "--plain", "--calls", "2", "shop.toml", "--host", "host"];
    run(folder, &[], &[&arguments, options].concat(), "").await
}

fn manifest(folder: &TempDir) -> Value {
    let text = fs::read_to_string(folder.path().join("spin.toml")).unwrap();
    serde_json::to_value(toml::from_str::<toml::Table>(&text).unwrap()).unwrap()
}

#[tokio::test]
async fn the_manifest_at_the_top_is_that_of_the_example() {
    let ended = run(&top(), &[], &["spin", "examples/shop.toml", "--calls", "2"], "").await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let checked_in = fs::read_to_string(top().join("spin.toml")).unwrap();
    assert_eq!(ended.stdout, checked_in, "run `tagyard spin examples/shop.toml -o spin.toml`");
}

#[tokio::test]
async fn what_spin_cannot_hold_is_refused_at_its_place() {
    let folder = folder(&[("shop.toml", REFUSED)]);
    let ended = spin(folder.path(), &["-o", "spin.toml"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    let expected = [
        ("6:21", "no instance sees the requests of the others"),
        ("10:33", "opens the collector's routes"),
        ("16:1", "which ids belong to one person"),
        ("24:17", "`hooks__token` is no name of a variable"),
        ("28:19", "cannot tell which component may reach private addresses"),
        ("31:5", "wider than what `webhook` asks for"),
        ("32:5", "a component of the application itself"),
        ("33:5", "a private address"),
        ("34:5", "a private address"),
        ("38:8", "both this tag and `a.b` would be the component `tag-a-b`"),
        ("50:5", "`ga4` does not ask for this host"),
    ];
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), expected.len() + 1, "{}", ended.stderr);
    for (line, (place, about)) in lines.iter().zip(expected) {
        assert!(line.starts_with(&format!("shop.toml:{place}: ")) && line.contains(about), "{place} {about}: {line}");
    }
    assert!(!folder.path().join("spin.toml").exists());
}

#[tokio::test]
async fn a_database_of_addresses_is_refused() {
    let folder = folder(&[("shop.toml", &format!("{HOOK}\n[geo]\nfile = \"city.mmdb\"\n"))]);
    fs::copy(top().join("tests/geo/GeoIP2-City-Test.mmdb"), folder.path().join("city.mmdb")).unwrap();
    let ended = spin(folder.path(), &["-o", "spin.toml"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.starts_with("shop.toml:15:8: there are no files on Spin"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_tag_that_has_not_passed_goes_nowhere() {
    let misbehaving = guests::folder().join("guest_misbehaving.wasm").display().to_string();
    let sockets = guests::folder().join("guest_opens_connections.wasm").display().to_string();
    let http = guests::folder().join("guest_sends_http.wasm").display().to_string();
    let container = |uses: &str, deed: &str| {
        HOOK.replace("\"webhook\"", &format!("{uses:?}")).replace(
            "settings = { url = \"https://hooks.example/events\" }",
            &format!("settings = {{ do = {deed:?} }}"),
        )
    };
    for (uses, deed, about) in [
        (&misbehaving, "loop", "`misbehaving` has not passed its check with made-up call 1 of seed 1: it did not end"),
        (&misbehaving, "trap", "it broke off"),
        (&misbehaving, "take everything", "more memory"),
        (&sockets, "x", "wasi:sockets"),
        (&http, "x", "wasi:http"),
    ] {
        let folder = folder(&[("shop.toml", &container(uses, deed))]);
        let ended = spin(folder.path(), &["-o", "spin.toml"]).await;
        assert_eq!(ended.code, Some(1), "{deed}");
        let line = ended.stderr.lines().find(|line| line.starts_with("shop.toml:10:7: ")).unwrap_or_default();
        assert!(line.contains(about), "{deed}: {}", ended.stderr);
        assert!(!folder.path().join("spin.toml").exists() && !folder.path().join("target").exists());
    }
}

#[tokio::test]
async fn a_manifest_holds_what_the_readme_of_the_host_says() {
    let container = HOOK
        .replace("origins = [\"*\"]", "origins = [\"*\"]\nwebhook = [{ path = \"/hooks/x\", signature = { header = \"X-S\", env = \"SHOP_KEY\" }, set = { type = \"'track'\", event = \"'{{{x'\", userId = \"'u'\" } }]")
        .replace("name = \"hook\"", "name = \"Hook.2nd\"\nsecrets = { token = { env = \"HOOK_TOKEN\" } }")
        .replace("events\" }", "events\", headers = { x-key = \"{{secret:token}}\" } }")
        .replace("hosts = [\"hooks.example\"]", "plain_http = true, hosts = [\"hooks.example\", \"other.example:8080\"]");
    let folder = folder(&[("shop.toml", &container)]);
    let ended = spin(folder.path(), &["-o", "spin.toml"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("SPIN_VARIABLE_DRAIN_TOKEN, SPIN_VARIABLE_HOOK_TOKEN, SPIN_VARIABLE_SHOP_KEY"));
    let manifest = manifest(&folder);
    let secret = json!({ "required": true, "secret": true });
    assert_eq!(manifest["variables"], json!({ "drain_token": secret, "hook_token": secret, "shop_key": secret }));
    assert_eq!(
        manifest["trigger"]["http"],
        json!([
            { "route": "/...", "component": "collector" },
            { "route": { "private": true }, "component": "tag-hook-n2nd" },
        ])
    );
    let collector = &manifest["component"]["collector"];
    assert_eq!(collector["allowed_outbound_hosts"], json!(["http://tag-hook-n2nd.spin.internal"]));
    assert_eq!(collector["key_value_stores"], json!(["default"]));
    assert_eq!(collector["variables"]["drain_token"], "{{ drain_token }}");
    assert_eq!(collector["variables"]["secret_shop_key"], "{{ shop_key }}");
    assert_eq!(collector["build"]["watch"], json!(["shop.toml"]));
    let text = collector["variables"]["container"].as_str().unwrap();
    assert!(!text.contains("{{"), "Spin would take it for a template: {text}");
    let deployed: Value = serde_json::from_str(text).unwrap();
    assert_eq!(deployed["tags"], json!({ "Hook.2nd": { "component": "tag-hook-n2nd", "max_batch": 100 } }));
    assert_eq!(deployed["container"]["collect"]["webhook"][0]["set"]["event"], "'{{{x'");
    let tag = &deployed["container"]["tag"][0];
    assert_eq!(tag["settings"]["headers"]["x-key"], "{{secret:token}}");
    assert_eq!(tag["settings"]["method"], "post");
    assert_eq!(
        tag["allow"],
        json!({ "hosts": ["hooks.example", "other.example:8080"], "fields": ["type", "*"], "plain_http": true })
    );
    let tag = &manifest["component"]["tag-hook-n2nd"];
    assert_eq!(
        tag["allowed_outbound_hosts"],
        json!([
            "http://hooks.example:443",
            "http://other.example:8080",
            "https://hooks.example",
            "https://other.example:8080"
        ])
    );
    assert_eq!(tag["variables"], json!({ "secret_token": "{{ hook_token }}" }));
    assert_eq!(tag.get("key_value_stores"), None);
    let dependency = &tag["dependencies"]["tagyard:tag/handler@0.1.0"]["path"];
    let written = fs::read(folder.path().join(dependency.as_str().unwrap())).unwrap();
    assert_eq!(written, *registry::resolve("webhook", &top()).unwrap().bytes);
}

#[tokio::test]
async fn nothing_is_written_again_that_has_not_changed_and_what_has_is_seen_by_spin_watch() {
    let folder = folder(&[("shop.toml", HOOK)]);
    let collector = folder.path().join("host/tagyard_collector.wasm");
    let time = |file: &Path| fs::metadata(file).unwrap().modified().unwrap();
    let times = || ["spin.toml", "target/spin-tags/webhook.wasm"].map(|file| time(&folder.path().join(file)));
    spin(folder.path(), &["-o", "spin.toml"]).await;
    let (before, long_ago) = (times(), SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
    fs::File::options().append(true).open(&collector).unwrap().set_modified(long_ago).unwrap();
    spin(folder.path(), &["-o", "spin.toml"]).await;
    assert_eq!((times(), time(&collector)), (before, long_ago));
    // A `source` is all that `spin watch` starts an application again for.
    fs::write(folder.path().join("shop.toml"), HOOK.replace("/events", "/others")).unwrap();
    spin(folder.path(), &["-o", "spin.toml"]).await;
    assert_ne!(time(&collector), long_ago);
}

#[tokio::test]
async fn a_manifest_for_a_try_reaches_no_vendor() {
    let container = HOOK.replace("name = \"hook\"", "name = \"hook\"\nsecrets = { token = { env = \"HOOK_TOKEN\" } }");
    let folder = folder(&[("shop.toml", &container)]);
    let divert = "http://127.0.0.1:9000";
    let ended = spin(folder.path(), &["-o", "spin.toml", "--divert", &format!("{divert}/")]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("every request goes to http://127.0.0.1:9000, and to no vendor"), "{}", ended.stdout);
    let components = &manifest(&folder)["component"];
    let tag = &components["tag-hook"];
    assert_eq!(tag["allowed_outbound_hosts"], json!([divert]));
    assert_eq!(tag["variables"], json!({ "divert": divert, "secret_token": "{{ hook_token }}" }));
    let command = &components["collector"]["build"]["command"][0];
    assert_eq!(command, "tagyard spin shop.toml -o spin.toml --host host --divert=http://127.0.0.1:9000");
    let ended = spin(folder.path(), &["--divert", "ftp://127.0.0.1"]).await;
    assert!(ended.stderr.contains("it is `http://HOST:PORT`"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_metered_tag_says_so() {
    let folder = folder(&[("shop.toml", HOOK)]);
    let ended = spin(folder.path(), &["-o", "spin.toml", "--metered=700"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("metered, passed"), "{}", ended.stdout);
    let file = "target/spin-tags/webhook.wasm";
    let inspected = run(folder.path(), &[], &["tag", "inspect", file], "").await;
    assert!(inspected.stdout.contains("stops itself at 700 million instructions"), "{}", inspected.stdout);
    let command = &manifest(&folder)["component"]["collector"]["build"]["command"][0];
    assert_eq!(command, "tagyard spin shop.toml -o spin.toml --host host --metered=700");
}

#[tokio::test]
async fn outside_a_checkout_the_host_has_to_be_named() {
    let folder = folder(&[("shop.toml", HOOK)]);
    let ended = run(folder.path(), &[], &["spin", "shop.toml"], "").await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("--host"), "{}", ended.stderr);
}
