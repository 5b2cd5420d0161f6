//! Where visitors are.

use tagyard_pipeline::container::edge::{Edge, Geo, GeoHeaders, Platform};

use super::words::listed;

pub(super) fn sentence(geo: &Geo) -> String {
    let Geo { file, edge, city } = geo;
    let edge = edge.as_ref().map(|edge| match edge {
        Edge::Platform(Platform::AppEngine) => "the headers of App Engine".to_owned(),
        Edge::Platform(Platform::Cloudflare) => "the headers of Cloudflare".to_owned(),
        Edge::Platform(Platform::Cloudfront) => "the headers of CloudFront".to_owned(),
        Edge::Platform(Platform::Vercel) => "the headers of Vercel".to_owned(),
        Edge::Headers(GeoHeaders { country, region, city }) => {
            let names: Vec<&String> = [Some(country), region.as_ref(), city.as_ref()].into_iter().flatten().collect();
            let what = if names.len() == 1 { "the header" } else { "the headers" };
            format!("{what} {} of the proxies", listed(&names, "and"))
        }
    });
    let file = file.as_ref().map(|file| format!("the address and the database {file}"));
    let by: Vec<String> = edge.into_iter().chain(file).collect();
    let what = if *city { "country, region and city" } else { "country and region" };
    format!(
        "The visitor's {what} are found out by {}, and put into the event (`context.location`) where it has none.",
        listed(&by, "or else by")
    )
}
