//! The variables that an expression takes from outside: not those that its own macros bind, as `p` in
//! `event.properties.products.exists(p, p.price > 10.0)`.

use cel::common::ast::{EntryExpr, Expr, IdedExpr};

/// The first variable from outside that is none of the known ones. The parser bounds how deep the recursion goes.
pub(crate) fn unknown_variable(expression: &IdedExpr, known: &[&str]) -> Option<String> {
    let mut bound = Vec::new();
    find(expression, known, &mut bound)
}

fn find<'e>(expression: &'e IdedExpr, known: &[&str], bound: &mut Vec<&'e str>) -> Option<String> {
    match &expression.expr {
        Expr::Ident(name) => {
            let is_known = known.contains(&name.as_str()) || bound.contains(&name.as_str());
            (!is_known).then(|| name.clone())
        }
        Expr::Comprehension(parts) => {
            let outside = [&parts.iter_range, &parts.accu_init];
            let found = outside.into_iter().find_map(|part| find(part, known, bound));
            let before = bound.len();
            bound.extend([parts.iter_var.as_str(), parts.accu_var.as_str()]);
            bound.extend(parts.iter_var2.as_deref());
            let inside = [&parts.loop_cond, &parts.loop_step, &parts.result];
            let found = found.or_else(|| inside.into_iter().find_map(|part| find(part, known, bound)));
            bound.truncate(before);
            found
        }
        Expr::Call(call) => {
            let target = call.target.as_deref().and_then(|target| find(target, known, bound));
            target.or_else(|| call.args.iter().find_map(|argument| find(argument, known, bound)))
        }
        Expr::List(list) => list.elements.iter().find_map(|element| find(element, known, bound)),
        Expr::Select(select) => find(&select.operand, known, bound),
        Expr::Map(map) => map.entries.iter().find_map(|entry| find_entry(&entry.expr, known, bound)),
        Expr::Struct(object) => object.entries.iter().find_map(|entry| find_entry(&entry.expr, known, bound)),
        Expr::Literal(_) | Expr::Unspecified => None,
    }
}

fn find_entry<'e>(entry: &'e EntryExpr, known: &[&str], bound: &mut Vec<&'e str>) -> Option<String> {
    match entry {
        EntryExpr::StructField(field) => find(&field.value, known, bound),
        EntryExpr::MapEntry(entry) => find(&entry.key, known, bound).or_else(|| find(&entry.value, known, bound)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use cel::Program;

    #[test]
    fn what_macros_bind_is_not_from_outside() {
        let check = |source: &str, expected: Option<&str>| {
            let program = Program::compile(source).unwrap();
            assert_eq!(unknown_variable(program.expression(), &["event"]).as_deref(), expected, "{source}");
        };
        check("event.a.exists(p, p.price > 10.0)", None);
        check("event.a.map(p, {'id': p.id, 'all': event.a.filter(q, q != p)})", None);
        check("event.a.exists(p, q.price > 10.0)", Some("q"));
        check("event.a.exists(p, true) && p", Some("p"));
        check("[1, evnt]", Some("evnt"));
        check("has(event.a) && size(other.b) > 0", Some("other"));
        check("'text'.startsWith(event.a)", None);
    }
}
