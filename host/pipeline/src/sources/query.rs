//! A query string, or a form: names and values.

use std::borrow::Cow;

use url::form_urlencoded;

/// The parameters, in their order. Their number is bounded by the length of the text, which is an event's at most.
#[derive(Clone, Debug, Default)]
pub(super) struct Params<'q>(Vec<(Cow<'q, str>, Cow<'q, str>)>);

impl<'q> Params<'q> {
    pub(super) fn parse(text: &'q str) -> Self {
        Params(form_urlencoded::parse(text.as_bytes()).collect())
    }

    /// The first of this name, if it is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(key, _)| *key == name).map(|(_, value)| value).filter(|value| !value.is_empty())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }
}
