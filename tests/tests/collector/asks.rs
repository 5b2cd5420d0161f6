//! What a container asks of the request that brings an event: for conditions, variables and consent, and nothing more of it.

use std::fs;
use std::path::Path;

use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::{Value, json};
use tagyard_tests::host::TestHost;
use tagyard_tests::receiver::Receiver;

const TAGS: &str = r#"
[vars]
campaign = { first = ["request.query.utm_campaign", "url(event.context.page.url).query.utm_campaign"], default = "none" }

[consent.surveys]
cookie = { name = "choices", given = "\\bsurveys=yes\\b" }

[[transform]]
set = { "context.campaign.name" = "vars.campaign", "context.theme" = "request.cookies.theme" }

[[tag]]
name = "advertising"
use = "webhook"
consent = ["advertising"]
settings = { url = "https://hooks.example/advertising" }
allow = { hosts = ["hooks.example"], fields = ["*"] }

[[tag]]
name = "anonymous"
use = "webhook"
consent = ["advertising"]
without_consent = "anonymise"
settings = { url = "https://hooks.example/anonymous" }
allow = { hosts = ["hooks.example"], fields = ["*"] }

[[tag]]
name = "humans"
use = "webhook"
when = "request.path == '/v1/page' && !request.headers['user-agent'].lower().contains('bot')"
except = "request.ip.inCidr('192.0.2.0/24')"
settings = { url = "https://hooks.example/humans" }
allow = { hosts = ["hooks.example"], fields = ["type"] }

[[tag]]
name = "surveys"
use = "webhook"
consent = ["surveys"]
settings = { url = "https://hooks.example/surveys" }
allow = { hosts = ["hooks.example"], fields = ["type"] }
"#;

/// A visitor's request, and what becomes of its event for each tag.
#[tokio::test]
async fn conditions_and_consent_go_by_the_request() {
    let receiver = Receiver::start().await;
    let mut host = TestHost::start(TAGS, Path::new("."), &receiver).await;
    let granted = || json!({"consent": {"categoryPreferences": {"advertising": true}}});
    let mut check = async |context: Value, headers: &[(&str, &str)], expected: [&str; 4]| {
        let event = json!({"type": "page", "userId": "jane", "writeKey": "key", "context": context});
        let answer = host.client.send("POST", "/v1/page?utm_campaign=May", headers, event.to_string()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let ended = host.outcomes(4).await;
        let said = |position: usize| match ended[position].outcome.reason() {
            Some(reason) => format!("{}: {reason}", ended[position].outcome.name()),
            None => ended[position].outcome.name().to_owned(),
        };
        assert_eq!([said(0), said(1), said(2), said(3)], expected, "{headers:?}");
    };
    check(
        granted(),
        &[("user-agent", "Mozilla/5.0"), ("cookie", "theme=dark; choices=%2Csurveys%3Dyes%2C")],
        ["delivered", "delivered", "delivered", "delivered"],
    )
    .await;
    check(
        granted(),
        &[("user-agent", "GoogleBot/2.1"), ("sec-gpc", "1"), ("cookie", "choices=surveys%3Dno")],
        [
            "blocked_by_consent: no consent to advertising (denied by Sec-GPC)",
            "delivered",
            "not_triggered: `!request.headers['user-agent'].lower().contains('bot')` is false",
            "blocked_by_consent: no consent to surveys (denied by Sec-GPC and the cookie choices)",
        ],
    )
    .await;
    let received = receiver.wait_for(5).await;
    let to = |path: &str| {
        received.iter().filter(|request| request.path == path).map(|request| request.json()).collect::<Vec<_>>()
    };
    let (advertising, anonymous) = (to("/advertising"), to("/anonymous"));
    assert_eq!(
        (advertising[0]["userId"].clone(), &advertising[0]["context"]["theme"]),
        (json!("jane"), &json!("dark"))
    );
    assert_eq!(advertising[0]["context"]["campaign"]["name"], "May");
    assert_eq!(anonymous[0], advertising[0]);
    // Without consent there is nobody in it, and nothing of the request.
    let text = anonymous[1].to_string();
    assert!(!["jane", "GoogleBot", "127.0.0.1", "May"].iter().any(|personal| text.contains(personal)), "{text}");
    assert_eq!(anonymous[1]["context"]["campaign"]["name"], "none");
}

#[tokio::test]
async fn only_what_is_asked_for_is_kept() {
    let receiver = Receiver::start().await;
    let mut host = TestHost::start(TAGS, Path::new("."), &receiver).await;
    let headers =
        [("cookie", "session=s3same; theme=d4rk"), ("x-token", "s3same"), ("authorization", "Basic a2V5OnMzc2FtZQ==")];
    host.client.send("POST", "/v1/page?token=s3same", &headers, r#"{"userId": "u", "writeKey": "key"}"#).await;
    host.outcomes(4).await;
    let journal = text_of(&host.data_dir().join("journal"));
    assert!(journal.contains("d4rk"));
    assert!(!journal.contains("s3same") && !journal.contains("a2V5OnMzc2FtZQ"), "{journal}");
}

/// What was asked is in the journal beside the event: it is answered the same after a restart.
#[tokio::test]
async fn the_answers_outlive_the_host() {
    const TAG: &str = r#"
[[tag]]
name = "dark"
use = "webhook"
when = "request.cookies.theme == 'dark'"
settings = { url = "https://hooks.example/" }
allow = { hosts = ["hooks.example"], fields = ["type"] }
"#;
    let down = Receiver::answering(|_, _| StatusCode::SERVICE_UNAVAILABLE.into_response()).await;
    let host = TestHost::start(TAG, Path::new("."), &down).await;
    let event = r#"{"userId": "u", "writeKey": "key"}"#;
    host.client.send("POST", "/v1/page", &[("cookie", "theme=dark")], event).await;
    down.wait_for(1).await;
    let data = host.stop().await;

    let receiver = Receiver::start().await;
    let mut host = TestHost::start_in(data, TAG, Path::new("."), &receiver).await;
    assert_eq!(host.outcomes(1).await[0].outcome.name(), "delivered");
}

/// What lies in a folder's files.
fn text_of(folder: &Path) -> String {
    let files = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    files.map(|file| String::from_utf8_lossy(&fs::read(file).expect("a file")).into_owned()).collect()
}
