//! What proxies write down of the way that a request took: `X-Forwarded-For`, and `Forwarded` (RFC 7239).

use std::net::{IpAddr, SocketAddr};

/// The most hops that are looked at, from the last one on: more proxies stand in no one's way, and headers are the sender's to fill.
pub(super) const MAX_HOPS: usize = 32;

/// The addresses of an `X-Forwarded-For`'s lines, the last one first; `None` for one that is no address.
pub(super) fn forwarded_for<'h>(lines: &'h [&'h str]) -> impl Iterator<Item = Option<IpAddr>> + 'h {
    lines.iter().rev().flat_map(|line| line.rsplit(',')).take(MAX_HOPS).map(address)
}

/// The same of a `Forwarded`. A hop that says nothing of whom it is for, or that hides it (`unknown`, `_name`), has no address.
pub(super) fn forwarded<'h>(lines: &'h [&'h str]) -> impl Iterator<Item = Option<IpAddr>> + 'h {
    let hops = lines.iter().rev().flat_map(|line| parts(line, ',').into_iter().rev());
    hops.take(MAX_HOPS).map(|hop| {
        let pairs = parts(hop, ';').into_iter().filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
        address(value.trim().trim_matches('"'))
    })
}

/// An address as proxies write it: `192.0.2.7`, `192.0.2.7:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let ip: Option<IpAddr> = text.parse().ok();
    let ip = ip.or_else(bare).or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()));
    ip.map(|ip| ip.to_canonical())
}

/// The parts of a text between separators that stand in no quoted string.
fn parts(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut is_quoted, mut is_escaped) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            c if c == separator && !is_quoted => {
                parts.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_read_as_proxies_write_them() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(address(text), expected.map(|ip| ip.parse().unwrap()), "{text}");
        };
        check("192.0.2.7", Some("192.0.2.7"));
        check(" 192.0.2.7:4711 ", Some("192.0.2.7"));
        check("2001:db8::1", Some("2001:db8::1"));
        check("[2001:db8::1]", Some("2001:db8::1"));
        check("[2001:db8::1]:4711", Some("2001:db8::1"));
        check("::ffff:192.0.2.7", Some("192.0.2.7"));
        ["", "unknown", "_hidden", "192.0.2", "shop.example", "[192.0.2.7", "192.0.2.7, 192.0.2.8"]
            .iter()
            .for_each(|text| check(text, None));
    }

    proptest! {
        #[test]
        fn no_text_of_a_sender_s_does_harm(one in ".{0,80}", other in "(for=|[a-z0-9.:,;=\"\\\\\\[\\]]){0,80}") {
            let lines = [one.as_str(), other.as_str()];
            prop_assert!(forwarded_for(&lines).count() <= MAX_HOPS);
            prop_assert!(forwarded(&lines).count() <= MAX_HOPS);
        }
    }

    #[test]
    fn hops_are_read_from_the_last_one_on() {
        let said = |hops: &mut dyn Iterator<Item = Option<IpAddr>>| {
            let hops: Vec<String> = hops.map(|ip| ip.map_or("-".to_owned(), |ip| ip.to_string())).collect();
            hops.join(" ")
        };
        let check = |lines: &[&str], expected: &str| assert_eq!(said(&mut forwarded_for(lines)), expected, "{lines:?}");
        check(&[], "");
        check(&["192.0.2.1, 192.0.2.2", "192.0.2.3"], "192.0.2.3 192.0.2.2 192.0.2.1");
        check(&["junk,, 192.0.2.2"], "192.0.2.2 - -");
        check(&[&"192.0.2.1,".repeat(1000)], &format!("-{}", " 192.0.2.1".repeat(MAX_HOPS - 1)));

        let check = |lines: &[&str], expected: &str| assert_eq!(said(&mut forwarded(lines)), expected, "{lines:?}");
        check(&["for=192.0.2.43, for=198.51.100.17;by=203.0.113.60;proto=http"], "198.51.100.17 192.0.2.43");
        check(&[r#"For="[2001:db8:cafe::17]:4711""#, "proto=https;FOR=192.0.2.1"], "192.0.2.1 2001:db8:cafe::17");
        check(&[r#"for="_x,y;for=192.0.2.9", for=unknown"#, "by=192.0.2.1"], "- - -");
        check(&[r#"for=192.0.2.1;secret="a\",for=192.0.2.9""#], "192.0.2.1");
    }
}
