//! What is wrong with a container file, and how it is shown.

use std::fmt;
use std::ops::Range;

use miette::{Diagnostic, LabeledSpan, MietteHandlerOpts, NamedSource, ReportHandler, SourceCode};

use crate::text::Position;

/// Bytes of the file.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Span { start: range.start, end: range.end }
    }
}

/// One mistake.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Problem {
    pub span: Span,
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

impl Problem {
    pub(super) fn new(span: Span, message: impl Into<String>) -> Self {
        Problem { span, message: message.into(), help: None }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// All the mistakes of one file, in their order. Displayed, it is one line for each, for logs; a person reads
/// [`Report::pretty`].
#[derive(Debug)]
pub struct Report {
    file: String,
    text: String,
    problems: Vec<Problem>,
}

impl Report {
    pub(super) fn new(file: &str, text: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort();
        problems.dedup();
        Report { file: file.to_owned(), text: text.to_owned(), problems }
    }

    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// `FILE:LINE:COL: message (help)` for each problem.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.problems.iter().map(|problem| {
            let position = Position::of(&self.text, problem.span.start);
            let help = problem.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
            format!("{}:{position}: {}{help}", self.file, problem.message)
        })
    }

    /// `3 problems in shop.toml`.
    pub fn summary(&self) -> String {
        match self.problems.len() {
            1 => format!("1 problem in {}", self.file),
            count => format!("{count} problems in {}", self.file),
        }
    }

    /// For a terminal: each problem with the lines it is about.
    pub fn pretty(&self) -> Pretty<'_> {
        Pretty(self)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().try_for_each(|line| writeln!(f, "{line}"))?;
        f.write_str(&self.summary())
    }
}

impl std::error::Error for Report {}

/// A [`Report`] for a terminal.
pub struct Pretty<'r>(&'r Report);

impl fmt::Display for Pretty<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { file, text, problems } = self.0;
        let handler = MietteHandlerOpts::new().build();
        let named = NamedSource::new(file, text.clone());
        for problem in problems {
            handler.debug(&Shown { problem, file: &named }, f)?;
            writeln!(f)?;
        }
        f.write_str(&self.0.summary())
    }
}

/// A problem as miette draws it.
#[derive(Debug, thiserror::Error)]
#[error("{}", problem.message)]
struct Shown<'r> {
    problem: &'r Problem,
    file: &'r NamedSource<String>,
}

impl Diagnostic for Shown<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.problem.help.as_ref().map(|help| Box::new(help) as _)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        (!self.file.inner().is_empty()).then_some(self.file as _)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let Span { start, end } = self.problem.span;
        Some(Box::new(std::iter::once(LabeledSpan::new(None, start, end.saturating_sub(start)))))
    }
}
