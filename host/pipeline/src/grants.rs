//! Grants: what the operator allows a tag.

use std::fmt;
use std::net::IpAddr;

use crate::path::Fields;

/// What one tag may see and reach.
#[derive(Clone, Debug)]
pub struct Grant {
    pub hosts: Vec<HostPattern>,
    pub fields: Fields,
    /// Whether its hosts may have private or loopback addresses.
    pub private_network: bool,
    /// Whether it may send over plain `http`.
    pub plain_http: bool,
}

impl Grant {
    pub fn reaches(&self, host: &str, port: u16) -> bool {
        self.hosts.iter().any(|pattern| pattern.matches(host, port))
    }
}

/// The port of `https`, which a pattern means when it names none. One that is granted plain `http` names its port.
const DEFAULT_PORT: u16 = 443;

/// Which hosts: `api.vendor.com`, `*.vendor.com` (any depth below, not `vendor.com` itself), `10.0.0.7`,
/// `collector.internal:8443`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HostPattern {
    /// Below `host`, rather than `host` itself.
    below: bool,
    /// Lower case, and punycode where it is international.
    host: String,
    port: u16,
}

/// Why a text is no host pattern.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum HostPatternError {
    #[error("a host stands without scheme and path: write `{0}`")]
    Url(String),
    #[error("`*` stands only for the whole first part, above a domain of two parts or more, as in `*.vendor.com`")]
    Star,
    #[error("this is no host name or address")]
    Host,
    #[error("this is no port: it is a number from 1 to 65535")]
    Port,
}

impl HostPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, HostPatternError> {
        if let Some((_, rest)) = text.split_once("://") {
            return Err(HostPatternError::Url(rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned()));
        }
        if let Some((host, _)) = text.split_once('/') {
            return Err(HostPatternError::Url(host.to_owned()));
        }
        let (host, port) = split_port(text)?;
        let (below, host) = match host.strip_prefix("*.") {
            Some(domain) => (true, domain),
            None => (false, host),
        };
        if host.contains('*') {
            return Err(HostPatternError::Star);
        }
        let host = match url::Host::parse(host).map_err(|_| HostPatternError::Host)? {
            url::Host::Domain(domain) => domain.trim_end_matches('.').to_owned(),
            _ if below => return Err(HostPatternError::Star),
            address => address.to_string(),
        };
        if host.is_empty() {
            return Err(HostPatternError::Host);
        }
        if below && !host.contains('.') {
            return Err(HostPatternError::Star);
        }
        Ok(HostPattern { below, host, port })
    }

    /// Whether it means this host, given as a URL has it (lower case, punycode, IPv6 in brackets).
    pub fn matches(&self, host: &str, port: u16) -> bool {
        let host = host.trim_end_matches('.');
        self.port == port
            && match self.below {
                false => host == self.host,
                true => host.strip_suffix(self.host.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            }
    }

    /// Whether it means every host that `other` means.
    pub fn covers(&self, other: &HostPattern) -> bool {
        if self.port != other.port {
            return false;
        }
        match (self.below, other.below) {
            (_, false) => self.matches(&other.host, other.port),
            (true, true) => self.host == other.host || self.matches(&other.host, other.port),
            (false, true) => false,
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.below {
            f.write_str("*.")?;
        }
        f.write_str(&self.host)?;
        if self.port != DEFAULT_PORT {
            write!(f, ":{}", self.port)?;
        }
        Ok(())
    }
}

fn split_port(text: &str) -> Result<(&str, u16), HostPatternError> {
    let colon = match text.rfind(':') {
        Some(colon) if !text[colon..].contains(']') => colon,
        _ => return Ok((text, DEFAULT_PORT)),
    };
    let port = text[colon + 1..].parse().ok().filter(|port| *port != 0).ok_or(HostPatternError::Port)?;
    Ok((&text[..colon], port))
}

/// Whether an address belongs to this machine or a private network, where a tag could reach what the internet cannot:
/// databases, cloud metadata, the admin socket. Only a grant with `private_network` opens it.
///
/// The ranges are those of the IANA special-purpose registries that are not globally reachable (RFC 6890 and its updates).
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_broadcast()
                || v4.is_documentation()
                || v4.is_multicast()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (b == 18 || b == 19))
        }
        IpAddr::V6(v6) => {
            if let Some(v4) = embedded_v4(v6) {
                return is_private(IpAddr::V4(v4));
            }
            let [first, second, ..] = v6.segments();
            // Global unicast is 2000::/3; in it, 2001::/23 (but for what is embedded above), 2001:db8::/32 and 3fff::/20 are not.
            first & 0xe000 != 0x2000
                || (first == 0x2001 && second < 0x0200)
                || (first == 0x2001 && second == 0x0db8)
                || (first == 0x3fff && second < 0x1000)
        }
    }
}

/// The IPv4 address that an IPv6 one stands for: mapped, NAT64 (RFC 6052) or 6to4 (RFC 3056).
fn embedded_v4(v6: std::net::Ipv6Addr) -> Option<std::net::Ipv4Addr> {
    let from = |high: u16, low: u16| std::net::Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] => Some(from(high, low)),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(from(high, low)),
        [0x2002, high, low, ..] => Some(from(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_their_hosts_only() {
        let check = |pattern: &str, host: &str, port: u16, expected: bool| {
            let pattern = HostPattern::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
            assert_eq!(pattern.matches(host, port), expected, "{pattern} matches {host}:{port}");
        };
        check("api.vendor.com", "api.vendor.com", 443, true);
        check("API.Vendor.com", "api.vendor.com", 443, true);
        check("api.vendor.com", "api.vendor.com.", 443, true);
        check("api.vendor.com", "api.vendor.com", 8443, false);
        check("api.vendor.com:8443", "api.vendor.com", 8443, true);
        check("*.vendor.com", "eu.api.vendor.com", 443, true);
        check("*.vendor.com", "vendor.com", 443, false);
        check("*.vendor.com", "evilvendor.com", 443, false);
        check("vendor.com", "vendor.com.evil.example", 443, false);
        check("127.0.0.1:80", "127.0.0.1", 80, true);
        check("[::1]:80", "[::1]", 80, true);
    }

    #[test]
    fn bad_patterns_say_how_to_mend_them() {
        let check = |pattern: &str, expected: HostPatternError| {
            assert_eq!(HostPattern::parse(pattern), Err(expected), "{pattern}")
        };
        check("https://api.vendor.com/v1", HostPatternError::Url("api.vendor.com".to_owned()));
        check("api.vendor.com/v1", HostPatternError::Url("api.vendor.com".to_owned()));
        check("*", HostPatternError::Star);
        check("*.com", HostPatternError::Star);
        check("api.*.com", HostPatternError::Star);
        check("*.10.0.0.1", HostPatternError::Star);
        check("", HostPatternError::Host);
        check("a b", HostPatternError::Host);
        check("vendor.com:0", HostPatternError::Port);
        check("vendor.com:x", HostPatternError::Port);
    }

    #[test]
    fn a_wider_pattern_covers_a_narrower_one() {
        let check = |wide: &str, narrow: &str, expected: bool| {
            let parse = |text: &str| HostPattern::parse(text).expect("pattern");
            assert_eq!(parse(wide).covers(&parse(narrow)), expected, "{wide} covers {narrow}");
        };
        check("*.vendor.com", "api.vendor.com", true);
        check("*.vendor.com", "*.eu.vendor.com", true);
        check("*.vendor.com", "*.vendor.com", true);
        check("api.vendor.com", "*.vendor.com", false);
        check("api.vendor.com", "api.vendor.com:8443", false);
    }

    #[test]
    fn private_addresses_are_known_in_every_disguise() {
        let check = |address: &str, expected: bool| {
            let address = address.parse().unwrap_or_else(|error| panic!("{address}: {error}"));
            assert_eq!(is_private(address), expected, "{address}");
        };
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "192.0.0.8",
            "198.18.0.1",
            "240.0.0.1",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "::127.0.0.1",
        ] {
            check(private, true);
        }
        for public in
            ["8.8.8.8", "142.250.1.1", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8", "172.32.0.1", "100.128.0.1"]
        {
            check(public, false);
        }
    }
}
