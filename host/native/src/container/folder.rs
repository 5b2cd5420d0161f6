//! A folder of containers: each `*.toml` in it is one. What they say has to go together.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tagyard_pipeline::addresses::{Addresses, What};
use tagyard_pipeline::container::model::Collect;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::node::Node;
use super::problem::{Problem, Report, Span};
use super::{Environment, Loaded, load_text, text_of};
use crate::limits::CONTAINERS;

/// What has to be known of a container among several, also while it rests.
#[derive(Debug)]
pub struct Claims {
    pub path: PathBuf,
    /// What its file says, from which it can be loaded again.
    pub text: Arc<str>,
    pub name: String,
    pub collect: Collect,
}

/// Two files of a folder that do not go together, by their places among those that were asked about.
#[derive(Debug)]
pub struct Clashing {
    pub first: usize,
    pub second: usize,
    /// At its place in the second file, naming the first.
    pub report: Report,
}

/// Names that no container of a folder may have: what else lies in the data directory.
const TAKEN: [&str; 3] = ["compiled", "lock", "admin.sock"];

/// The container files of a folder, by name. Names that begin with a dot are somebody's temporary files. Blocks on the disk.
///
/// # Errors
/// When the folder cannot be read, or has more files than a host takes.
pub fn folder_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in folder.read_dir()? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        if is_hidden || path.extension().is_none_or(|extension| extension != "toml") || path.is_dir() {
            continue;
        }
        if files.len() >= CONTAINERS {
            return Err(io::Error::other(format!("it has more than {CONTAINERS} containers, the most of one host")));
        }
        files.push(path);
    }
    files.sort();
    Ok(files)
}

/// Loads one of a folder's files. Its secrets are in `env`. Blocks on the disk.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load_one(path: &Path, env: Environment) -> Result<(Claims, Loaded), Report> {
    let text = text_of(path)?;
    let loaded = load_text(path, &text, env)?;
    let name = loaded.container.name.clone();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !begins_well || !name.chars().all(is_plain) || TAKEN.contains(&name.to_ascii_lowercase().as_str()) {
        let message = format!("among several containers, `{name}` cannot be the name of one");
        let help = "it is the name of its data directory, too: begin with a letter or a digit, and go on with letters, digits, `-`, `.` \
                    and `_`; `compiled` and `lock` are the host's";
        let problem = Problem::new(place(&text, &["name"], &name), message).help(help);
        return Err(Report::new(&path.display().to_string(), &text, vec![problem]));
    }
    let collect = loaded.container.collect.clone();
    Ok((Claims { path: path.to_owned(), text: text.into(), name, collect }, loaded))
}

/// Which of these files do not go together: names, write keys, host names and the paths of webhooks are one container's.
pub fn clashes<'f>(files: impl IntoIterator<Item = &'f Claims>) -> Vec<Clashing> {
    let files: Vec<&Claims> = files.into_iter().collect();
    let (_, clashes) = Addresses::new(files.iter().map(|file| &file.collect));
    let addresses = clashes.into_iter().map(|clash| {
        let (keys, value): (&[&str], &str) = match &clash.what {
            What::Host(host) => (&["collect", "hosts"], host),
            What::WriteKey(key) => (&["collect", "write_keys"], key),
            What::Webhook(path) => (&["collect", "webhook"], path),
        };
        (clash.first, clash.second, keys, value.to_owned(), clash.what.to_string(), clash.what.help())
    });
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut names = Vec::new();
    for (second, file) in files.iter().enumerate() {
        let name = &file.name;
        // Directories that differ in their letters' case only are the same on some disks.
        let first = *seen.entry(name.to_ascii_lowercase()).or_insert(second);
        if first != second {
            let help = "the name is the container's data directory: give each its own";
            names.push((first, second, &["name"][..], name.clone(), format!("the name `{name}`"), help));
        }
    }
    let clashing = names.into_iter().chain(addresses).map(|(first, second, keys, value, what, help)| {
        let (one, other) = (files[first], files[second]);
        let file = other.path.display().to_string();
        let message = format!("{what} is that of {} as well", one.path.display());
        let problem = Problem::new(place(&other.text, keys, &value), message).help(help);
        Clashing { first, second, report: Report::new(&file, &other.text, vec![problem]) }
    });
    clashing.collect()
}

impl fmt::Display for Clashing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.report.lines().try_for_each(|line| f.write_str(&line))
    }
}

/// Where a file says this: the text under these keys, or else what the keys lead to.
fn place(text: &str, keys: &[&str], value: &str) -> Span {
    let (document, _) = DeTable::parse_recoverable(text);
    let document = Spanned::new(document.span(), DeValue::Table(document.into_inner()));
    let mut node = Node::root(&document);
    for key in keys {
        match node.get(key) {
            Some(next) => node = next,
            None => break,
        }
    }
    let listed = node.texts().find(|(text, _)| *text == value).map(|(_, span)| span);
    // A webhook's path is told with the prefix before it.
    let hook =
        || node.items().filter_map(|item| item.get("path")).find(|path| value.ends_with(path.text().unwrap_or("?")));
    listed.or_else(|| hook().map(|path| path.span())).unwrap_or_else(|| node.span())
}
