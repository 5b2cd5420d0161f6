//! What is found out about who sent a request: behind proxies, by a database of addresses, by client hints, and what consent and
//! triggers make of it.

use http::StatusCode;
use serde_json::{Value, json};
use tagyard_tests::host::TestHost;
use tagyard_tests::receiver::Receiver;
use tagyard_tests::top;

/// A host that trusts its own machine as a proxy, with a tag for each purpose and condition.
const CONTAINER: &str = r#"
name = "test"

[collect]
write_keys = ["key"]
origins = ["https://shop.example"]
client_hints = true
proxies = { trusted = ["127.0.0.0/8", "192.0.2.0/24"], header = "X-Forwarded-For" }

[geo]
file = "geo/GeoIP2-City-Test.mmdb"
edge = { country = "X-Country" }
city = true

[consent.analytics]
default = "given"
default_in = { EEA = "denied", US-CA = "denied" }

[[tag]]
name = "hook"
use = "webhook"
settings = { url = "https://hooks.example/all" }
allow = { hosts = ["hooks.example"], fields = ["*"] }

[[tag]]
name = "measured"
use = "webhook"
settings = { url = "https://hooks.example/measured" }
allow = { hosts = ["hooks.example"], fields = ["*"] }
consent = ["analytics"]

[[tag]]
name = "british"
use = "webhook"
settings = { url = "https://hooks.example/british" }
allow = { hosts = ["hooks.example"], fields = ["*"] }
when = "visitor.country == 'GB' && visitor.region == 'GB-ENG'"
except = "visitor.bot"
"#;

const BROWSER: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36";
const CRAWLER: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

/// Sends an event with these headers; its context as the hook got it, and how it ended for the other two tags.
async fn sent(headers: &[(&str, &str)], context: Value) -> (Value, String, String) {
    let receiver = Receiver::start().await;
    let data = tempfile::tempdir().unwrap();
    let mut host = TestHost::start_whole(data, CONTAINER, &top().join("tests"), Some(&receiver.url())).await;
    let event = json!({"writeKey": "key", "anonymousId": "a", "context": context});
    let headers: Vec<_> = headers.iter().copied().chain([("content-type", "application/json")]).collect();
    let answer = host.client.send("POST", "/v1/page", &headers, event.to_string()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.headers["accept-ch"], "Sec-CH-UA-Full-Version-List, Sec-CH-UA-Model, Sec-CH-UA-Platform-Version");
    let outcomes = host.outcomes(3).await;
    let ended = |name: &str| {
        let recorded = outcomes.iter().find(|recorded| recorded.tag == name).unwrap();
        serde_json::to_value(&recorded.outcome).unwrap()["outcome"].as_str().unwrap().to_owned()
    };
    let received = receiver.received();
    let hook = received.iter().find(|request| request.path == "/all").unwrap();
    (hook.json()["context"].clone(), ended("measured"), ended("british"))
}

#[tokio::test]
async fn a_trusted_proxy_s_visitor_is_located_and_decides_consent() {
    let check = async |headers: &[(&str, &str)], ip: &str, location: Value, measured: &str, british: &str| {
        let headers: Vec<_> = headers.iter().copied().chain([("user-agent", BROWSER)]).collect();
        let (context, analytics, trigger) = sent(&headers, json!({})).await;
        assert_eq!(
            (&context["ip"], context.get("location").unwrap_or(&Value::Null)),
            (&json!(ip), &location),
            "{headers:?}"
        );
        assert_eq!((analytics.as_str(), trigger.as_str()), (measured, british), "{headers:?}");
    };
    let london = json!({"country": "GB", "region": "GB-ENG", "city": "London"});
    let forwarded = |said: &'static str| [("x-forwarded-for", said)];
    check(&forwarded("10.66.66.66, 81.2.69.160"), "81.2.69.160", london.clone(), "delivered", "delivered").await;
    check(&forwarded("81.2.69.160, 192.0.2.8"), "81.2.69.160", london, "delivered", "delivered").await;
    let sweden = json!({"country": "SE", "region": "SE-E", "city": "Linköping"});
    check(&forwarded("89.160.20.112"), "89.160.20.112", sweden, "blocked_by_consent", "not_triggered").await;
    // Where the visitor is nowhere to be found, the strictest answer counts.
    check(&[], "127.0.0.1", Value::Null, "blocked_by_consent", "not_triggered").await;
    let edge = [("x-forwarded-for", "203.0.113.9"), ("x-country", "CH")];
    check(&edge, "203.0.113.9", json!({"country": "CH"}), "delivered", "not_triggered").await;
}

#[tokio::test]
async fn bots_are_kept_out_and_hints_kept() {
    let headers = [("user-agent", CRAWLER), ("x-forwarded-for", "81.2.69.160")];
    let (_, _, british) = sent(&headers, json!({})).await;
    assert_eq!(british, "not_triggered");

    let hints = [
        ("sec-ch-ua", "\"Chromium\";v=\"130\""),
        ("sec-ch-ua-platform", "\"Windows\""),
        ("x-forwarded-for", "81.2.69.160"),
    ];
    let (context, _, british) = sent(&hints, json!({})).await;
    let expected = json!({"brands": [{"brand": "Chromium", "version": "130"}], "platform": "Windows"});
    assert_eq!((&context["userAgentData"], british.as_str()), (&expected, "delivered"));
}
