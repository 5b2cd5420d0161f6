//! Which container a metric is of, where a process has several. A process with one says nothing of it.

use metrics::Label;

/// The label `container`, or none. Their values are bounded by the folder of containers.
#[derive(Clone, Debug, Default)]
pub struct Labels(Option<Label>);

impl Labels {
    /// Of one among several containers.
    pub fn of(container: &str) -> Self {
        Labels(Some(Label::new("container", container.to_owned())))
    }

    /// With these beside it.
    pub fn with<const N: usize>(&self, others: [(&'static str, String); N]) -> Vec<Label> {
        let others = others.into_iter().map(|(name, value)| Label::new(name, value));
        self.0.iter().cloned().chain(others).collect()
    }
}
