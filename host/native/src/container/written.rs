//! A container file as it was written, for those who find something in it that the general check does not look for.

use std::path::{Path, PathBuf};

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::node::Node;
use super::{Environment, Loaded, Problem, Report, Span, parse, read};

/// A container file's text.
#[derive(Debug)]
pub struct Written {
    file: String,
    base: PathBuf,
    text: String,
}

/// A step on the way to a place in a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step<'s> {
    Key(&'s str),
    /// Of a list.
    At(usize),
}

/// Something found in a container file.
#[derive(Debug)]
pub struct Finding<'s> {
    /// Where, as far as it is there.
    pub place: Vec<Step<'s>>,
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Written {
    /// Reads a container file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(path: &Path) -> Result<Self, Report> {
        let file = path.display().to_string();
        let base = path.parent().unwrap_or(Path::new("")).to_owned();
        match read(path) {
            Ok(text) => Ok(Written { file, base, text }),
            Err(error) => {
                let problem = Problem::new(Span { start: 0, end: 0 }, format!("cannot read it: {error}"));
                Err(Report::new(&file, "", vec![problem]))
            }
        }
    }

    /// Checks it. Its secrets are in `env`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(&self, env: Environment) -> Result<Loaded, Report> {
        parse(&self.file, &self.text, &self.base, env)
    }

    /// The folder that its paths are relative to.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// What it says, table for table and key for key; a date is its text.
    pub fn json(&self) -> Value {
        Node::root(&self.document()).to_json(&mut Vec::new())
    }

    /// What was found, at its places.
    pub fn report(&self, findings: Vec<Finding<'_>>) -> Report {
        let document = self.document();
        let problem = |finding: Finding<'_>| {
            let problem = Problem::new(place(Node::root(&document), &finding.place), finding.message);
            match finding.help {
                Some(help) => problem.help(help),
                None => problem,
            }
        };
        Report::new(&self.file, &self.text, findings.into_iter().map(problem).collect())
    }

    fn document(&self) -> Spanned<DeValue<'_>> {
        let (document, _) = DeTable::parse_recoverable(&self.text);
        Spanned::new(document.span(), DeValue::Table(document.into_inner()))
    }
}

/// Where a way ends: a value's place, or that of the key or table as far as which it leads.
fn place(root: Node<'_>, steps: &[Step<'_>]) -> Span {
    let mut at = root;
    for step in steps {
        let next = match step {
            Step::Key(key) => at.get(key),
            Step::At(place) => at.items().nth(*place),
        };
        match next {
            Some(next) => at = next,
            None => return at.name,
        }
    }
    if at.is_table() { at.name } else { at.span() }
}
