//! The manifest as text.

use std::path::{Component, Path, PathBuf};

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value, value};

use crate::deliver::Divert;

use super::{Application, SpinTag, json, names};

/// The import of the adapter that a tag's component is put in the place of.
const HANDLER: &str = "tagyard:tag/handler@0.1.0";

/// Where things are, seen from the manifest's folder.
#[derive(Clone, Debug)]
pub struct Places {
    /// The folder with the collector and the adapter.
    pub host: String,
    /// The folder into which the tags' components are written.
    pub tags: String,
    pub build: Build,
    /// Where requests go instead of to the vendors, for a try.
    pub divert: Option<Divert>,
    /// The container file, as it was named.
    pub container: String,
}

/// What `spin build` runs, and what `spin watch` looks at.
#[derive(Clone, Debug)]
pub struct Build {
    pub commands: Vec<String>,
    pub watch: Vec<String>,
}

pub(super) fn write(application: &Application, places: &Places) -> String {
    let mut document = DocumentMut::new();
    document.insert("spin_manifest_version", value(2));
    document.insert("application", Item::Table(about(application)));
    document.insert("variables", Item::Table(variables(application)));
    let mut triggers = Table::new();
    triggers.set_implicit(true);
    triggers.insert("http", Item::ArrayOfTables(routes(application)));
    document.insert("trigger", Item::Table(triggers));
    let mut components = Table::new();
    components.set_implicit(true);
    components.insert("collector", Item::Table(collector(application, places)));
    for tag in &application.tags {
        components.insert(&tag.id, Item::Table(adapter(tag, places)));
    }
    document.insert("component", Item::Table(components));
    let head = format!(
        "# The container {} on Spin, as `tagyard spin` writes it: change that file, and run it again.\n# What stands here is explained in host/spin/README.md and docs/spin.md.\n",
        places.container
    );
    head + &document.to_string()
}

fn about(application: &Application) -> Table {
    let mut table = Table::new();
    // Spin takes small words with hyphens for a name everywhere.
    let name = names::component(&application.name);
    table.insert("name", value(name.strip_prefix("tag-").unwrap_or("tagyard")));
    table.insert("version", value(env!("CARGO_PKG_VERSION")));
    table.insert("description", value(format!("Tagyard: the container `{}`", application.name)));
    table
}

fn variables(application: &Application) -> Table {
    let mut table = Table::new();
    for name in application.variables() {
        let mut variable = InlineTable::new();
        variable.insert("required", true.into());
        variable.insert("secret", true.into());
        table.insert(name, value(variable));
    }
    table
}

fn routes(application: &Application) -> ArrayOfTables {
    let mut routes = ArrayOfTables::new();
    let mut add = |route: Value, component: &str| {
        let mut table = Table::new();
        table.insert("route", value(route));
        table.insert("component", value(component));
        routes.push(table);
    };
    add("/...".into(), "collector");
    for tag in &application.tags {
        let mut private = InlineTable::new();
        private.insert("private", true.into());
        add(private.into(), &tag.id);
    }
    routes
}

fn collector(application: &Application, places: &Places) -> Table {
    let mut table = Table::new();
    table.insert("source", value(format!("{}/tagyard_collector.wasm", places.host)));
    let siblings = application.tags.iter().map(|tag| format!("http://{}.spin.internal", tag.id));
    table.insert("allowed_outbound_hosts", value(list(siblings)));
    table.insert("key_value_stores", value(list(["default".to_owned()])));
    let mut variables = Table::new();
    variables.insert(names::DRAIN_TOKEN, value(template(names::DRAIN_TOKEN)));
    for secret in &application.webhooks {
        variables.insert(&names::of_secret(secret), value(template(secret)));
    }
    variables.insert("container", value(lines(&json::write(&application.deployment))));
    table.insert("variables", Item::Table(variables));
    let Build { commands, watch } = &places.build;
    let mut build = Table::new();
    build.insert("command", value(list(commands.iter().cloned())));
    build.insert("watch", value(list(watch.iter().cloned())));
    table.insert("build", Item::Table(build));
    table
}

fn adapter(tag: &SpinTag, places: &Places) -> Table {
    let mut table = Table::new();
    table.insert("source", value(format!("{}/tagyard_adapter.wasm", places.host)));
    let mut variables = Table::new();
    let outbound = match &places.divert {
        Some(divert) => {
            variables.insert("divert", value(divert.to_string()));
            vec![divert.to_string()]
        }
        None => tag.outbound.clone(),
    };
    table.insert("allowed_outbound_hosts", value(list(outbound)));
    for (name, variable) in &tag.secrets {
        variables.insert(name, value(template(variable)));
    }
    if !variables.is_empty() {
        table.insert("variables", Item::Table(variables));
    }
    let mut dependencies = Table::new();
    let mut path = InlineTable::new();
    path.insert("path", format!("{}/{}", places.tags, tag.file).into());
    dependencies.insert(HANDLER, value(path));
    table.insert("dependencies", Item::Table(dependencies));
    table
}

fn template(variable: &str) -> String {
    format!("{{{{ {variable} }}}}")
}

fn list(items: impl IntoIterator<Item = String>) -> Array {
    items.into_iter().collect()
}

/// A text over several lines as it is, where TOML can have it so; else with escapes.
fn lines(text: &str) -> Value {
    format!("'''\n{text}\n'''").parse().unwrap_or_else(|_| text.into())
}

/// A path as it is written in a manifest in `folder`: relative, where that is possible, with `/` between its parts.
pub(crate) fn seen_from(folder: &Path, path: &Path) -> std::io::Result<String> {
    let (folder, path) = (plain(&std::path::absolute(folder)?), plain(&std::path::absolute(path)?));
    let shared = folder.components().zip(path.components()).take_while(|(left, right)| left == right).count();
    if shared < 2 {
        // Nothing but the root.
        return Ok(path.display().to_string());
    }
    let up = folder.components().skip(shared).map(|_| "..".to_owned());
    let down = path.components().skip(shared).map(|part| part.as_os_str().to_string_lossy().into_owned());
    let parts: Vec<String> = up.chain(down).collect();
    Ok(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}

/// Without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_seen_from_the_manifest() {
        let check = |folder: &str, path: &str, expected: &str| {
            assert_eq!(seen_from(Path::new(folder), Path::new(path)).unwrap(), expected, "{path} from {folder}");
        };
        check("/a", "/a/b/c.wasm", "b/c.wasm");
        check("/a/b", "/a/c.wasm", "../c.wasm");
        check("/a/./b/../b", "/a/b/c", "c");
        check("/a", "/a", ".");
        check("/a", "/b/c.wasm", "/b/c.wasm");
        check(".", "x.toml", "x.toml");
    }

    #[test]
    fn a_text_stays_what_it_is() {
        for text in ["{\n  \"a\": 1\n}", "'''", "a\u{7f}b", ""] {
            let document = format!("x = {}", lines(text));
            let read: toml::Table = document.parse().unwrap();
            assert_eq!(read["x"].as_str().unwrap().trim_end(), text.trim_end(), "{document}");
        }
    }
}
