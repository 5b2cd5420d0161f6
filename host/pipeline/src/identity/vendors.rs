//! The vendors' click ids and cookies: where each stands, and where in `context` tags find it.
//!
//! | vendor | in a query | cookies | in `context` |
//! |---|---|---|---|
//! | Google | `gclid`, `dclid`, `gbraid`, `wbraid` | `_gcl_aw`, `_gcl_dc`, `_gcl_ag`, `_gcl_gb`; `_ga`, `_ga_…` | `clickIds`; `ga.clientId`, `ga.sessionId` |
//! | LinkedIn | `li_fat_id` | `li_fat_id` | `clickIds` |
//! | Meta | `fbclid` | `_fbc`; `_fbp` | `clickIds`, `fbc`; `fbp` |
//! | Microsoft | `msclkid` | `_uetmsclkid`; `_uetvid` | `clickIds`; `uetvid` |
//! | Pinterest | `epik` | `_epik`; `_pin_unauth` | `clickIds`; `pin_unauth` |
//! | Reddit | `rdt_cid` | `_rdt_cid`; `_rdt_uuid` | `clickIds`; `rdt_uuid` |
//! | Snapchat | `ScCid` | `_scclid`; `_scid` | `clickIds`; `scid` |
//! | TikTok | `ttclid` | `ttclid`; `_ttp` | `clickIds`; `ttp` |
//! | X | `twclid` | | `clickIds` |
//!
//! What the cookies of Google's and Microsoft's scripts hold is what these were seen to write.

use crate::container::identity::{Vendor, Vendors};

/// The longest id that is taken, in bytes. The longest that are known have some 250.
pub(super) const MAX_ID_BYTES: usize = 500;

/// A click id, or an id that a vendor gave the browser.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// Its name in a page's query, in `context.clickIds` and among what is kept; of a browser's id, where in `context` it goes.
    pub(super) name: String,
    pub(super) kind: Kind,
    cookie: Option<(&'static str, Read)>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// Of a click: in a page's query.
    Click,
    /// Meta's, of which `context.fbc` is made.
    MetaClick,
    /// Of the browser: in a cookie only.
    Browser,
}

/// Finds the id in a cookie's value.
type Read = fn(&str) -> Option<&str>;

/// Under which name Meta's click is kept, whole as its cookie has it.
pub(super) const FBC: &str = "fbc";

/// What a vendor has: a mark's name, its kind, and the cookie with it.
type Known = (Vendor, &'static str, Kind, Option<(&'static str, Read)>);

const KNOWN: [Known; 18] = [
    (Vendor::Google, "gclid", Kind::Click, Some(("_gcl_aw", third))),
    (Vendor::Google, "dclid", Kind::Click, Some(("_gcl_dc", third))),
    (Vendor::Google, "gbraid", Kind::Click, Some(("_gcl_ag", marked))),
    (Vendor::Google, "wbraid", Kind::Click, Some(("_gcl_gb", third))),
    (Vendor::Google, "ga.clientId", Kind::Browser, Some(("_ga", third))),
    (Vendor::LinkedIn, "li_fat_id", Kind::Click, Some(("li_fat_id", whole))),
    (Vendor::Meta, FBC, Kind::MetaClick, Some(("_fbc", of_meta))),
    (Vendor::Meta, "fbp", Kind::Browser, Some(("_fbp", of_meta))),
    (Vendor::Microsoft, "msclkid", Kind::Click, Some(("_uetmsclkid", of_uet))),
    (Vendor::Microsoft, "uetvid", Kind::Browser, Some(("_uetvid", whole))),
    (Vendor::Pinterest, "epik", Kind::Click, Some(("_epik", whole))),
    (Vendor::Pinterest, "pin_unauth", Kind::Browser, Some(("_pin_unauth", whole))),
    (Vendor::Reddit, "rdt_cid", Kind::Click, Some(("_rdt_cid", whole))),
    (Vendor::Reddit, "rdt_uuid", Kind::Browser, Some(("_rdt_uuid", whole))),
    (Vendor::Snapchat, "ScCid", Kind::Click, Some(("_scclid", whole))),
    (Vendor::Snapchat, "scid", Kind::Browser, Some(("_scid", whole))),
    (Vendor::TikTok, "ttclid", Kind::Click, Some(("ttclid", whole))),
    (Vendor::TikTok, "ttp", Kind::Browser, Some(("_ttp", whole))),
];

/// What a container looks for.
pub(super) fn marks(spec: &Vendors) -> Vec<Mark> {
    let known = KNOWN.iter().filter(|(vendor, ..)| spec.names.contains(vendor));
    let mut marks: Vec<Mark> =
        known.map(|(_, name, kind, cookie)| Mark { name: (*name).to_owned(), kind: *kind, cookie: *cookie }).collect();
    let of_x = spec.names.contains(&Vendor::X).then_some("twclid");
    for name in of_x.into_iter().chain(spec.click_ids.iter().map(String::as_str)) {
        if marks.iter().all(|mark| mark.query() != Some(name)) {
            marks.push(Mark { name: name.to_owned(), kind: Kind::Click, cookie: None });
        }
    }
    marks
}

impl Mark {
    /// Its name in a page's query.
    pub(super) fn query(&self) -> Option<&str> {
        match self.kind {
            Kind::Click => Some(&self.name),
            Kind::MetaClick => Some("fbclid"),
            Kind::Browser => None,
        }
    }

    /// The id in a cookie, if that is the one that has it.
    pub(super) fn read<'c>(&self, name: &str, value: &'c str) -> Option<&'c str> {
        let (cookie, read) = self.cookie?;
        (cookie == name).then(|| read(value)).flatten().filter(|id| is_id(id))
    }
}

/// Whether a text may be an id. It comes from anybody, and goes into cookies and to vendors.
pub(super) fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_ID_BYTES && !text.chars().any(char::is_control)
}

/// Meta's form of a click (ClickID and the fbp and fbc Parameters); the 1 is what it names for a server.
pub(super) fn fbc(milliseconds: i64, fbclid: &str) -> String {
    format!("fb.1.{milliseconds}.{fbclid}")
}

/// The click id in Meta's form; its parameter builder puts a short mark of its own behind it.
pub(super) fn fbclid(fbc: &str) -> Option<&str> {
    fbc.splitn(4, '.').nth(3)?.split('.').next().filter(|id| !id.is_empty())
}

/// The session in the cookie of a GA4 data stream: `GS1.1.1763720000.3.1…` or `GS2.1.s1763720000$o3…`; and which it is of the
/// visitor's.
pub(super) fn ga_session(cookie: &str) -> Option<(&str, Option<u64>)> {
    let mut parts = cookie.strip_prefix("GS")?.split('.').skip(2);
    let third = parts.next()?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (id, number) = match third.strip_prefix('s') {
        Some(rest) => {
            let mut values = rest.split('$');
            (values.next()?, values.find_map(|value| value.strip_prefix('o')))
        }
        None => (third, parts.next()),
    };
    (digits(id) && id.len() <= MAX_ID_BYTES).then(|| (id, number.and_then(|number| number.parse().ok())))
}

fn whole(value: &str) -> Option<&str> {
    Some(value)
}

/// `GCL.1790219680.ID`, `GA1.1.ID`: an id may have dots.
fn third(value: &str) -> Option<&str> {
    value.splitn(3, '.').nth(2)
}

/// `2.1.kID$i1790219695`.
fn marked(value: &str) -> Option<&str> {
    third(value)?.split('$').find_map(|part| part.strip_prefix('k'))
}

/// `_uetID`.
fn of_uet(value: &str) -> Option<&str> {
    value.strip_prefix("_uet")
}

/// `fb.1.1763720000000.ID`.
fn of_meta(value: &str) -> Option<&str> {
    (value.starts_with("fb.") && value.splitn(4, '.').count() == 4).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_out_of_the_vendors_cookies() {
        let spec = Vendors {
            names: KNOWN.iter().map(|(vendor, ..)| *vendor).collect(),
            click_ids: Vec::new(),
            measurement_id: None,
            consent: None,
            cookie: String::new(),
            days: 90,
        };
        let marks = marks(&spec);
        let check = |cookie: &str, value: &str, expected: Option<(&str, &str)>| {
            let found = marks.iter().find_map(|mark| Some((mark.name.as_str(), mark.read(cookie, value)?)));
            assert_eq!(found, expected, "{cookie}={value}");
        };
        check("_gcl_aw", "GCL.1790219680.Probe_Gclid-001", Some(("gclid", "Probe_Gclid-001")));
        check("_gcl_ag", "2.1.kProbe_Gbraid-002$i1790219695", Some(("gbraid", "Probe_Gbraid-002")));
        check("_gcl_gb", "GCL.1790219714.Probe.Wbraid", Some(("wbraid", "Probe.Wbraid")));
        check("_ga", "GA1.1.1234567.7654321", Some(("ga.clientId", "1234567.7654321")));
        check("_ga", "GA1.2-2.1234567.7654321", Some(("ga.clientId", "1234567.7654321")));
        check("_fbc", "fb.1.1763720000000.IwAR2_Ab-C", Some(("fbc", "fb.1.1763720000000.IwAR2_Ab-C")));
        check("_fbp", "fb.1.1763720000000", None);
        check(
            "_uetmsclkid",
            "_uetb1240587f865192a03586c5b000314f5",
            Some(("msclkid", "b1240587f865192a03586c5b000314f5")),
        );
        check("_ttp", "2abc", Some(("ttp", "2abc")));
        check("_ttp", &"x".repeat(MAX_ID_BYTES + 1), None);
        check("session", "s3cret", None);
    }

    #[test]
    fn sessions_come_out_of_googles_cookies() {
        assert_eq!(ga_session("GS1.1.1763720000.3.1.1763720100.0.0.0"), Some(("1763720000", Some(3))));
        assert_eq!(ga_session("GS2.1.s1763720000$o7$g1$t1763720100"), Some(("1763720000", Some(7))));
        assert_eq!(ga_session("GS2.1.s$o7"), None);
        assert_eq!(ga_session("1763720000"), None);
    }
}
