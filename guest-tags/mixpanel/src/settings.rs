//! The settings, as `tag.toml` describes them.

use alloc::string::String;

use serde::Deserialize;

#[derive(Deserialize)]
pub struct Settings {
    #[serde(default)]
    pub region: Region,
    #[serde(default)]
    pub service_account: Option<String>,
    #[serde(default)]
    pub project_id: Option<String>,
    #[serde(default)]
    pub id_merge: IdMerge,
    #[serde(default = "page_viewed")]
    pub page_event: String,
    #[serde(default = "screen_viewed")]
    pub screen_event: String,
    #[serde(default)]
    pub group_key: Option<String>,
}

#[derive(Clone, Copy, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Region {
    #[default]
    Us,
    Eu,
    In,
}

/// How the project links the IDs of a person.
#[derive(Clone, Copy, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum IdMerge {
    #[default]
    Simplified,
    Original,
}

fn page_viewed() -> String {
    String::from("Page Viewed")
}

fn screen_viewed() -> String {
    String::from("Screen Viewed")
}
