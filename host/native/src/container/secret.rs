//! A tag's secrets: which it names, where they come from, where they may go. Their values are never read here.

use tagyard_pipeline::grants::HostPattern;
use tagyard_pipeline::manifest::Manifest;

use super::Surroundings;
use super::grant;
use super::node::Node;
use super::problem::Problem;
use crate::text::nearest;

/// Checks a tag's secrets. `granted` is what the tag may reach; `None` if that could not be told.
pub(super) fn check(
    tag: Node<'_>,
    manifest: &Manifest,
    granted: Option<&[HostPattern]>,
    surroundings: &Surroundings<'_>,
    problems: &mut Vec<Problem>,
) {
    let secrets = tag.get("secrets");
    for (name, secret) in secrets.into_iter().flat_map(Node::entries) {
        if !manifest.secrets.contains_key(name) {
            problems.push(unknown(secret, name, manifest));
        }
        if let Some((env, node)) = secret.get("env").and_then(|env| Some((env.text()?, env)))
            && (surroundings.env)(env).is_none()
        {
            let problem = Problem::new(node.span(), format!("the environment variable `{env}` is not set"));
            problems.push(match manifest.secrets.get(name) {
                Some(about) => problem.help(about),
                None => problem,
            });
        }
        if let Some(hosts) = secret.get("hosts") {
            let patterns = grant::hosts(hosts, problems);
            let outside = patterns
                .iter()
                .filter(|(host, _)| granted.is_some_and(|granted| !granted.iter().any(|pattern| pattern.covers(host))));
            problems.extend(outside.map(|(host, span)| {
                Problem::new(*span, format!("`{host}` is not among the hosts that the tag is granted"))
            }));
        }
    }
    let given = |name: &str| secrets.is_some_and(|secrets| secrets.get(name).is_some());
    if let Some(settings) = tag.get("settings") {
        check_placeholders(settings, &given, problems);
    }
    for name in manifest.required_secrets.iter().filter(|name| !given(name)) {
        let about = manifest.secrets.get(name).map(String::as_str).unwrap_or_default();
        problems.push(
            Problem::new(secrets.unwrap_or(tag).name, format!("the secret `{name}` is missing"))
                .help(format!("{about} Give it as `secrets = {{ {name} = {{ env = \"…\" }} }}`")),
        );
    }
}

/// A setting that names a secret, as `{{secret:token}}`, needs one of that name. The recursion is bounded by the TOML parser.
fn check_placeholders(setting: Node<'_>, given: &dyn Fn(&str) -> bool, problems: &mut Vec<Problem>) {
    let named = setting.text().into_iter().flat_map(|text| text.split("{{secret:").skip(1));
    for name in named.filter_map(|rest| Some(rest.split_once("}}")?.0)).filter(|name| !given(name)) {
        problems.push(
            Problem::new(setting.span(), format!("the secret `{name}` is named here and given nowhere"))
                .help(format!("give it as `secrets = {{ {name} = {{ env = \"…\" }} }}`")),
        );
    }
    setting.children().for_each(|child| check_placeholders(child, given, problems));
}

fn unknown(secret: Node<'_>, name: &str, manifest: &Manifest) -> Problem {
    let problem = Problem::new(secret.name, format!("`{}` has no secret `{name}`", manifest.name));
    let known: Vec<&str> = manifest.secrets.keys().map(String::as_str).collect();
    match nearest(name, known.iter().copied()) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None if known.is_empty() => problem.help("it takes none"),
        None => problem.help(format!("it takes `{}`", known.join("`, `"))),
    }
}
