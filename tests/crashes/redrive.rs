//! A redrive, as a person gives one, while the host works and may be killed.

use std::path::PathBuf;

use tagyard::admin::tell;
use tagyard::again::{Left, Redriven, Selection};
use tokio::task::JoinHandle;

use crate::check::Chosen;

/// One that was asked for.
pub(crate) struct Redrive {
    chosen: Vec<Chosen>,
    answer: JoinHandle<Option<Redriven>>,
}

impl Redrive {
    pub(crate) fn start(data: PathBuf, chosen: Vec<Chosen>) -> Self {
        let numbers = chosen.iter().map(|chosen| chosen.letter).collect();
        let selection = Selection { numbers, ..Selection::default() };
        let answer = tokio::spawn(async move { tell(&data, "/dead/redrive", &selection).await.ok() });
        Redrive { chosen, answer }
    }

    /// Waits for the answer, which a host that was killed does not give. The events that the host promised to run again, if it
    /// promised all.
    pub(crate) async fn promised(self) -> Option<Vec<Chosen>> {
        let done = self.answer.await.ok().flatten()?;
        // An event that is in work at the moment, as after a redrive that was not answered, is left; it is asked for again.
        (done.left == Left::default() && done.unknown.is_empty()).then_some(self.chosen)
    }
}
