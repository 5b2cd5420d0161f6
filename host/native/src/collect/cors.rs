//! Which pages may send events: the container's origins, as CORS has it.

use std::time::Duration;

use http::Method;
use http::header::{HeaderValue, RETRY_AFTER};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

/// How long a browser remembers a preflight; browsers cap it themselves, at two hours or a day.
const PREFLIGHT_AGE: Duration = Duration::from_secs(86_400);

pub(super) fn layer(origins: &[String]) -> CorsLayer {
    let layer = CorsLayer::new()
        .allow_methods([Method::GET, Method::POST])
        // SDKs add headers of their own, as Analytics.js does when it sends an event again, and sites configure more. None of
        // them allows a sender anything.
        .allow_headers(AllowHeaders::mirror_request())
        // Otherwise a script is not shown how long it has to wait.
        .expose_headers([RETRY_AFTER])
        .max_age(PREFLIGHT_AGE);
    if origins.iter().any(|origin| origin == "*") {
        // Without credentials, as CORS wants it of a wildcard.
        return layer.allow_origin(AllowOrigin::any());
    }
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    layer.allow_origin(AllowOrigin::list(origins)).allow_credentials(true)
}
