//! What an expression reads, found in its syntax. Only that is converted when it runs, and of a request only that is kept.

use std::collections::BTreeMap;

use cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue, operators};

/// The paths that an expression reads, by the variable that they begin with.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reads(BTreeMap<String, Tree>);

/// What is read of a value: all of it, or some members.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tree {
    all: bool,
    below: BTreeMap<String, Tree>,
}

impl Reads {
    /// Those of an expression that names no variable but `known` and those of its own macros.
    pub(super) fn of(expression: &IdedExpr, known: &[&str]) -> Self {
        let mut reads = Reads::default();
        reads.visit(expression, known);
        reads
    }

    pub fn roots(&self) -> impl Iterator<Item = (&str, &Tree)> {
        self.0.iter().map(|(root, tree)| (root.as_str(), tree))
    }

    /// What is read of one variable.
    pub fn root(&self, root: &str) -> Option<&Tree> {
        self.0.get(root)
    }

    /// Every path, as it would be written.
    pub fn paths(&self) -> Vec<Vec<&str>> {
        let mut paths = Vec::new();
        for (root, tree) in &self.0 {
            tree.paths(&mut vec![root], &mut paths);
        }
        paths
    }

    fn visit(&mut self, expression: &IdedExpr, known: &[&str]) {
        match path_of(expression) {
            Some(path) if known.contains(&path[0]) => self.add(&path),
            _ => children(expression).into_iter().for_each(|child| self.visit(child, known)),
        }
    }

    fn add(&mut self, path: &[&str]) {
        let Some((root, members)) = path.split_first() else { return };
        let mut tree = self.0.entry((*root).to_owned()).or_default();
        for member in members {
            tree = tree.below.entry((*member).to_owned()).or_default();
        }
        tree.all = true;
    }
}

impl Tree {
    /// Whether the value itself is read, not only members of it.
    pub fn is_all(&self) -> bool {
        self.all
    }

    pub fn members(&self) -> impl Iterator<Item = (&str, &Tree)> {
        self.below.iter().map(|(member, tree)| (member.as_str(), tree))
    }

    pub fn member(&self, name: &str) -> Option<&Tree> {
        self.below.get(name)
    }

    fn paths<'t>(&'t self, way: &mut Vec<&'t str>, paths: &mut Vec<Vec<&'t str>>) {
        if self.all {
            paths.push(way.clone());
        }
        for (member, tree) in &self.below {
            way.push(member);
            tree.paths(way, paths);
            way.pop();
        }
    }
}

/// The path that a chain of selections spells, such as `event.properties["total"]`.
pub(super) fn path_of(expression: &IdedExpr) -> Option<Vec<&str>> {
    let (operand, member) = match &expression.expr {
        Expr::Ident(name) => return Some(vec![name]),
        Expr::Select(select) => (&*select.operand, select.field.as_str()),
        Expr::Call(call)
            if [operators::INDEX, operators::OPT_INDEX, operators::OPT_SELECT].contains(&&*call.func_name) =>
        {
            match call.args.as_slice() {
                [operand, key] => (operand, literal(key)?),
                _ => return None,
            }
        }
        _ => return None,
    };
    let mut path = path_of(operand)?;
    path.push(member);
    Some(path)
}

/// The text of a string that is written out.
pub(super) fn literal(expression: &IdedExpr) -> Option<&str> {
    match &expression.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

/// The expressions that one consists of.
pub(super) fn children(expression: &IdedExpr) -> Vec<&IdedExpr> {
    match &expression.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => Vec::new(),
        Expr::Call(call) => call.target.iter().map(|target| &**target).chain(&call.args).collect(),
        Expr::Comprehension(parts) => {
            vec![&parts.iter_range, &parts.accu_init, &parts.loop_cond, &parts.loop_step, &parts.result]
        }
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map.entries.iter().flat_map(|entry| entry_parts(&entry.expr)).collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::Struct(parts) => parts.entries.iter().flat_map(|entry| entry_parts(&entry.expr)).collect(),
    }
}

fn entry_parts(entry: &EntryExpr) -> Vec<&IdedExpr> {
    match entry {
        EntryExpr::StructField(field) => vec![&field.value],
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
    }
}
