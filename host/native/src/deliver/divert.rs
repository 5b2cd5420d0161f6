//! `--divert`: every delivery goes to one place instead, with the vendor's method, path, query, body and `Host`.

use std::fmt;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use url::{Position, Url};

/// Where deliveries go instead.
#[derive(Clone, Debug)]
pub struct Divert {
    scheme: Scheme,
    authority: Authority,
}

/// Why a URL is nowhere to divert to.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DivertError {
    #[error("it is `http://HOST:PORT` or `https://HOST:PORT`")]
    Form,
    #[error("it has no path or query of its own: the vendors' are kept")]
    Path,
}

impl Divert {
    /// Reads where to divert to.
    ///
    /// # Errors
    /// When the URL has another scheme than http and https, a user name, a path or a query.
    pub fn parse(text: &str) -> Result<Self, DivertError> {
        let url = Url::parse(text).map_err(|_| DivertError::Form)?;
        let scheme = match url.scheme() {
            "http" => Scheme::HTTP,
            "https" => Scheme::HTTPS,
            _ => return Err(DivertError::Form),
        };
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(DivertError::Path);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(DivertError::Form);
        }
        let authority = url[Position::BeforeHost..Position::AfterPort].parse().map_err(|_| DivertError::Form)?;
        Ok(Divert { scheme, authority })
    }

    pub(super) fn uri(&self, url: &Url) -> Uri {
        let path: Option<PathAndQuery> = url[Position::BeforePath..Position::AfterQuery].parse().ok();
        let parts = Uri::builder().scheme(self.scheme.clone()).authority(self.authority.clone());
        parts.path_and_query(path.unwrap_or_else(|| PathAndQuery::from_static("/"))).build().unwrap_or_default()
    }
}

impl fmt::Display for Divert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_path_and_query() -> Result<(), Box<dyn std::error::Error>> {
        let vendor = Url::parse("https://www.vendor.com/mp/collect?a=1&b=%7B#x")?;
        assert_eq!(Divert::parse("http://127.0.0.1:9000/")?.uri(&vendor), "http://127.0.0.1:9000/mp/collect?a=1&b=%7B");
        Ok(())
    }

    #[test]
    fn is_an_origin_and_nothing_more() {
        let check =
            |text: &str, expected: DivertError| assert_eq!(Divert::parse(text).map(|_| ()), Err(expected), "{text}");
        check("127.0.0.1:9000", DivertError::Form);
        check("ftp://127.0.0.1", DivertError::Form);
        check("http://me@127.0.0.1", DivertError::Form);
        check("http://127.0.0.1/collect", DivertError::Path);
    }
}
