//! Headings and sentences, broken into lines.

/// The longest line: as wide as a terminal mostly is, and as a page prints.
const WIDTH: usize = 100;

/// A text that is being written.
pub(super) struct Page {
    text: String,
    steps: usize,
}

impl Page {
    pub(super) fn titled(title: &str) -> Self {
        Page { text: format!("{title}\n{}\n", "=".repeat(title.chars().count())), steps: 0 }
    }

    pub(super) fn heading(&mut self, heading: &str) {
        self.steps = 0;
        self.text.push_str(&format!("\n{heading}\n{}\n", "-".repeat(heading.chars().count())));
    }

    pub(super) fn sentence(&mut self, sentence: &str) {
        self.broken("- ", sentence);
    }

    /// A sentence of several in an order.
    pub(super) fn step(&mut self, sentence: &str) {
        self.steps += 1;
        self.broken(&format!("{}. ", self.steps), sentence);
    }

    /// A sentence that says more of the one before.
    pub(super) fn detail(&mut self, sentence: &str) {
        self.broken("  - ", sentence);
    }

    /// What the sentences here are about.
    pub(super) fn about(&mut self, sentence: &str) {
        self.broken("", sentence);
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    fn broken(&mut self, mark: &str, sentence: &str) {
        let indent = mark.chars().count();
        let mut line = mark.to_owned();
        let mut length = indent;
        for word in sentence.split_whitespace() {
            let more = word.chars().count();
            if length > indent && length + 1 + more > WIDTH {
                self.text.push_str(&line);
                self.text.push('\n');
                line = " ".repeat(indent);
                length = indent;
            }
            if length > indent {
                line.push(' ');
                length += 1;
            }
            line.push_str(word);
            length += more;
        }
        self.text.push_str(&line);
        self.text.push('\n');
    }
}
