//! What Meta calls an event.

use tagyard_tag::{Event, Kind};

use crate::settings::Settings;

pub(crate) const PURCHASE: &str = "Purchase";
pub(crate) const INITIATE_CHECKOUT: &str = "InitiateCheckout";

/// Why an event has no name at Meta's.
pub(crate) enum Unnamed {
    /// There is nothing like it.
    Foreign(&'static str),
    /// It should have one.
    Missing,
}

/// The name to send: the operator's, or else the standard event that fits one of the e-commerce spec, or else its own.
pub(crate) fn event_name<'a>(event: &'a Event<'_>, settings: &'a Settings) -> Result<&'a str, Unnamed> {
    match event.kind {
        Kind::Page => Ok("PageView"),
        Kind::Track => {
            let name = event.name().ok_or(Unnamed::Missing)?;
            Ok(settings.events.get(name).map_or_else(|| standard(name), |own| own.as_str()))
        }
        Kind::Screen => Err(Unnamed::Foreign("a screen belongs to Meta's app events, which this tag does not send")),
        Kind::Identify | Kind::Group | Kind::Alias => {
            Err(Unnamed::Foreign("Meta takes track and page events; this one tells only who somebody is"))
        }
    }
}

/// Meta's standard events, by "Meta Pixel Reference: Standard Events". A custom name stays as it is.
fn standard(name: &str) -> &str {
    match name {
        "Product Viewed" | "Product List Viewed" => "ViewContent",
        "Products Searched" => "Search",
        "Product Added" => "AddToCart",
        "Product Added to Wishlist" => "AddToWishlist",
        "Checkout Started" => INITIATE_CHECKOUT,
        "Payment Info Entered" => "AddPaymentInfo",
        "Order Completed" => PURCHASE,
        "Signed Up" => "CompleteRegistration",
        "Trial Started" => "StartTrial",
        other => other,
    }
}
