//! Where a request comes from: its connection, or what a proxy says that the container trusts.

use std::net::IpAddr;

use http::header::{FORWARDED, HeaderName};
use http::{HeaderMap, HeaderValue};
use ipnet::IpNet;

use super::hops;
use crate::container::edge;
use crate::expression::network;

/// The proxies that a container trusts.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    trusted: Vec<IpNet>,
    said_in: Option<Header>,
}

/// How proxies say where a request comes from.
#[derive(Clone, Debug)]
enum Header {
    /// Every hop of the way.
    ForwardedFor(HeaderName),
    Forwarded,
    /// The visitor's address alone.
    Address(HeaderName),
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Origin {
    /// The visitor's address, if it is known.
    pub ip: Option<IpAddr>,
    /// Whether the connection is a trusted proxy's, so that what it says in headers is believed.
    pub is_by_proxy: bool,
}

/// Why proxies do not compile. A checked container has none such.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProxiesError {
    #[error("`collect.proxies.trusted`: `{0}` is no network: write it as `10.0.0.0/8`")]
    Network(String),
    #[error("`collect.proxies.header`: `{0}` is no header's name")]
    Header(String),
}

impl Proxies {
    /// Compiles what a container says of them.
    ///
    /// # Errors
    /// When a network or the header is none.
    pub fn compile(spec: Option<&edge::Proxies>) -> Result<Self, ProxiesError> {
        let Some(spec) = spec else { return Ok(Proxies::default()) };
        let trusted = |text: &String| network(text).ok_or_else(|| ProxiesError::Network(text.clone()));
        let name: HeaderName = spec.header.parse().map_err(|_| ProxiesError::Header(spec.header.clone()))?;
        let header = match name.as_str() {
            "x-forwarded-for" => Header::ForwardedFor(name),
            "forwarded" => Header::Forwarded,
            _ => Header::Address(name),
        };
        Ok(Proxies { trusted: spec.trusted.iter().map(trusted).collect::<Result<_, _>>()?, said_in: Some(header) })
    }

    /// Where a request comes from whose connection is that address's.
    ///
    /// Of the hops that proxies wrote down, the last that is not trusted: what stands before it, its sender may have made up. If all are
    /// trusted, it is the first. One that cannot be read is nobody's address, and so is what stands before it.
    pub fn origin(&self, connection: Option<IpAddr>, headers: &HeaderMap) -> Origin {
        // An IPv4 visitor of a dual-stack socket is one of IPv4, as vendors expect it.
        let connection = connection.map(|ip| ip.to_canonical());
        let Some((said_in, ip)) = self.said_in.as_ref().zip(connection).filter(|(_, ip)| self.is_trusted(*ip)) else {
            return Origin { ip: connection, is_by_proxy: false };
        };
        let ip = match said_in {
            Header::ForwardedFor(name) => self.visitor(ip, hops::forwarded_for(&lines(headers, name))),
            Header::Forwarded => self.visitor(ip, hops::forwarded(&lines(headers, &FORWARDED))),
            // The nearest proxy's is the last one.
            Header::Address(name) => match lines(headers, name).last() {
                Some(line) => hops::address(line),
                None => Some(ip),
            },
        };
        Origin { ip, is_by_proxy: true }
    }

    /// Whether a request has the header that the container's proxies speak by, whoever put it there.
    pub fn is_named_in(&self, headers: &HeaderMap) -> bool {
        match &self.said_in {
            Some(Header::ForwardedFor(name) | Header::Address(name)) => headers.contains_key(name),
            Some(Header::Forwarded) => headers.contains_key(FORWARDED),
            None => false,
        }
    }

    fn visitor(&self, connection: IpAddr, hops: impl Iterator<Item = Option<IpAddr>>) -> Option<IpAddr> {
        let mut visitor = Some(connection);
        for hop in hops {
            visitor = hop;
            if !hop.is_some_and(|ip| self.is_trusted(ip)) {
                break;
            }
        }
        visitor
    }

    fn is_trusted(&self, ip: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&ip))
    }
}

fn lines<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Vec<&'h str> {
    // What is no text is no address either.
    let text = |value: &'h HeaderValue| value.to_str().unwrap_or_default();
    headers.get_all(name).iter().map(text).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn check(header: &str, connection: &str, headers: &[(&str, &str)], expected: &str) {
        let trusted = ["10.0.0.0/8", "192.0.2.1", "2001:db8:1::/48"].map(str::to_owned).to_vec();
        let proxies = Proxies::compile(Some(&edge::Proxies { trusted, header: header.to_owned() })).unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let origin = proxies.origin(connection.parse().ok(), &map);
        let said = origin.ip.map_or("nobody".to_owned(), |ip| ip.to_string());
        assert_eq!(said, expected, "{header} {connection} {headers:?}");
    }

    #[test]
    fn the_last_hop_that_is_not_trusted_is_the_visitor() {
        let check = |connection: &str, said: &[&str], expected: &str| {
            let headers: Vec<_> = said.iter().map(|said| ("x-forwarded-for", *said)).collect();
            super::tests::check("X-Forwarded-For", connection, &headers, expected);
        };
        check("198.51.100.9", &["203.0.113.5"], "198.51.100.9");
        check("10.0.0.1", &["203.0.113.5"], "203.0.113.5");
        check("::ffff:10.0.0.1", &["203.0.113.5"], "203.0.113.5");
        check("10.0.0.1", &["1.2.3.4, 203.0.113.5"], "203.0.113.5");
        check("10.0.0.1", &["1.2.3.4, 203.0.113.5, 10.9.9.9, 192.0.2.1"], "203.0.113.5");
        check("10.0.0.1", &["1.2.3.4", "203.0.113.5", "2001:db8:1::7"], "203.0.113.5");
        check("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3");
        check("10.0.0.1", &[], "10.0.0.1");
        // Whose address it is cannot be told: it must not be the proxy's.
        check("10.0.0.1", &["203.0.113.5, unknown"], "nobody");
        check("10.0.0.1", &[""], "nobody");
        check("", &["203.0.113.5"], "nobody");
    }

    #[test]
    fn other_headers_are_read_where_the_container_names_them() {
        check(
            "Forwarded",
            "10.0.0.1",
            &[("forwarded", "for=1.2.3.4, for=203.0.113.5;by=x, for=10.0.0.2")],
            "203.0.113.5",
        );
        check("forwarded", "198.51.100.9", &[("forwarded", "for=203.0.113.5")], "198.51.100.9");
        check("Forwarded", "10.0.0.1", &[("x-forwarded-for", "203.0.113.5")], "10.0.0.1");
        let cloudflare = [("cf-connecting-ip", "203.0.113.5"), ("x-forwarded-for", "1.2.3.4")];
        check("CF-Connecting-IP", "192.0.2.1", &cloudflare, "203.0.113.5");
        check("CF-Connecting-IP", "198.51.100.9", &cloudflare, "198.51.100.9");
        let twice = [("x-real-ip", "1.2.3.4"), ("x-real-ip", "203.0.113.5")];
        check("X-Real-IP", "10.0.0.1", &twice, "203.0.113.5");
    }

    #[test]
    fn nobody_is_trusted_unless_the_container_says_so() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "203.0.113.5".parse().unwrap());
        let origin = Proxies::default().origin("127.0.0.1".parse().ok(), &headers);
        assert_eq!(origin, Origin { ip: "127.0.0.1".parse().ok(), is_by_proxy: false });
    }
}
