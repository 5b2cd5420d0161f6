//! Browser and operating system of a user agent, under the names that Mixpanel's own library gives them.

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Agent {
    pub(crate) browser: Option<&'static str>,
    pub(crate) version: Option<f64>,
    pub(crate) os: Option<&'static str>,
}

/// What stands before the version, and the browser. The first that is found counts: most browsers also name an older one.
const BROWSERS: [(&str, &str); 11] = [
    ("OPR/", "Opera"),
    ("Edg/", "Microsoft Edge"),
    ("EdgA/", "Microsoft Edge"),
    ("EdgiOS/", "Microsoft Edge"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox iOS"),
    ("CriOS/", "Chrome iOS"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Trident/", "Internet Explorer"),
    ("MSIE ", "Internet Explorer"),
];

const SYSTEMS: [(&str, &str); 9] = [
    ("Windows Phone", "Windows Phone"),
    ("Windows", "Windows"),
    ("iPhone", "iOS"),
    ("iPad", "iOS"),
    ("iPod", "iOS"),
    ("Android", "Android"),
    ("Macintosh", "Mac OS X"),
    ("CrOS", "Chrome OS"),
    ("Linux", "Linux"),
];

impl Agent {
    pub(crate) fn of(text: &str) -> Self {
        let os = SYSTEMS.iter().find(|(mark, _)| text.contains(mark)).map(|(_, name)| *name);
        let (browser, mark) = match BROWSERS.iter().find(|(mark, _)| text.contains(mark)) {
            Some((mark, name)) => (Some(*name), *mark),
            None if text.contains("Safari/") && text.contains("Mobile/") => (Some("Mobile Safari"), "Version/"),
            None if text.contains("Safari/") => (Some("Safari"), "Version/"),
            None => return Agent { os, ..Agent::default() },
        };
        Agent { browser, version: version(text, mark), os }
    }
}

/// The number up to the second dot: `145.0` of `145.0.7444.60`.
fn version(text: &str, mark: &str) -> Option<f64> {
    let (_, rest) = text.split_once(mark)?;
    let rest = rest.split(|char: char| !char.is_ascii_digit() && char != '.').next()?;
    let end = rest.match_indices('.').nth(1).map_or(rest.len(), |(end, _)| end);
    rest[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::Agent;

    #[test]
    fn common_agents_are_known() {
        let check = |text: &str, browser, version, os| {
            assert_eq!(Agent::of(text), Agent { browser, version, os }, "{text}");
        };
        check(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.3595.53",
            Some("Microsoft Edge"),
            Some(142.0),
            Some("Windows"),
        );
        check(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
            Some("Mobile Safari"),
            Some(18.6),
            Some("iOS"),
        );
        check(
            "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
            Some("Firefox"),
            Some(145.0),
            Some("Linux"),
        );
        check(
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
            Some("Chrome"),
            Some(142.0),
            Some("Android"),
        );
        check("curl/8.14.1", None, None, None);
        check("Firefox/", Some("Firefox"), None, None);
    }
}
