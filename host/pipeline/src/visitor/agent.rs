//! The browser, system and device of an event's visitor: by its client hints where it has some, as they are made to be read, and
//! else by its user agent, of which the newer ones lie about versions.

use serde_json::{Map, Value};
use woothee::parser::{Parser, WootheeResult};

use super::bots;
use crate::object::Object;

/// How browsers name themselves in hints, and how everybody calls them.
const BRANDS: [(&str, &str); 3] =
    [("Google Chrome", "Chrome"), ("Microsoft Edge", "Edge"), ("Android WebView", "Webview")];

/// What all of the family say besides their own name.
const ENGINE: &str = "Chromium";

/// What is known of the browser: the members that [`super::AGENT`] lists.
pub(super) fn of(context: &Object) -> Map<String, Value> {
    let hints = context.value("userAgentData").unwrap_or_default();
    let user_agent = context.string("userAgent").unwrap_or_default();
    let told = Parser::new().parse(&user_agent);
    let mut agent = Map::new();
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty() && value != "UNKNOWN") {
            agent.insert(name.to_owned(), Value::String(value));
        }
    };
    let (browser, version) = match browser(&hints) {
        Some((browser, version)) => (Some(browser), Some(version)),
        None => (told.as_ref().map(|told| told.name.to_owned()), told.as_ref().map(|told| told.version.to_owned())),
    };
    put("browser", browser);
    put("browserVersion", version);
    let (os, os_version) = match text(&hints, "platform") {
        Some(platform) => {
            (Some(platform.to_owned()), text(&hints, "platformVersion").and_then(|it| os_version(platform, it)))
        }
        None => told.as_ref().map_or((None, None), |told| system(told)),
    };
    put("os", os);
    put("osVersion", os_version);
    put("device", device(&hints, told.as_ref()).map(str::to_owned));
    put("model", text(&hints, "model").map(str::to_owned));
    agent
}

/// Whether its user agent, or a browser's name for itself, is a bot's.
pub(super) fn is_bot(context: &Object) -> bool {
    let hints = || browser(&context.value("userAgentData")?);
    context.string("userAgent").is_some_and(|user_agent| bots::is_bot(&user_agent))
        || hints().is_some_and(|(browser, _)| bots::is_bot(&browser))
}

/// The browser's name and version, the whole one where it is known.
fn browser(hints: &Value) -> Option<(String, String)> {
    let brands = |name| hints.get(name).and_then(Value::as_array).filter(|list| !list.is_empty());
    let list = brands("fullVersionList").or_else(|| brands("brands"))?;
    let named: Vec<(&str, &str)> = list
        .iter()
        .filter_map(|brand| Some((text(brand, "brand")?, text(brand, "version")?)))
        .filter(|(brand, _)| !is_grease(brand))
        .collect();
    let own = named.iter().find(|(brand, _)| *brand != ENGINE).or(named.first());
    own.map(|(brand, version)| {
        let known = BRANDS.iter().find(|(long, _)| long == brand).map_or(*brand, |(_, short)| short);
        (known.to_owned(), (*version).to_owned())
    })
}

/// The name that is no browser's, which the family puts among the others so that nobody relies on the list: `Not?A_Brand`.
fn is_grease(brand: &str) -> bool {
    let letters: String = brand.chars().filter(char::is_ascii_alphabetic).collect();
    letters.eq_ignore_ascii_case("notabrand")
}

/// The version of the system, as it is called: for Windows the hint counts its API's, of which 13 and later are Windows 11.
fn os_version(platform: &str, hint: &str) -> Option<String> {
    if platform != "Windows" {
        return Some(hint.to_owned());
    }
    let major: u32 = hint.split('.').next()?.parse().ok()?;
    match major {
        13.. => Some("11".to_owned()),
        1.. => Some("10".to_owned()),
        // 7, 8 and 8.1 say 0.1, 0.2 and 0.3.
        0 => match hint.split('.').nth(1)? {
            "1" => Some("7".to_owned()),
            "2" => Some("8".to_owned()),
            "3" => Some("8.1".to_owned()),
            _ => None,
        },
    }
}

/// The system and its version, named as hints name them.
fn system(told: &WootheeResult<'_>) -> (Option<String>, Option<String>) {
    let version = Some(told.os_version.to_string());
    match told.os {
        // A user agent says 10 of Windows 11, too.
        os if os.starts_with("Windows ") && !os.contains("Phone") => {
            let version = os.trim_start_matches("Windows ");
            (Some("Windows".to_owned()), Some(version.to_owned()).filter(|version| !version.contains("UNKNOWN")))
        }
        "Mac OSX" => (Some("macOS".to_owned()), version),
        "iPhone" | "iPad" | "iPod" | "iOS" => (Some("iOS".to_owned()), version),
        "ChromeOS" => (Some("Chrome OS".to_owned()), version),
        os => (Some(os.to_owned()), version),
    }
}

/// `desktop`, `mobile` or `other`, which is a game console or a television.
fn device(hints: &Value, told: Option<&WootheeResult<'_>>) -> Option<&'static str> {
    if hints.get("mobile") == Some(&Value::Bool(true)) {
        return Some("mobile");
    }
    match told.map(|told| told.category) {
        Some("pc") => Some("desktop"),
        Some("smartphone" | "mobilephone") => Some("mobile"),
        Some("appliance") => Some("other"),
        _ => None,
    }
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    const WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36";
    const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1";

    fn context(context: &Value) -> Object {
        Object::from(context.as_object().unwrap())
    }

    #[test]
    fn hints_are_preferred_to_the_user_agent() {
        let check = |given: Value, expected: Value| {
            assert_eq!(Value::Object(of(&context(&given))), expected, "{given}");
        };
        check(json!({}), json!({}));
        check(json!({"userAgent": 7, "userAgentData": "x"}), json!({}));
        check(
            json!({"userAgent": WINDOWS}),
            json!({"browser": "Chrome", "browserVersion": "130.0.0.0", "os": "Windows", "osVersion": "10", "device": "desktop"}),
        );
        check(
            json!({"userAgent": IPHONE}),
            json!({"browser": "Safari", "browserVersion": "18.1", "os": "iOS", "osVersion": "18.1", "device": "mobile"}),
        );
        let brands = |list: &[(&str, &str)]| -> Value {
            list.iter().map(|(brand, version)| json!({"brand": brand, "version": version})).collect()
        };
        let edge = brands(&[("Not?A_Brand", "99"), ("Chromium", "130"), ("Microsoft Edge", "130")]);
        check(
            json!({"userAgent": WINDOWS, "userAgentData": {"brands": edge, "mobile": false, "platform": "Windows"}}),
            json!({"browser": "Edge", "browserVersion": "130", "os": "Windows", "device": "desktop"}),
        );
        let full =
            brands(&[("Chromium", "130.0.6723.70"), ("Google Chrome", "130.0.6723.70"), (" Not A;Brand", "8.0")]);
        check(
            json!({"userAgent": WINDOWS, "userAgentData": {
                "brands": edge, "fullVersionList": full, "platform": "Windows", "platformVersion": "15.0.0",
            }}),
            json!({"browser": "Chrome", "browserVersion": "130.0.6723.70", "os": "Windows", "osVersion": "11", "device": "desktop"}),
        );
        check(
            json!({"userAgentData": {"brands": brands(&[("Chromium", "130")]), "mobile": true, "model": "Pixel 8",
                "platform": "Android", "platformVersion": "15.0.0"}}),
            json!({"browser": "Chromium", "browserVersion": "130", "os": "Android", "osVersion": "15.0.0", "device": "mobile",
                "model": "Pixel 8"}),
        );
    }

    #[test]
    fn a_bot_is_told_by_either() {
        let check = |given: Value, expected: bool| assert_eq!(is_bot(&context(&given)), expected, "{given}");
        let brands = |brand: &str| json!({"brands": [{"brand": brand, "version": "130"}]});
        check(json!({}), false);
        check(json!({"userAgent": WINDOWS, "userAgentData": brands("Google Chrome")}), false);
        check(json!({"userAgent": WINDOWS, "userAgentData": brands("HeadlessChrome")}), true);
        check(json!({"userAgent": "AdsBot-Google (+http://www.google.com/adsbot.html)"}), true);
    }
}
