//! The settings, as `tag.toml` describes them.

use alloc::collections::BTreeMap;
use alloc::string::String;

use serde::Deserialize;
use tagyard_tag::{Auth, Encoding, Failure, Hmac, Method};

const SIGNING_KEY: &str = "signing_key";
const TOKEN: &str = "token";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub url: String,
    #[serde(default)]
    method: Verb,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    pub body: Body,
    #[serde(default)]
    pub envelope: Option<String>,
    #[serde(default)]
    bearer: bool,
    #[serde(default)]
    sign: Option<Sign>,
}

/// What a request carries.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    #[default]
    Event,
    Batch,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Verb {
    #[default]
    Post,
    Put,
    Patch,
    Get,
    Delete,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Sign {
    header: String,
    prefix: String,
    encoding: DigestEncoding,
}

impl Default for Sign {
    fn default() -> Self {
        Sign { header: "x-signature".into(), prefix: "sha256=".into(), encoding: DigestEncoding::Hex }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DigestEncoding {
    Hex,
    Base64,
}

impl Settings {
    /// Refuses what the schema cannot: two values for one header.
    pub fn check(&self) -> Result<(), Failure> {
        if self.bearer && self.has_header("authorization") {
            return Err(Failure::Settings(
                "`bearer` and the header `authorization` both say how to authenticate: leave one out".into(),
            ));
        }
        match &self.sign {
            Some(sign) if self.has_header(&sign.header) => {
                Err(Failure::Settings("the header of `sign` also stands in `headers`: leave it out there".into()))
            }
            _ => Ok(()),
        }
    }

    pub fn method(&self) -> Method {
        match self.method {
            Verb::Post => Method::Post,
            Verb::Put => Method::Put,
            Verb::Patch => Method::Patch,
            Verb::Get => Method::Get,
            Verb::Delete => Method::Delete,
        }
    }

    /// Whether the method carries a body: for GET and DELETE one has no meaning (RFC 9110, sections 9.3.1 and 9.3.5).
    pub fn has_body(&self) -> bool {
        !matches!(self.method, Verb::Get | Verb::Delete)
    }

    /// The headers to send. A request has one `auth`: beside a signature, the token goes into the header itself.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let content_type =
            (self.has_body() && !self.has_header("content-type")).then_some(("content-type", "application/json"));
        let bearer = (self.bearer && self.sign.is_some()).then_some(("authorization", "Bearer {{secret:token}}"));
        let own = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        content_type.into_iter().chain(bearer).chain(own)
    }

    pub fn auth(&self) -> Option<Auth> {
        match &self.sign {
            Some(sign) => Some(Auth::HmacSha256(Hmac {
                secret: SIGNING_KEY.into(),
                header: sign.header.clone(),
                prefix: sign.prefix.clone(),
                encoding: match sign.encoding {
                    DigestEncoding::Hex => Encoding::Hex,
                    DigestEncoding::Base64 => Encoding::Base64,
                },
            })),
            None => self.bearer.then(|| Auth::Bearer(TOKEN.into())),
        }
    }

    fn has_header(&self, name: &str) -> bool {
        self.headers.keys().any(|own| own.eq_ignore_ascii_case(name))
    }
}
