//! Why a transformation does not compile, and where in it.

use std::fmt;

use crate::expression::ExpressionError;
use crate::path::{Part, Path, PathError};

/// Everything that is wrong with a transformation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TransformErrors(pub Vec<TransformError>);

/// One thing that is wrong with a transformation.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{place}`: {fault}")]
pub struct TransformError {
    pub place: Place,
    pub fault: Fault,
}

/// The way to a place in a transformation: `hash.fields[2]`. Empty: the transformation itself.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Place(pub Vec<Step>);

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// The value of a key.
    Key(String),
    /// An element of a list.
    Index(usize),
    /// A key itself; always the last step.
    Name(String),
}

/// What is wrong.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Fault {
    #[error("a transformation makes exactly one change")]
    NotOne,
    #[error(transparent)]
    Path(PathError),
    #[error("{0}")]
    Expression(ExpressionError),
    #[error("this is no regular expression: {0}")]
    Pattern(String),
    #[error("the pattern has no group `{0}`")]
    Group(String),
    #[error("two moves of one transformation meet at `{0}`")]
    Overlap(String),
    #[error("a default is a text, a number, a boolean or a list")]
    DefaultTable,
    #[error("a country code is for phone numbers only")]
    CountryCode,
    #[error("`filter` is `true`, or is left out")]
    FilterFalse,
    #[error("without a condition, `filter` drops every event")]
    FilterAll,
}

impl Fault {
    /// How to mend it, where that is not plain.
    pub fn help(&self) -> Option<&'static str> {
        Some(match self {
            Fault::Group(_) => "`$1` is the first group, `${1}a` the same before a letter, `$$` a dollar sign",
            Fault::Overlap(_) => "write a `transform` for each; they are made in order",
            Fault::DefaultTable => "a dotted key is quoted: `\"properties.currency\" = \"EUR\"`",
            Fault::CountryCode => "leave `country_code` out, or write `as = \"phone\"`",
            Fault::FilterAll => "give it a `when`; a tag that shall see no event at all is taken out",
            _ => return None,
        })
    }
}

impl TransformErrors {
    /// The values, or else everything that is wrong.
    pub(super) fn all<T>(results: impl IntoIterator<Item = Result<T, TransformError>>) -> Result<Vec<T>, Self> {
        let (mut values, mut errors) = (Vec::new(), Vec::new());
        for result in results {
            match result {
                Ok(value) => values.push(value),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(values) } else { Err(TransformErrors(errors)) }
    }

    /// Both values, or else what is wrong with either.
    pub(super) fn both<A, B>(first: Result<A, Self>, second: Result<B, Self>) -> Result<(A, B), Self> {
        match (first, second) {
            (Ok(first), Ok(second)) => Ok((first, second)),
            (Err(TransformErrors(mut errors)), Err(TransformErrors(more))) => {
                errors.extend(more);
                Err(TransformErrors(errors))
            }
            (Err(errors), _) | (_, Err(errors)) => Err(errors),
        }
    }

    pub(super) fn within(self, step: &Step) -> Self {
        TransformErrors(self.0.into_iter().map(|error| error.within(step.clone())).collect())
    }
}

impl TransformError {
    pub(super) fn at(steps: impl Into<Vec<Step>>, fault: Fault) -> Self {
        TransformError { place: Place(steps.into()), fault }
    }

    pub(super) fn within(mut self, step: Step) -> Self {
        self.place.0.insert(0, step);
        self
    }
}

impl Step {
    pub(super) fn key(key: &str) -> Self {
        Step::Key(key.to_owned())
    }
}

/// The parts of an event that a list names.
pub(super) fn parts(fields: &[String]) -> Result<Vec<Part>, TransformErrors> {
    let part = |(index, text): (usize, &String)| {
        Part::parse(text).map_err(|error| TransformError::at([Step::Index(index)], Fault::Path(error)))
    };
    TransformErrors::all(fields.iter().enumerate().map(part))
}

/// A path that is a key.
pub(super) fn key_path(key: &str) -> Result<Path, TransformError> {
    Path::parse(key).map_err(|error| TransformError::at([Step::Name(key.to_owned())], Fault::Path(error)))
}

impl From<TransformError> for TransformErrors {
    fn from(error: TransformError) -> Self {
        TransformErrors(vec![error])
    }
}

impl fmt::Display for TransformErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(TransformError::to_string).collect();
        f.write_str(&texts.join("; "))
    }
}

impl std::error::Error for TransformErrors {}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("transform")?;
        self.0.iter().try_for_each(|step| match step {
            Step::Key(key) | Step::Name(key) => write!(f, ".{key}"),
            Step::Index(index) => write!(f, "[{index}]"),
        })
    }
}
