//! Where a visitor is: as the edge says it, or as a database of addresses has it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName};
use percent_encoding::percent_decode_str;

use super::proxies::Origin;
use crate::container::edge::{self, Platform};
use crate::place::Place;

/// A database of addresses. The pipeline reads no files: a host that has one hands it in.
pub trait Locate: fmt::Debug + Send + Sync {
    /// Where an address is, if the database knows.
    fn locate(&self, ip: IpAddr) -> Option<Place>;
}

/// How a container has it found out where visitors are.
#[derive(Clone, Debug)]
pub(super) struct Geo {
    edge: Option<Headers>,
    database: Option<Arc<dyn Locate>>,
    /// Whether the city is kept.
    city: bool,
}

/// The headers of an edge.
#[derive(Clone, Debug)]
struct Headers {
    country: HeaderName,
    region: Option<HeaderName>,
    city: Option<HeaderName>,
}

impl Geo {
    /// # Errors
    /// The name of a header that is none.
    pub(super) fn compile(spec: &edge::Geo, database: Option<Arc<dyn Locate>>) -> Result<Self, String> {
        let edge = spec.edge.as_ref().map(Headers::compile).transpose()?;
        Ok(Geo { edge, database, city: spec.city })
    }

    /// Where a request's visitor is.
    pub(super) fn of_request(&self, origin: &Origin, headers: &HeaderMap) -> Option<Place> {
        let said = self.edge.as_ref().filter(|_| origin.is_by_proxy).and_then(|edge| edge.read(headers));
        said.map(|place| self.kept(place)).or_else(|| self.of_address(origin.ip?))
    }

    /// Where an address is.
    pub(super) fn of_address(&self, ip: IpAddr) -> Option<Place> {
        self.database.as_ref()?.locate(ip).map(|place| self.kept(place))
    }

    fn kept(&self, place: Place) -> Place {
        if self.city { place } else { place.without_city() }
    }
}

impl Headers {
    fn compile(spec: &edge::Edge) -> Result<Self, String> {
        let named = |country: &str, region: Option<&str>, city: Option<&str>| {
            let name = |name: &str| name.parse().map_err(|_| name.to_owned());
            let (region, city) = (region.map(name).transpose()?, city.map(name).transpose()?);
            Ok(Headers { country: name(country)?, region, city })
        };
        match spec {
            edge::Edge::Platform(platform) => {
                let [country, region, city] = match platform {
                    Platform::AppEngine => ["x-appengine-country", "x-appengine-region", "x-appengine-city"],
                    // The country always; the others with the managed transform "Add visitor location headers".
                    Platform::Cloudflare => ["cf-ipcountry", "cf-region-code", "cf-ipcity"],
                    // Those that the distribution's origin request policy names.
                    Platform::Cloudfront => {
                        ["cloudfront-viewer-country", "cloudfront-viewer-country-region", "cloudfront-viewer-city"]
                    }
                    Platform::Vercel => ["x-vercel-ip-country", "x-vercel-ip-country-region", "x-vercel-ip-city"],
                };
                named(country, Some(region), Some(city))
            }
            edge::Edge::Headers(names) => named(&names.country, names.region.as_deref(), names.city.as_deref()),
        }
    }

    fn read(&self, headers: &HeaderMap) -> Option<Place> {
        let text = |name: &HeaderName| {
            let text = std::str::from_utf8(headers.get(name)?.as_bytes()).ok()?;
            // As Vercel and CloudFront write names that are not ASCII.
            percent_decode_str(text).decode_utf8().ok()
        };
        let (region, city) = (self.region.as_ref().and_then(text), self.city.as_ref().and_then(text));
        Place::new(&text(&self.country)?, region.as_deref(), city.as_deref())
    }
}
