//! Where requests go, and what of them is never shown.

use std::fs;
use std::path::{Path, PathBuf};

use axum::response::IntoResponse;
use http::StatusCode;
use tagyard_pipeline::outcome::Outcome;
use tagyard_tests::host::TestHost;
use tagyard_tests::receiver::Receiver;

use crate::{event, one, undeliverable};

#[tokio::test]
async fn a_diverted_request_is_as_the_vendor_would_get_it() {
    let receiver = Receiver::start().await;
    let tags = r#"
        [[tag]]
        name = "hook"
        use = "webhook"
        settings = { url = "https://vendor.example:8443/a%20b/in?c=1&d=%7B", method = "put", headers = { x-shop = "7" } }
        allow = { hosts = ["vendor.example:8443"], fields = ["type", "messageId"] }
    "#;
    assert_eq!(one(tags, Some(&receiver.url())).await.0.outcome, Outcome::Delivered);
    let [received] = receiver.received().try_into().expect("one request");
    assert_eq!((received.method.as_str(), received.path.as_str()), ("PUT", "/a%20b/in?c=1&d=%7B"));
    assert_eq!((received.host.as_str(), &received.headers["x-shop"]), ("vendor.example:8443", &"7".parse().unwrap()));
    assert_eq!(String::from_utf8_lossy(&received.body), r#"{"type":"track","messageId":"m-1"}"#);
}

#[tokio::test]
async fn a_name_that_leads_home_is_not_sent_to() {
    let receiver = Receiver::start().await;
    let host = format!("localhost:{}", receiver.address().port());
    let tags = |more: &str| {
        format!(
            "[[tag]]\nname = \"hook\"\nuse = \"webhook\"\nsettings.url = \"http://{host}/in\"\n\
             allow = {{ hosts = [\"{host}\"], fields = [\"*\"], plain_http = true{more} }}\n"
        )
    };
    let letter = undeliverable(one(&tags(""), None).await);
    let reason = "`localhost` leads to a private address; to allow it, set `allow.private_network = true`";
    assert_eq!((letter.reason.as_str(), letter.attempts, receiver.received().len()), (reason, 1, 0));
    assert_eq!(one(&tags(", private_network = true"), None).await.0.outcome, Outcome::Delivered);
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn secrets_arrive_and_are_seen_nowhere_else() {
    // A vendor that quotes all it was sent.
    let receiver = Receiver::answering(|_, received| {
        (StatusCode::BAD_REQUEST, format!("what is this? {} {:?}", received.path, received.headers)).into_response()
    })
    .await;
    let tags = r#"
        [[tag]]
        name = "hook"
        use = "webhook"
        settings.url = "https://vendor.example/in?key={{secret:token}}"
        settings.headers = { x-token = "{{secret:token}}" }
        settings.bearer = true
        settings.sign = {}
        secrets = { token = { env = "TOKEN" }, signing_key = { env = "KEY" } }
        allow = { hosts = ["vendor.example"], fields = ["*"] }

        [[tag]]
        name = "mixpanel"
        use = "mixpanel"
        secrets.project_token = { env = "PROJECT" }
    "#;
    let data = tempfile::tempdir().expect("a folder");
    let mut host = TestHost::start_in(data, tags, Path::new(""), &receiver).await;
    host.client.event(event("m-1", "jane")).await;
    let outcomes = host.outcomes(2).await;
    let letters = host.dead_letters().await;

    let received = receiver.received();
    let of = |host: &str| received.iter().find(|received| received.host == host).expect("a request");
    let hook = of("vendor.example");
    assert_eq!(hook.path, "/in?key=value-of-TOKEN");
    assert_eq!(hook.headers["x-token"], "value-of-TOKEN");
    assert_eq!(hook.headers["authorization"], "Bearer value-of-TOKEN");
    // The Basic credentials are `value-of-PROJECT:`.
    assert_eq!(of("api.mixpanel.com").headers["authorization"], "Basic dmFsdWUtb2YtUFJPSkVDVDo=");

    assert_eq!((outcomes.len(), letters.len()), (2, 2));
    let quoted = |tag: &str| {
        let letter = letters.iter().find(|letter| letter.tag.as_deref() == Some(tag)).expect("a letter");
        letter.answer.as_ref().expect("an answer").body.clone()
    };
    assert!(quoted("hook").starts_with("what is this? /in?key={{secret:token}} {"), "{}", quoted("hook"));
    assert!(quoted("mixpanel").contains("Basic {{secret:project_token}}:"), "{}", quoted("mixpanel"));
    let data = host.stop().await;
    for file in files(data.path()) {
        let bytes = fs::read(&file).expect("a file");
        for secret in ["value-of-", "dmFsdWUtb2YtUFJPSkVDVDo"] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} in {}", file.display());
        }
    }
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
