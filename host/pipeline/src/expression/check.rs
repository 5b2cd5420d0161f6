//! What can be wrong with an expression that is good CEL.

use cel::common::ast::{EntryExpr, Expr, IdedExpr};

use super::functions::{self, KNOWN, MATCHES};
use super::reads::{Reads, children, literal};
use crate::visitor;

/// What of a request an expression may name directly.
const REQUEST: [&str; 5] = ["host", "ip", "method", "path", "source"];

/// What of a request is named one by one, since only what is named is kept.
const REQUEST_LISTS: [&str; 3] = ["cookies", "headers", "query"];

/// Headers that are not kept: they are secrets, or cookies under another name.
const SECRET_HEADERS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// A fault, and the text to look for in the source to point at it.
pub(super) type Fault = (String, String);

/// What is wrong with the paths that are read.
pub(super) fn paths(reads: &Reads) -> Result<(), Fault> {
    reads.paths().iter().try_for_each(|path| {
        let fault = |message: String| Err((message, path.last().copied().unwrap_or_default().to_owned()));
        match path.as_slice() {
            [root @ ("vars" | "consent")] => {
                let example = if *root == "vars" { "vars.page_host" } else { "consent.analytics" };
                fault(format!("`{root}` is read by name, as in `{example}`"))
            }
            ["consent", _, _, ..] => fault("consent to a purpose is true or false, and has no parts".to_owned()),
            ["visitor"] => fault(format!("name what of the visitor is meant: `{}`", all_of_visitor())),
            ["visitor", part, more @ ..] if !more.is_empty() || visitor::members().all(|known| known != *part) => {
                fault(format!("of a visitor there is no `{}`: there is `{}`", path[1..].join("."), all_of_visitor()))
            }
            ["request"] => fault(format!("name what of the request is meant: `{}`", all_of_request())),
            ["request", part] if REQUEST_LISTS.contains(part) => fault(format!(
                "only what is named of a request is kept: `request.{part}.NAME`, or `request.{part}['NAME']`"
            )),
            ["request", part, ..] if !REQUEST_LISTS.contains(part) && !REQUEST.contains(part) => {
                fault(format!("a request has no `{part}`: it has `{}`", all_of_request()))
            }
            ["request", "headers", name, ..] if name.bytes().any(|byte| byte.is_ascii_uppercase()) => {
                fault(format!("write header names in lower case: `{}`", name.to_ascii_lowercase()))
            }
            ["request", "headers", name, ..] if SECRET_HEADERS.contains(name) => {
                fault(format!("the header `{name}` is not kept; a cookie is `request.cookies.NAME`"))
            }
            _ => Ok(()),
        }
    })
}

/// What is wrong with the functions that are called.
pub(super) fn calls(expression: &IdedExpr) -> Result<(), Fault> {
    if let Expr::Call(call) = &expression.expr {
        let name = &call.func_name;
        if name.starts_with(|first: char| first.is_ascii_alphabetic()) && !KNOWN.contains(&name.as_str()) {
            return Err((format!("there is no function `{name}`"), name.clone()));
        }
        match (call.func_name.as_str(), call.args.last()) {
            ("matches", Some(argument)) => match literal(argument) {
                Some(source) => {
                    functions::pattern(source).map_err(|message| (message, source.to_owned()))?;
                }
                None => return Err(("a pattern is written out: `.matches('…')`".to_owned(), "matches".to_owned())),
            },
            ("inCidr", Some(argument)) => networks(argument)?,
            _ => {}
        }
    }
    children(expression).into_iter().try_for_each(calls)
}

/// Puts the functions here in the place of CEL's own.
pub(super) fn replace(expression: &mut IdedExpr) {
    let entry = |entry: &mut EntryExpr| match entry {
        EntryExpr::StructField(field) => replace(&mut field.value),
        EntryExpr::MapEntry(entry) => [&mut entry.key, &mut entry.value].into_iter().for_each(replace),
    };
    match &mut expression.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
        Expr::Call(call) => {
            if call.func_name == "matches" {
                // `matches(a, b)` is `a.matches(b)`.
                if call.target.is_none() && call.args.len() == 2 {
                    call.target = Some(Box::new(call.args.remove(0)));
                }
                call.func_name = MATCHES.to_owned();
            }
            call.target.iter_mut().for_each(|target| replace(target));
            call.args.iter_mut().for_each(replace);
        }
        Expr::Comprehension(parts) => {
            let parts = &mut **parts;
            [
                &mut parts.iter_range,
                &mut parts.accu_init,
                &mut parts.loop_cond,
                &mut parts.loop_step,
                &mut parts.result,
            ]
            .into_iter()
            .for_each(replace);
        }
        Expr::List(list) => list.elements.iter_mut().for_each(replace),
        Expr::Map(map) => map.entries.iter_mut().for_each(|part| entry(&mut part.expr)),
        Expr::Select(select) => replace(&mut select.operand),
        Expr::Struct(parts) => parts.entries.iter_mut().for_each(|part| entry(&mut part.expr)),
    }
}

fn networks(argument: &IdedExpr) -> Result<(), Fault> {
    let texts = match &argument.expr {
        Expr::List(list) => list.elements.iter().filter_map(literal).collect(),
        _ => Vec::from_iter(literal(argument)),
    };
    match texts.into_iter().find(|text| functions::network(text).is_none()) {
        Some(text) => Err((format!("`{text}` is no network: write it as `10.0.0.0/8`"), text.to_owned())),
        None => Ok(()),
    }
}

fn all_of_visitor() -> String {
    visitor::members().map(|member| format!("visitor.{member}")).collect::<Vec<_>>().join("`, `")
}

fn all_of_request() -> String {
    let lists = REQUEST_LISTS.map(|list| format!("request.{list}.NAME"));
    REQUEST.map(|part| format!("request.{part}")).into_iter().chain(lists).collect::<Vec<_>>().join("`, `")
}
