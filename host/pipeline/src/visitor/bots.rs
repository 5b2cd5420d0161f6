//! User agents that are no visitors, by a list that is kept elsewhere: see `bots.txt`.

use std::sync::LazyLock;

use regex::bytes::{Regex, RegexBuilder};

/// The longest part of a user agent that is looked at; collectors keep no longer one.
const MAX_BYTES: usize = 1024;

/// Room for the compiled list and for what matching remembers of it, in bytes.
const COMPILED_BYTES: usize = 32 << 20;

const LIST: &str = include_str!("bots.txt");

/// All of the list as one expression; it takes time in proportion to the text. Made when the first container asks.
static BOTS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let patterns: Vec<String> = patterns().map(|pattern| format!("(?:{pattern})")).collect();
    let all = RegexBuilder::new(&patterns.join("|"))
        .unicode(false)
        .size_limit(COMPILED_BYTES)
        .dfa_size_limit(COMPILED_BYTES)
        .build();
    // A test has compiled it.
    all.ok()
});

fn patterns() -> impl Iterator<Item = &'static str> {
    LIST.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

pub(super) fn is_bot(user_agent: &str) -> bool {
    let bytes = user_agent.as_bytes();
    let looked_at = bytes.get(..MAX_BYTES).unwrap_or(bytes);
    BOTS.as_ref().is_some_and(|bots| bots.is_match(looked_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crawlers_are_told_from_persons() {
        let check = |expected: bool, user_agent: &str| assert_eq!(is_bot(user_agent), expected, "{user_agent}");
        let bot = |user_agent: &str| check(true, user_agent);
        bot("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)");
        bot(
            "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        );
        bot("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)");
        bot("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; GPTBot/1.2; +https://openai.com/gptbot");
        bot("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)");
        bot("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)");
        bot(
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/130.0.0.0 Safari/537.36",
        );
        bot(
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Chrome-Lighthouse",
        );
        let person = |user_agent: &str| check(false, user_agent);
        person("");
        person(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
        );
        person(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
        );
        person("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0");
        // A phone's maker, apps' browsers, and apps themselves.
        person(
            "Mozilla/5.0 (Linux; Android 8.1.0; CUBOT X18 Plus Build/O11019) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/89.0.4389.105 Mobile Safari/537.36",
        );
        person(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22B83 [FBAN/FBIOS;FBAV/488.0.0.68.103;FBDV/iPhone15,2]",
        );
        person(
            "Mozilla/5.0 (Linux; Android 14; SM-S911B; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/130.0.6723.58 Mobile Safari/537.36 Instagram 354.0.0.28.90 Android",
        );
        person("Shop/3.2 CFNetwork/1568.200.51 Darwin/24.1.0");
        person("okhttp/4.12.0");
        person("python-requests/2.32.3");
    }

    #[test]
    fn every_expression_of_the_list_is_one() {
        assert!(BOTS.is_some());
        assert!(patterns().count() > 1000);
    }
}
