//! Who an event is about, and which event it is: the IDs that Mixpanel asks for, within its rules.

use alloc::borrow::Cow;
use alloc::string::String;

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use tagyard_tag::Event;

use crate::Unsent;
use crate::settings::{IdMerge, Settings};

/// Most bytes of an `$insert_id`. Source: Import Events, properties.$insert_id.
const MAX_INSERT_ID: usize = 36;

/// What Mixpanel refuses as an ID, because it stands for a mistake. Source: Import Events, properties.distinct_id.
const REFUSED: [&str; 17] = [
    "00000000-0000-0000-0000-000000000000",
    "anon",
    "anonymous",
    "nil",
    "none",
    "null",
    "n/a",
    "na",
    "undefined",
    "unknown",
    "<nil>",
    "0",
    "-1",
    "true",
    "false",
    "[]",
    "{}",
];

#[derive(Clone, Copy)]
pub(crate) struct Ids<'e> {
    pub(crate) user: Option<&'e str>,
    pub(crate) device: Option<&'e str>,
    pub(crate) previous: Option<&'e str>,
    pub(crate) distinct: DistinctId<'e>,
}

/// `distinct_id` of an event. An event without any ID has an empty one: it counts, but for nobody.
#[derive(Clone, Copy)]
pub(crate) enum DistinctId<'e> {
    Plain(&'e str),
    /// As Mixpanel itself names an anonymous person in the simplified system.
    Device(&'e str),
}

impl<'e> Ids<'e> {
    pub(crate) fn of(event: &'e Event<'e>, settings: &Settings) -> Result<Self, Unsent> {
        let present = |id: &'e Option<Cow<'e, str>>| id.as_deref().filter(|id| !id.is_empty());
        let (user, device) = (present(&event.user_id), present(&event.anonymous_id));
        let previous = present(&event.previous_id);
        for (id, reason) in [
            (user, "its `userId` is a placeholder that Mixpanel refuses, such as `null` or `unknown`"),
            (device, "its `anonymousId` is a placeholder that Mixpanel refuses, such as `null` or `anonymous`"),
            (previous, "its `previousId` is a placeholder that Mixpanel refuses, such as `null` or `unknown`"),
        ] {
            if id.is_some_and(is_refused) {
                return Err(Unsent::Rejected(reason));
            }
        }
        let distinct = match (user, device, settings.id_merge) {
            (Some(user), _, _) => DistinctId::Plain(user),
            (None, Some(device), IdMerge::Simplified) => DistinctId::Device(device),
            (None, Some(device), IdMerge::Original) => DistinctId::Plain(device),
            (None, None, _) => DistinctId::Plain(""),
        };
        Ok(Ids { user, device, previous, distinct })
    }
}

fn is_refused(id: &str) -> bool {
    REFUSED.iter().any(|refused| refused.eq_ignore_ascii_case(id))
}

/// The `$insert_id` of a message: its own ID where that is legal, or else 36 digits of its hash, as the vendor recommends.
pub(crate) fn insert_id(message_id: &str) -> Cow<'_, str> {
    let is_legal = message_id.len() <= MAX_INSERT_ID
        && message_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !is_refused(message_id);
    if is_legal {
        return Cow::Borrowed(message_id);
    }
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digest = Sha256::digest(message_id.as_bytes());
    let mut hex = String::with_capacity(MAX_INSERT_ID);
    for byte in digest.iter().take(MAX_INSERT_ID / 2) {
        hex.push(char::from(DIGITS[usize::from(byte >> 4)]));
        hex.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    Cow::Owned(hex)
}

impl Serialize for DistinctId<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            DistinctId::Plain(id) => serializer.serialize_str(id),
            DistinctId::Device(id) => serializer.collect_str(&format_args!("$device:{id}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::insert_id;

    #[test]
    fn legal_message_ids_stay_and_others_are_hashed() {
        let check = |id: &str, expected: &str| assert_eq!(insert_id(id), expected, "{id}");
        check("0b1c8a3e-6c1f-4c7e-9a55-1f6d2b7c9e10", "0b1c8a3e-6c1f-4c7e-9a55-1f6d2b7c9e10");
        // The digests are those of the published SHA-256 algorithm (`sha256sum`).
        check("ajs-next-1763720000000-0b1c8a3e-6c1f-4c7e-9a55-1f6d2b7c9e10", "9511f7810b2d5f2707ca0c83d11c7c1f5991");
        check("null", "74234e98afe7498fb5daf1f36ac2d78acc33");
        check("a_b", "648fa9b31bc7ff7eb914e7a7180f07e0df0f");
    }
}
