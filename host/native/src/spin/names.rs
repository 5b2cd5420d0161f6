//! Names as Spin takes them: of components and of variables.

use crate::container::Loaded;

/// What opens the collector's routes for an operator.
pub(super) const DRAIN_TOKEN: &str = "drain_token";

/// The id of a tag's component: words of small letters and digits, each beginning with a letter.
pub(super) fn component(tag: &str) -> String {
    let tag = tag.to_ascii_lowercase();
    let words = tag.split(['-', '_', '.']).filter(|word| !word.is_empty());
    words.fold("tag".to_owned(), |mut id, word| {
        id.push('-');
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            id.push('n');
        }
        id + word
    })
}

/// The application's variable for an environment variable of the container file.
pub(super) fn variable(env: &str) -> String {
    env.to_ascii_lowercase()
}

/// The variable of a component that holds a secret: of a tag by its own name, of a webhook by that of the application's variable.
pub(super) fn of_secret(name: &str) -> String {
    format!("secret_{}", name.to_ascii_lowercase())
}

/// The application's variables with what webhooks' senders have to show.
pub(super) fn webhooks(loaded: &Loaded) -> Vec<String> {
    let webhooks = loaded.container.collect.webhooks.iter();
    let secrets = webhooks.flat_map(|webhook| [&webhook.key, &webhook.signature].into_iter().flatten());
    let mut names: Vec<String> = secrets.map(|secret| variable(&secret.env)).collect();
    names.sort();
    names.dedup();
    names
}

/// Whether Spin takes it for a variable's name: small letters, digits and single `_`, beginning with a letter and not ending in `_`.
pub(super) fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !name.contains("__")
        && !name.ends_with('_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_of_an_id_begins_with_a_letter() {
        let check = |tag: &str, expected: &str| assert_eq!(component(tag), expected, "{tag}");
        check("ga4-web", "tag-ga4-web");
        check("GA4.2nd", "tag-ga4-n2nd");
        check("4u_2", "tag-n4u-n2");
        check("a--b-", "tag-a-b");
    }

    #[test]
    fn a_variable_is_called_as_spin_has_it() {
        let check = |name: &str, expected: bool| assert_eq!(is_variable(name), expected, "{name}");
        check("ga4_api_secret", true);
        check("a", true);
        check("_a", false);
        check("a_", false);
        check("a__b", false);
        check("4a", false);
        check("a-b", false);
        check("", false);
    }
}
