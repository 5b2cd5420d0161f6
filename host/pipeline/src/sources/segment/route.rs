//! The paths of Segment's HTTP API.

use http::Method;

use crate::event::Kind;

/// What a request asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Route<'p> {
    /// One event, whose kind the path tells.
    One(Kind),
    /// Many events, each with its `type`.
    Batch,
    /// One event of this kind in the query.
    Pixel(Kind),
    /// Analytics.js' counters about itself.
    Metrics,
    /// What an SDK fetches before it starts, for this write key.
    Settings(&'p str),
}

impl<'p> Route<'p> {
    pub(super) fn of(method: &Method, path: &'p str) -> Option<Self> {
        let rest = path.strip_prefix("/v1/")?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if method == Method::POST {
            return post(rest);
        }
        if method == Method::GET {
            if let Some(name) = rest.strip_prefix("pixel/") {
                return Kind::from_name(name).map(Route::Pixel);
            }
            let key = rest.strip_prefix("projects/")?.strip_suffix("/settings")?;
            return (!key.is_empty() && !key.contains('/')).then_some(Route::Settings(key));
        }
        None
    }
}

fn post<'p>(name: &str) -> Option<Route<'p>> {
    Some(match name {
        "track" | "t" => Route::One(Kind::Track),
        "page" | "p" => Route::One(Kind::Page),
        "screen" | "s" => Route::One(Kind::Screen),
        "identify" | "i" => Route::One(Kind::Identify),
        "group" | "g" => Route::One(Kind::Group),
        "alias" | "a" => Route::One(Kind::Alias),
        "batch" | "b" | "import" => Route::Batch,
        "m" => Route::Metrics,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_paths_of_the_api_and_no_others() {
        let check = |method: Method, path: &str, expected: Option<Route<'_>>| {
            assert_eq!(Route::of(&method, path), expected, "{method} {path}");
        };
        for kind in Kind::ALL {
            check(Method::POST, &format!("/v1/{}", kind.name()), Some(Route::One(kind)));
            check(Method::GET, &format!("/v1/pixel/{}", kind.name()), Some(Route::Pixel(kind)));
            check(Method::POST, &format!("/v1/{}", &kind.name()[..1]), Some(Route::One(kind)));
        }
        check(Method::POST, "/v1/batch", Some(Route::Batch));
        check(Method::POST, "/v1/b/", Some(Route::Batch));
        check(Method::POST, "/v1/import", Some(Route::Batch));
        check(Method::POST, "/v1/m", Some(Route::Metrics));
        check(Method::GET, "/v1/projects/shop-web/settings", Some(Route::Settings("shop-web")));
        check(Method::GET, "/v1/projects//settings", None);
        check(Method::GET, "/v1/projects/a/b/settings", None);
        check(Method::GET, "/v1/pixel/buy", None);
        check(Method::POST, "/v1/pixel/track", None);
        check(Method::GET, "/v1/track", None);
        check(Method::POST, "/v1/projects/shop-web/settings", None);
        check(Method::POST, "/v1/", None);
        check(Method::POST, "/v2/track", None);
        check(Method::POST, "/track", None);
    }
}
