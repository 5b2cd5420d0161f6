//! Transformations, a sentence each.

use tagyard_pipeline::container::model::{Hash, Mask, Normal, Transform, Type};

use super::words::{condition, field, fields, listed, value};

pub(super) fn sentence(transform: &Transform) -> String {
    let Transform {
        tags,
        when,
        allow,
        drop,
        set,
        rename,
        default,
        hash,
        mask,
        truncate_ip,
        lower,
        coerce,
        map_event,
        redact_pii,
        filter,
    } = transform;
    let pairs = |pairs: Vec<String>| pairs.join("; ");
    let change = [
        allow.as_ref().map(|kept| format!("all is removed but {}", fields(kept))),
        drop.as_ref().map(|dropped| format!("{} removed", with_verb(dropped, "is", "are"))),
        set.as_ref().map(|set| {
            pairs(set.iter().map(|(path, source)| format!("{} becomes {}", field(path), value(source))).collect())
        }),
        rename.as_ref().map(|moved| {
            pairs(moved.iter().map(|(from, to)| format!("{} is moved to {}", field(from), field(to))).collect())
        }),
        default.as_ref().map(|values| {
            pairs(
                values.iter().map(|(path, value)| format!("{} is {value} where it is missing", field(path))).collect(),
            )
        }),
        hash.as_ref().map(hashed),
        mask.as_ref().map(masked),
        truncate_ip.as_ref().map(|paths| {
            format!("{} cut down to the network (IPv4 to /24, IPv6 to /48)", with_verb(paths, "is", "are"))
        }),
        lower.as_ref().map(|paths| format!("{} put into small letters", with_verb(paths, "is", "are"))),
        coerce.as_ref().map(|types| {
            pairs(types.iter().map(|(path, to)| format!("{} is made {}", field(path), type_name(*to))).collect())
        }),
        map_event.as_ref().map(|names| {
            pairs(names.iter().map(|(from, to)| format!("the event \"{from}\" is called \"{to}\"")).collect())
        }),
        redact_pii.as_ref().map(|paths| {
            format!("e-mail addresses, phone numbers and card numbers are blotted out in {}", fields(paths))
        }),
        filter.map(|_| "the event goes no further".to_owned()),
    ];
    let change = listed(&change.into_iter().flatten().collect::<Vec<_>>(), "and");
    let change = match when {
        Some(when) => format!("where {}, {change}", condition(when)),
        None => change,
    };
    match tags {
        Some(tags) => format!("for {} only: {change}.", listed(tags, "and")),
        None => format!("{change}."),
    }
}

fn hashed(hash: &Hash) -> String {
    let Hash { fields: paths, normal, country_code } = hash;
    let form = match normal {
        Normal::Exact => "as it stands",
        Normal::Text => "trimmed and in small letters",
        Normal::Email => "in the form of e-mail addresses",
        Normal::GoogleEmail => "in Google's form of e-mail addresses",
        Normal::Phone => "in the form of phone numbers, digits only",
        Normal::PhonePlus => "in the form of phone numbers, with a plus sign",
    };
    let country = country_code
        .as_ref()
        .map(|code| format!(", with the country code {code} where it has none"))
        .unwrap_or_default();
    format!(
        "{} replaced by the SHA-256 digest, {form}{country}; by it, whoever knows the value can still tell it",
        with_verb(paths, "is", "are")
    )
}

fn masked(mask: &Mask) -> String {
    let Mask { fields: paths, pattern, with } = mask;
    format!("whatever matches the pattern `{pattern}` in {} is replaced by \"{with}\"", fields(paths))
}

fn with_verb(paths: &[String], one: &str, more: &str) -> String {
    // What lies below a field is more than one thing, and reads as one.
    format!("{} {}", fields(paths), if paths.len() == 1 { one } else { more })
}

fn type_name(to: Type) -> &'static str {
    match to {
        Type::Boolean => "true or false",
        Type::Number => "a number",
        Type::String => "a text",
    }
}

pub(super) fn capital(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
