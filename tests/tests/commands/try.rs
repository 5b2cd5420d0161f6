//! `tagyard try`.

use serde_json::{Value, json};
use tagyard_tests::command::{Ended, run};

use crate::{HOOK, folder, run_with};

/// One tag for each thing that can become of an event.
const CONTAINER: &str = r#"
name = "shop"

[collect]
write_keys = ["key"]

[[tag]]
name = "sent"
use = "webhook"
settings = { url = "https://hooks.example/in?key={{secret:token}}", bearer = true }
secrets = { token = { env = "TOKEN" } }
allow = { hosts = ["hooks.example"], fields = ["type", "event", "properties.revenue"] }

[[tag]]
name = "triggered"
use = "webhook"
on = ["Order Completed"]
when = "event.properties.revenue > 10.0 && event.properties.currency == 'EUR'"
settings = { url = "https://hooks.example/" }
allow = { hosts = ["hooks.example"], fields = ["*"] }

[[tag]]
name = "consented"
use = "webhook"
consent = ["analytics", "advertising"]
settings = { url = "https://hooks.example/" }
allow = { hosts = ["hooks.example"], fields = ["*"] }

[[tag]]
name = "skipping"
use = "ga4"
settings = { measurement_id = "G-ABC123" }
secrets = { api_secret = { env = "API_SECRET" } }

[[tag]]
name = "rejecting"
use = "meta-capi"
settings = { pixel_id = "123" }
secrets = { access_token = { env = "ACCESS_TOKEN" } }

[[tag]]
name = "reaching"
use = "webhook"
settings = { url = "https://elsewhere.example/" }
allow = { hosts = ["hooks.example"], fields = ["*"] }

[[tag]]
name = "filtering"
use = "webhook"
settings = { url = "https://hooks.example/" }
allow = { hosts = ["hooks.example"], fields = ["*"] }
transform = [{ when = "event.type == 'track'", filter = true }]

[[tag]]
name = "changing"
use = "webhook"
settings = { url = "https://hooks.example/" }
allow = { hosts = ["hooks.example"], fields = ["type", "userId", "properties.coupon"] }
transform = [
    { drop = ["properties.missing"] },
    { hash = { fields = ["userId", "properties.currency"] } },
    { rename = { "properties.revenue" = "properties.value" } },
    { when = "event.properties.value > 10.0", lower = ["event"] },
]

[[tag]]
name = "failing"
use = "webhook"
settings = { url = "https://hooks.example/", bearer = true, headers = { authorization = "mine" } }
secrets = { token = { env = "TOKEN" } }
allow = { hosts = ["hooks.example"], fields = ["*"] }
"#;

const ORDER: &str = r#"{"type": "track", "event": "Order Completed", "userId": "u-17", "messageId": "m-1",
    "properties": {"revenue": 5, "currency": "EUR", "coupon": "MAY"},
    "context": {"consent": {"categoryPreferences": {"analytics": true, "advertising": false}}}}"#;

const ALIAS: &str = r#"{"type": "alias", "userId": "u-17", "previousId": "a", "messageId": "m-2"}"#;

async fn tried(event: &str, more: &[&str]) -> Ended {
    let arguments: Vec<&str> = ["try", "shop.toml", "event.json"].into_iter().chain(more.iter().copied()).collect();
    run_with(&[("shop.toml", CONTAINER), ("event.json", event)], &arguments).await
}

fn json_of(ended: &Ended) -> Value {
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stdout))
}

/// What became of an event for a tag.
fn tag<'v>(tried: &'v Value, event: usize, name: &str) -> &'v Value {
    let tags = tried["events"][event]["tags"].as_array().unwrap();
    tags.iter().find(|tag| tag["tag"] == name).unwrap_or_else(|| panic!("{name} is not in {tried:#}"))
}

#[tokio::test]
async fn json_has_every_outcome_and_its_reason() {
    let tried = json_of(&tried(&format!("[{ORDER}, {ALIAS}]"), &["--json"]).await);
    assert_eq!(tried["events"][0]["messageId"], "m-1");
    assert_eq!(tried["events"][1]["messageId"], "m-2");
    let check = |event: usize, name: &str, outcome: &str, about: &str| {
        let tag = tag(&tried, event, name);
        assert_eq!(tag["outcome"], outcome, "{tag:#}");
        assert!(tag["reason"].as_str().unwrap().contains(about), "{tag:#}");
        assert_eq!(tag["requests"], json!([]), "{tag:#}");
    };
    check(0, "triggered", "not_triggered", "revenue");
    check(1, "triggered", "not_triggered", "`on`");
    check(0, "consented", "blocked_by_consent", "advertising");
    check(
        1,
        "consented",
        "blocked_by_consent",
        "no consent to analytics (nothing gives it), advertising (nothing gives it)",
    );
    check(1, "skipping", "skipped", "alias");
    check(0, "rejecting", "rejected", "user agent");
    check(0, "reaching", "refused", "elsewhere.example");
    check(0, "filtering", "skipped", "filtered where `event.type == 'track'`");
    check(0, "failing", "failed", "authorization");
}

#[tokio::test]
async fn json_has_each_request_with_its_secrets_masked() {
    let files = [("shop.toml", CONTAINER), ("event.json", ORDER)];
    let env = [("TOKEN", "sesame"), ("API_SECRET", "sesame"), ("ACCESS_TOKEN", "sesame")];
    let ended = run(folder(&files).path(), &env, &["try", "shop.toml", "event.json", "--json"], "").await;
    let tried = json_of(&ended);
    assert!(!ended.stdout.contains("sesame"), "{}", ended.stdout);
    let expected = json!({
        "tag": "sent",
        "outcome": "sent",
        "reason": null,
        "clauses": [],
        "consent": [],
        "anonymised": false,
        "transformations": [],
        "requests": [{
            "method": "POST",
            "url": "https://hooks.example/in?key={{secret:token}}",
            "headers": {"content-type": "application/json", "authorization": "Bearer {{secret:token}}"},
            "body": {"type": "track", "event": "Order Completed", "properties": {"revenue": 5}},
        }],
    });
    assert_eq!(tag(&tried, 0, "sent"), &expected);
    let ga4 = tag(&tried, 0, "skipping");
    assert_eq!((&ga4["outcome"], ga4["requests"].as_array().unwrap().len()), (&json!("sent"), 1), "{ga4:#}");
}

#[tokio::test]
async fn a_person_reads_what_became_of_the_event_and_why() {
    let ended = tried(ORDER, &[]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let lines: Vec<&str> = ended.stdout.lines().collect();
    let has = |start: &str, parts: &[&str]| {
        let found = lines
            .iter()
            .any(|line| line.trim_start().starts_with(start) && parts.iter().all(|part| line.contains(part)));
        assert!(found, "no line begins with {start} and has {parts:?}:\n{}", ended.stdout);
    };
    has("track \"Order Completed\" (m-1)", &[]);
    has("sent: sent", &[]);
    has("not shown to it:", &["userId", "properties.coupon", "properties.currency", "context"]);
    has("POST https://hooks.example/in?key={{secret:token}}", &[]);
    // The clause that was false, not the whole of it.
    has("triggered: not triggered", &["event.properties.revenue > 10.0"]);
    assert!(!lines.iter().any(|line| line.contains("triggered:") && line.contains("currency")), "{}", ended.stdout);
    has("consented: blocked by consent", &["advertising"]);
    has("reaching: refused", &["elsewhere.example"]);
    has("filtering: skipped, since it is filtered where `event.type == 'track'`", &[]);
    has("kept away by filter, when event.type == 'track': true; event.type is \"track\"", &[]);
    // What was changed, by what.
    has("changed by hash: properties.currency, userId", &[]);
    has("changed by rename: properties.revenue, properties.value", &[]);
    has("nothing to change by drop", &[]);
    has("not changed by lower, when event.properties.value > 10.0: false; event.properties.value is 5", &[]);
    has("failing: failed", &["authorization"]);
}

#[tokio::test]
async fn each_clause_and_consent_is_shown_with_what_it_read() {
    let more =
        ["--header", "sec-gpc: 1", "--header", "cookie: theme=dark; other=x", "--url", "https://c.example/v1/t?a=b"];
    let container = r#"
name = "shop"
collect.write_keys = ["key"]

[[tag]]
name = "asking"
use = "webhook"
when = "event.properties.revenue > 10.0 && request.cookies.theme == 'dark' && has(event.properties.missing)"
except = "request.query.a == 'c'"
consent = ["analytics", "advertising"]
settings = { url = "https://hooks.example/" }
allow = { hosts = ["hooks.example"], fields = ["*"] }
"#;
    let files = [("shop.toml", container), ("event.json", ORDER)];
    let arguments: Vec<&str> = ["try", "shop.toml", "event.json"].into_iter().chain(more).collect();
    let ended = run_with(&files, &arguments).await;
    let expected = "track \"Order Completed\" (m-1)
  asking: not triggered, since `event.properties.revenue > 10.0` is false
    when event.properties.revenue > 10.0: false; event.properties.revenue is 5
    when request.cookies.theme == 'dark': true; request.cookies.theme is \"dark\"
    when has(event.properties.missing): false; event.properties.missing is missing
    except request.query.a == 'c': false; request.query.a is \"b\"
    consent to analytics: given by categoryPreferences
    consent to advertising: denied by categoryPreferences, Sec-GPC

";
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(0), expected, ""));
    let json = json_of(&run_with(&files, &[arguments.as_slice(), &["--json"]].concat()).await);
    let asking = tag(&json, 0, "asking");
    let clause = json!({
        "clause": "when event.properties.revenue > 10.0", "value": false, "noValue": null,
        "read": {"event.properties.revenue": 5},
    });
    assert_eq!(asking["clauses"][0], clause);
    let advertising = json!({"purpose": "advertising", "given": false, "by": ["categoryPreferences", "Sec-GPC"]});
    assert_eq!((&asking["consent"][1], &asking["anonymised"]), (&advertising, &json!(false)));
    let wrong = run_with(&files, &["try", "shop.toml", "event.json", "--header", "sec-gpc"]).await;
    assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(1), ""));
    assert_eq!(wrong.stderr, "error: `sec-gpc` is no header: write it as `sec-gpc: 1`\n");
}

#[tokio::test]
async fn events_come_from_standard_input_too_and_get_what_they_lack() {
    let folder = folder(&[("shop.toml", HOOK)]);
    let ended =
        run(folder.path(), &[], &["try", "--json", "shop.toml", "-"], r#"{"type": "page", "anonymousId": "a"}"#).await;
    let tried = json_of(&ended);
    let body = &tag(&tried, 0, "hook")["requests"][0]["body"];
    assert_eq!(tried["events"][0]["messageId"], body["messageId"]);
    assert!(body["messageId"].is_string() && body["timestamp"].is_string(), "{body}");
}

#[tokio::test]
async fn what_is_no_event_is_said_to_be_and_where() {
    let check = async |event: &str, about: &str| {
        let ended = tried(event, &[]).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{event}");
        assert!(
            ended.stderr.starts_with("error: event.json") && ended.stderr.contains(about),
            "{event}: {}",
            ended.stderr
        );
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    };
    check(r#"{"type": "#, "line 1 column 9").await;
    check(r#"{"type": "track", "userId": "u"}"#, "`event`").await;
    check(r#"{"type": "page"}"#, "`userId` and `anonymousId`").await;
    check(r#"{"type": "click", "userId": "u"}"#, "`type`").await;
    check(r#"[{"type": "page", "userId": "u"}, 7]"#, "event 1").await;
    let ended = run_with(&[("shop.toml", HOOK)], &["try", "shop.toml", "nothing.json"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("nothing.json"), "{}", ended.stderr);
}

#[tokio::test]
async fn what_is_found_out_about_the_visitor_is_shown() {
    let container = format!(
        r#"{}
[identity]
consent = ["analytics"]
campaign = true
id = {{ prefer = "cookie" }}
vendors = {{ names = ["meta"] }}
"#,
        HOOK.replace("\"*\"]\n\n[[tag]]", "\"https://shop.example\"]\n\n[[tag]]")
    );
    let event = r#"{"type": "page", "anonymousId": "a", "messageId": "m-1", "context": {
        "consent": {"categoryPreferences": {"analytics": true}},
        "page": {"url": "https://shop.example/?utm_source=news"}}}"#;
    let files = [("shop.toml", container.as_str()), ("event.json", event)];
    let cookies = "cookie: tagyard_id=b; _fbp=fb.1.2.3; other=s3cret";
    let arguments = ["try", "shop.toml", "event.json", "--header", "origin: https://shop.example", "--header", cookies];
    let ended = run_with(&files, &arguments).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    for line in [
        "    found out: anonymousId is \"b\"\n",
        "    found out: context.identity.anonymousId is \"cookie\"\n",
        "    found out: context.campaign.source is \"news\"\n",
        "    found out: context.fbp is \"fb.1.2.3\"\n",
        "\nthe answer sets a cookie: tagyard_id=b; Path=/; ",
    ] {
        assert!(ended.stdout.contains(line), "{line:?} is not in\n{}", ended.stdout);
    }
    let tried = json_of(&run_with(&files, &[arguments.as_slice(), &["--json"]].concat()).await);
    let found = json!({
        "anonymousId": "b", "context.identity.anonymousId": "cookie", "context.campaign.source": "news", "context.fbp": "fb.1.2.3",
    });
    assert_eq!((&tried["events"][0]["found"], tried["cookies"].as_array().map(Vec::len)), (&found, Some(2)));
    assert_eq!(tag(&tried, 0, "hook")["requests"][0]["body"]["anonymousId"], "b");
    let ended = run_with(&files, &["check", "shop.toml"]).await;
    let said = "visitors\n  consent   analytics\n  id        in the cookie tagyard_id for 400 days, before the SDK's\n  clicks    of meta, ";
    assert!(ended.stdout.contains(said), "{}", ended.stdout);
}

/// What is found out about visitors.
const VISITORS: &str = r#"
name = "shop"

[collect]
write_keys = ["key"]
proxies = { trusted = ["192.0.2.0/24"], header = "CF-Connecting-IP" }

[geo]
edge = "cloudflare"

[vars]
near = { value = "visitor.country", table = { AT = "here", DE = "near" }, default = "far" }
system = "visitor.os + ' ' + visitor.osVersion"

[consent.analytics]
default_in = { US = "given" }

[[tag]]
name = "hook"
use = "webhook"
settings = { url = "https://hooks.example/" }
allow = { hosts = ["hooks.example"], fields = ["*"] }
consent = ["analytics"]
when = "vars.near == 'far' && vars.system == 'Windows 11' && request.ip == '203.0.113.9'"
except = "visitor.bot"
"#;

#[tokio::test]
async fn what_is_found_out_about_a_visitor_is_shown() {
    let page = r#"{"type": "page", "anonymousId": "a", "messageId": "m"}"#;
    let files = [("shop.toml", VISITORS), ("event.json", page)];
    let check = async |country: &str, agent: &str, expected: &[&str]| {
        let country = format!("cf-ipcountry: {country}");
        let agent = format!("user-agent: {agent}");
        let hints = [
            "sec-ch-ua: \"Google Chrome\";v=\"130\"",
            "sec-ch-ua-platform: \"Windows\"",
            "sec-ch-ua-platform-version: \"15.0.0\"",
        ];
        let mut arguments =
            vec!["try", "shop.toml", "event.json", "--ip", "192.0.2.1", "--header", "cf-connecting-ip: 203.0.113.9"];
        for header in hints.into_iter().chain([country.as_str(), agent.as_str()]) {
            arguments.extend(["--header", header]);
        }
        let ended = run_with(&files, &arguments).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        expected.iter().for_each(|part| assert!(ended.stdout.contains(part), "{part} is not in:\n{}", ended.stdout));
    };
    let (person, bot) = ("Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "Mozilla/5.0 (compatible; bingbot/2.0)");
    let given = [
        "hook: sent",
        "vars.system is \"Windows 11\"",
        "request.ip is \"203.0.113.9\"",
        "except visitor.bot: false; visitor.bot is false",
        "consent to analytics: given by the default for US",
        "\"ip\": \"203.0.113.9\"",
        "\"country\": \"US\"",
    ];
    check("US", person, &given).await;
    check("CH", person, &["hook: blocked by consent", "(denied by the default elsewhere, as in CH)"]).await;
    let unknown = "denied by the strictest default, as the visitor's country is unknown";
    check("XX", person, &["hook: blocked by consent", unknown]).await;
    check("AT", person, &["hook: not triggered", "vars.near == 'far': false; vars.near is \"here\""]).await;
    check("US", bot, &["hook: not triggered", "`except` is true: `visitor.bot`", "visitor.bot is true"]).await;
}
