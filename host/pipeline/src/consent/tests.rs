//! What each signal says, and who wins.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;

/// A TC string that consents to the purposes 1 to 3, and one that consents to none.
const SOME: &str = "COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA";
const NONE: &str = "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA";

fn verdict(purposes: &Value, name: &str, consent: &Value, request: &Value) -> Verdict {
    let purposes = Purposes::compile(&serde_json::from_value(purposes.clone()).unwrap()).unwrap();
    let signals = Signals::read(consent, || None, request.as_object().unwrap(), &purposes);
    purposes.verdict(name, &signals)
}

#[test]
fn each_signal_gives_or_denies() {
    let check = |name: &str, consent: Value, request: Value, expected: &str| {
        let purposes = json!({"storage": {"tcf": [1, 2]}, "sold": {"opt_out": true, "default": "given"}});
        let verdict = verdict(&purposes, name, &consent, &request);
        assert_eq!(verdict.to_string(), format!("{name}: {expected}"), "{consent} {request}");
    };
    let none = || json!({});
    check("analytics", Value::Null, none(), "denied, since nothing gives it");

    let preferences = |preferences: Value| json!({"categoryPreferences": preferences});
    check("analytics", preferences(json!({"analytics": true})), none(), "given by categoryPreferences");
    check("analytics", preferences(json!({"analytics": false})), none(), "denied by categoryPreferences");
    check("analytics", preferences(json!({"analytics": "true"})), none(), "denied by categoryPreferences");
    check("analytics", preferences(json!({"other": true})), none(), "denied, since nothing gives it");
    check("analytics", preferences(json!(true)), none(), "denied, since nothing gives it");

    check("analytics", json!({"gcs": "G101"}), none(), "given by context.consent.gcs");
    check("advertising", json!({"gcs": "G101"}), none(), "denied by context.consent.gcs");
    check("analytics", json!({"google": {"gcs": "G101"}}), none(), "given by context.consent.google.gcs");
    check("sold", json!({"google": {"us_privacy": "1YYN"}}), none(), "denied by context.consent.google.us_privacy");
    check("analytics", none(), json!({"query": {"gcs": "G110"}}), "denied by gcs of the request");
    check("marketing", none(), json!({"query": {"gcd": "13r3r3r3r5"}}), "given by gcd of the request");
    check("Advertising", json!({"gcd": "13r3r3m3r5"}), none(), "denied by context.consent.gcd");
    check("analytics", json!({"gcd": "13l3l3l3l1"}), none(), "denied, since nothing gives it");
    check("storage", json!({"gcs": "G111"}), none(), "denied, since nothing gives it");

    let cookie = |name: &str, value: &str| json!({"cookies": {name: value}});
    check("storage", json!({"tcString": SOME}), none(), "given by context.consent.tcString");
    check("storage", none(), cookie("euconsent-v2", SOME), "given by the cookie euconsent-v2");
    check("storage", none(), json!({"query": {"gdpr_consent": NONE}}), "denied by gdpr_consent of the request");
    check("analytics", json!({"tcString": SOME}), none(), "denied by context.consent.tcString");
    check("storage", json!({"tcString": "x"}), none(), "denied by context.consent.tcString, which cannot be read");
    check("storage", json!({"tcString": ""}), none(), "denied, since nothing gives it");

    let gpc = || json!({"headers": {"sec-gpc": "1"}});
    check("sold", none(), gpc(), "denied by Sec-GPC");
    check("sold", none(), json!({"headers": {"sec-gpc": "0"}}), "given, as the container has it by default");
    check("advertising", preferences(json!({"advertising": true})), gpc(), "denied by Sec-GPC");
    check("analytics", preferences(json!({"analytics": true})), gpc(), "given by categoryPreferences");
    check("unheard-of", preferences(json!({"unheard-of": true})), gpc(), "denied by Sec-GPC");

    check("sold", json!({"uspString": "1YYN"}), none(), "denied by context.consent.uspString");
    check("sold", json!({"uspString": "1YNN"}), none(), "given, as the container has it by default");
    check("sold", none(), cookie("usprivacy", "1YYN"), "denied by the cookie usprivacy");
    check(
        "sold",
        none(),
        json!({"query": {"us_privacy": "1"}}),
        "denied by us_privacy of the request, which cannot be read",
    );
    // Not to have objected is not to have consented.
    check("advertising", json!({"uspString": "1YNN"}), none(), "denied, since nothing gives it");

    check("sold", json!({"gppString": "DBABLA~BVVVVVVVVWA.QA"}), none(), "denied by context.consent.gppString");
    check("sold", none(), json!({"query": {"gpp": "DBABTA~1YNN"}}), "given, as the container has it by default");
    check("sold", json!({"gppString": "x"}), none(), "denied by context.consent.gppString, which cannot be read");
    check("storage", json!({"gppString": format!("DBABM~{SOME}")}), none(), "given by context.consent.gppString");
    check("storage", json!({"gppString": "x"}), none(), "denied by context.consent.gppString, which cannot be read");
}

#[test]
fn a_platform_s_cookie_is_read_as_the_container_says() {
    let check = |value: Option<&str>, analytics: &str, advertising: &str| {
        let by = |given: &str| json!({"cookie": {"name": "OptanonConsent", "given": given}});
        let purposes = json!({"analytics": by("C0002:1"), "advertising": by("\\bC0004:1\\b")});
        let request = value.map_or(json!({}), |value| json!({"cookies": {"OptanonConsent": value}}));
        let said = |name: &str| verdict(&purposes, name, &Value::Null, &request).to_string();
        assert_eq!(said("analytics"), format!("analytics: {analytics}"));
        assert_eq!(said("advertising"), format!("advertising: {advertising}"));
    };
    let (given, denied) = ("given by the cookie OptanonConsent", "denied by the cookie OptanonConsent");
    // As OneTrust writes it.
    check(Some("isGpcEnabled=0&groups=C0001%3A1%2CC0002%3A1%2CC0004%3A0"), given, denied);
    check(Some("groups=C0001%253A1%252CC0004%253A1"), denied, given);
    check(Some(""), denied, denied);
    check(None, "denied, since nothing gives it", "denied, since nothing gives it");
}

#[test]
fn the_most_restrictive_answer_wins() {
    let check = |consent: Value, expected: &str| {
        let request = json!({"query": {"gcs": "G111"}, "cookies": {"euconsent-v2": NONE}, "headers": {"sec-gpc": "1"}});
        assert_eq!(
            verdict(&json!({}), "advertising", &consent, &request).to_string(),
            format!("advertising: {expected}")
        );
    };
    check(json!({"categoryPreferences": {"advertising": true}}), "denied by the cookie euconsent-v2, Sec-GPC");
    check(
        json!({"categoryPreferences": {"advertising": false}}),
        "denied by categoryPreferences, the cookie euconsent-v2, Sec-GPC",
    );
}

#[test]
fn a_container_says_what_a_purpose_goes_by() {
    let check = |spec: Value, request: Value, expected: bool| {
        let verdict = verdict(&json!({"analytics": spec}), "analytics", &Value::Null, &request);
        assert_eq!(verdict.is_given, expected, "{verdict}");
    };
    let request = json!({"query": {"gcs": "G101"}, "headers": {"sec-gpc": "1"}});
    check(json!({}), request.clone(), true);
    check(json!({"opt_out": true}), request.clone(), false);
    check(json!({"google": ["ad_storage"]}), request.clone(), false);
    check(json!({"google": []}), request, false);
    check(json!({"default": "given"}), json!({}), true);
    check(json!({"default": "given"}), json!({"query": {"gcs": "G100"}}), false);
}

#[test]
fn defaults_go_by_where_the_visitor_is_and_signals_before_them() {
    let check = |place: Value, query: Value, expected: &str| {
        let spec = json!({"default": "given", "default_in": {"EEA": "denied", "US-CA": "denied"}});
        let verdict = verdict(&json!({"ads": spec}), "ads", &Value::Null, &json!({"place": place, "query": query}));
        assert_eq!(verdict.to_string(), format!("ads: {expected}"), "{place} {query}");
    };
    let country = |country: &str| json!({"country": country});
    check(country("CH"), json!({}), "given by the default elsewhere, as in CH");
    check(country("DE"), json!({}), "denied by the default for EEA, as DE is in it");
    check(Value::Null, json!({}), "denied by the strictest default, as the visitor's country is unknown");
    check(country("CH"), json!({"us_privacy": "1YYN"}), "denied by us_privacy of the request");
    let california = json!({"country": "US", "region": "US-CA"});
    check(california, json!({}), "denied by the default for US-CA");
}

#[test]
fn what_is_missing_is_said_with_what_denies_it() {
    let verdicts = ["advertising", "analytics"]
        .map(|name| verdict(&json!({}), name, &json!({"uspString": "1YYN"}), &json!({"headers": {"sec-gpc": "1"}})));
    assert_eq!(
        NoConsent(verdicts.to_vec()).to_string(),
        "no consent to advertising (denied by context.consent.uspString and Sec-GPC), analytics (nothing gives it)"
    );
}
