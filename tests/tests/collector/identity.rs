//! By what a visitor is known again: cookies over several requests, what vendors get of them, and links across devices.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tagyard_tests::client::{Answer, Client};
use tagyard_tests::host::TestHost;
use tagyard_tests::receiver::{Received, Receiver};
use tempfile::TempDir;

const HEAD: &str = r#"
name = "test"

[collect]
write_keys = ["key"]
origins = ["https://shop.example"]

[identity]
consent = ["analytics"]
id = { prefer = "cookie", days = 30 }
session = {}
campaign = true
vendors = { names = ["google", "meta"], consent = ["advertising"] }
links = {}
"#;

const HOOK: &str = r#"
[[tag]]
name = "hook"
use = "webhook"
settings = { url = "https://hooks.example/events" }
allow = { hosts = ["hooks.example"], fields = ["*"] }
"#;

const VENDORS: &str = r#"
[[tag]]
name = "ga4"
use = "ga4"
settings = { measurement_id = "G-ABC123" }
secrets = { api_secret = { env = "API_SECRET" } }
consent = ["analytics"]

[[tag]]
name = "meta"
use = "meta-capi"
settings = { pixel_id = "123", currency = "EUR" }
secrets = { access_token = { env = "ACCESS_TOKEN" } }
consent = ["advertising"]
"#;

async fn start(data: TempDir, tags: &str, receiver: &Receiver) -> TestHost {
    TestHost::start_whole(data, &format!("{HEAD}{tags}"), Path::new("."), Some(&receiver.url())).await
}

/// A browser on a page of the shop, with its cookies.
struct Browser {
    client: Client,
    jar: BTreeMap<String, String>,
}

impl Browser {
    fn new(host: &TestHost) -> Self {
        Browser { client: host.client.clone(), jar: BTreeMap::new() }
    }

    async fn send(&mut self, method: &str, path: &str, body: String) -> Answer {
        let cookies: Vec<String> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let headers = [("origin", "https://shop.example"), ("user-agent", "Mozilla/5.0"), ("cookie", &cookies)];
        let answer = self.client.send(method, path, &headers, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        for cookie in set(&answer.headers) {
            let (name, value) = cookie.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            self.jar.insert(name.to_owned(), value.to_owned());
            if cookie.contains("Max-Age=0;") {
                self.jar.remove(name);
            }
        }
        answer
    }

    async fn event(&mut self, mut event: Value) -> Answer {
        event["writeKey"] = "key".into();
        let path = format!("/v1/{}", event["type"].as_str().expect("a type"));
        self.send("POST", &path, event.to_string()).await
    }
}

fn set(headers: &HeaderMap) -> Vec<&str> {
    headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap()).collect()
}

/// What the visitor agreed to, and which page it is on.
fn context(given: bool, url: &str) -> Value {
    json!({"consent": {"categoryPreferences": {"analytics": given, "advertising": given}}, "page": {"url": url}})
}

/// The event of a webhook's request, by its `messageId`.
fn event(received: &[Received], id: &str) -> Value {
    let events = received.iter().map(Received::json);
    events.into_iter().find(|event| event["messageId"] == id).unwrap_or_else(|| panic!("{id} is not in {received:#?}"))
}

/// An advertisement leads to a page, and days later the order is made on another one, without the click in its address.
#[tokio::test]
async fn vendors_learn_of_the_click_that_led_to_an_order() {
    let receiver = Receiver::start().await;
    let mut host = start(tempfile::tempdir().unwrap(), VENDORS, &receiver).await;
    let mut browser = Browser::new(&host);
    browser.jar.insert("_fbp".to_owned(), "fb.1.1763720000000.777".to_owned());
    browser.jar.insert("_ga".to_owned(), "GA1.1.12.34".to_owned());
    let landing = context(true, "https://shop.example/?fbclid=IwAR2_Ab-C&gclid=G&utm_source=news");
    browser.event(json!({"type": "page", "anonymousId": "sdk-1", "context": landing})).await;
    // Else the two would travel together.
    host.outcomes(2).await;
    // The browser's script storage is gone meanwhile, and so are the vendors' cookies.
    ["_fbp", "_ga"].iter().for_each(|name| drop(browser.jar.remove(*name)));
    let order = json!({"type": "track", "event": "Order Completed", "anonymousId": "sdk-2",
        "context": context(true, "https://shop.example/thanks"), "properties": {"order_id": "o-1", "revenue": 10.0}});
    browser.event(order).await;

    host.outcomes(2).await;

    let received = receiver.received();
    let to = |path: &str| -> Vec<Value> {
        received.iter().filter(|request| request.path.contains(path)).map(Received::json).collect()
    };
    let meta = to("/123/events");
    let fbc = |body: &Value| body["data"][0]["user_data"]["fbc"].as_str().unwrap_or_default().to_owned();
    assert!(fbc(&meta[0]).starts_with("fb.1.1") && fbc(&meta[0]).ends_with(".IwAR2_Ab-C"), "{meta:#?}");
    assert_eq!(fbc(&meta[1]), fbc(&meta[0]));
    assert_eq!(meta[1]["data"][0]["user_data"]["fbp"], "fb.1.1763720000000.777");
    let ga4 = to("/mp/collect");
    assert_eq!((&ga4[0]["client_id"], &ga4[1]["client_id"]), (&json!("12.34"), &json!("12.34")));
    let session = |body: &Value| body["events"][0]["params"]["session_id"].as_str().map(str::to_owned);
    assert!(session(&ga4[0]).is_some_and(|id| id.len() == 10), "{ga4:#?}");
    assert_eq!(session(&ga4[1]), session(&ga4[0]));
}

#[tokio::test]
async fn a_visitor_is_known_again_by_a_cookie_and_forgotten_on_demand() {
    let receiver = Receiver::start().await;
    let host = start(tempfile::tempdir().unwrap(), HOOK, &receiver).await;
    let mut browser = Browser::new(&host);
    let page = |id: &str, anonymous: &str, given: bool| json!({"type": "page", "messageId": id, "anonymousId": anonymous, "context": context(given, "https://shop.example/?utm_source=news")});
    let answer = browser.event(page("first", "sdk-1", true)).await;
    // As a browser wants it of an answer that sets cookies on a page of another origin.
    assert_eq!(answer.headers["access-control-allow-origin"], "https://shop.example");
    assert_eq!(answer.headers["access-control-allow-credentials"], "true");
    let id = "tagyard_id=sdk-1; Path=/; Max-Age=2592000; Secure; HttpOnly; SameSite=Lax";
    assert!(set(&answer.headers).contains(&id), "{:?}", answer.headers);
    browser.event(page("second", "sdk-2", true)).await;
    // A picture in a page that has no SDK: it says nobody, and the cookie does.
    let data = r#"{"writeKey":"key","type":"track","event":"Seen","messageId":"pixel","context":{"consent":{"categoryPreferences":{"analytics":true}}}}"#;
    let data = base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, data);
    browser.send("GET", &format!("/v1/pixel/track?data={data}"), String::new()).await;
    let answer = browser.event(page("denied", "sdk-3", false)).await;
    assert_eq!(set(&answer.headers).len(), 2, "{:?}", answer.headers);
    assert!(browser.jar.is_empty(), "{:?}", browser.jar);
    browser.event(page("after", "sdk-4", true)).await;
    let nobody = json!({"type": "page", "messageId": "nobody"});
    let answer = browser.event(nobody).await;
    assert_eq!(set(&answer.headers), Vec::<&str>::new());

    let received = receiver.wait_for(6).await;
    let who = |id: &str| {
        let event = event(&received, id);
        let context = &event["context"];
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let number = context["session"]["number"].as_u64().unwrap_or_default();
        (
            text(&event["anonymousId"]),
            text(&context["identity"]["anonymousId"]),
            number,
            text(&context["campaign"]["source"]),
        )
    };
    let expected =
        |id: &str, from: &str, number, source: &str| (id.to_owned(), from.to_owned(), number, source.to_owned());
    assert_eq!(who("first"), expected("sdk-1", "-", 1, "news"));
    assert_eq!(who("second"), expected("sdk-1", "cookie", 1, "news"));
    assert_eq!(who("pixel"), expected("sdk-1", "cookie", 1, "-"));
    assert_eq!(who("denied"), expected("sdk-3", "-", 0, "news"));
    assert_eq!(who("after"), expected("sdk-4", "-", 1, "news"));
    assert!(who("nobody").0.starts_with("nobody-"), "{:?}", who("nobody"));
}

#[tokio::test]
async fn ids_are_linked_across_devices_and_restarts() {
    let receiver = Receiver::start().await;
    let host = start(tempfile::tempdir().unwrap(), HOOK, &receiver).await;
    let consent = context(true, "https://shop.example/");
    let mut sent = 0;
    let mut check = async |host: &TestHost, mut event: Value, expected: Value| {
        event["context"] = consent.clone();
        // A machine that is busy may take longer than an event waits for its links.
        for attempts in 0.. {
            sent += 1;
            let id = format!("m-{sent}");
            event["messageId"] = json!(id);
            host.client.event(event.clone()).await;
            let received = receiver.wait_for(sent).await;
            let found = self::event(&received, &id);
            let found = json!([found["anonymousId"], found["userId"]]);
            if found == expected {
                break;
            }
            assert!(attempts < 100, "{event}: {found}");
        }
    };
    check(&host, json!({"type": "identify", "anonymousId": "phone", "userId": "jo"}), json!(["phone", "jo"])).await;
    check(&host, json!({"type": "page", "anonymousId": "phone"}), json!(["phone", "jo"])).await;
    check(&host, json!({"type": "identify", "anonymousId": "laptop", "userId": "jo"}), json!(["laptop", "jo"])).await;
    check(&host, json!({"type": "page", "userId": "jo"}), json!(["laptop", "jo"])).await;
    check(&host, json!({"type": "page", "anonymousId": "other"}), json!(["other", null])).await;
    let data = host.stop().await;
    let host = start(data, HOOK, &receiver).await;
    check(&host, json!({"type": "page", "anonymousId": "phone"}), json!(["phone", "jo"])).await;
    check(&host, json!({"type": "identify", "anonymousId": "phone", "userId": "al"}), json!(["phone", "al"])).await;
    check(&host, json!({"type": "page", "anonymousId": "phone"}), json!(["phone", "al"])).await;
}

#[tokio::test]
async fn links_that_cannot_be_read_cost_no_event() {
    let data = tempfile::tempdir().unwrap();
    fs::create_dir(data.path().join("identity")).unwrap();
    fs::write(data.path().join("identity/links.redb"), "no links").unwrap();
    let receiver = Receiver::start().await;
    let mut host = start(data, HOOK, &receiver).await;
    let consent = context(true, "https://shop.example/");
    host.client.event(json!({"type": "identify", "anonymousId": "a", "userId": "u", "context": consent})).await;
    host.client.event(json!({"type": "page", "anonymousId": "a", "context": consent})).await;
    let ended: Vec<&str> = host.outcomes(2).await.iter().map(|ended| ended.outcome.name()).collect();
    assert_eq!(ended, ["delivered", "delivered"]);
    let metrics = host.client.get("/metrics").await.text();
    assert!(metrics.contains("tagyard_identity_lookups_total{result=\"failed\"}"), "{metrics}");
}
