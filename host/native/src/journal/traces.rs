//! Texts that tell whose data some bytes are, where nothing else does.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, BuildError, MatchKind};

/// Bytes of a file that are looked at together.
const CHUNK: u64 = 1 << 20;

/// A text that is shorter says whose it is only between quotes: a number such as `42` is in everything.
const TELLING: usize = 6;

/// A person's ids and addresses, as they are found in records that cannot be read, and in requests that tags have made. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Traces(Option<Arc<Finder>>);

#[derive(Debug)]
struct Finder {
    texts: AhoCorasick,
    longest: usize,
}

impl Traces {
    /// Of these texts, in the ways in which JSON and URLs write them.
    ///
    /// # Errors
    /// When they are too many to be looked for.
    pub fn new<'t>(texts: impl Iterator<Item = &'t str>) -> Result<Self, BuildError> {
        let mut forms: Vec<String> = texts.filter(|text| !text.is_empty()).flat_map(forms).collect();
        forms.sort_unstable();
        forms.dedup();
        let Some(longest) = forms.iter().map(String::len).max() else { return Ok(Traces(None)) };
        // All that overlap: one that is a part of a longer word does not count, the next one may.
        let texts = AhoCorasick::builder().match_kind(MatchKind::Standard).build(&forms)?;
        Ok(Traces(Some(Arc::new(Finder { texts, longest }))))
    }

    pub fn are_in(&self, bytes: &[u8]) -> bool {
        let Some(finder) = &self.0 else { return false };
        finder.texts.find_overlapping_iter(bytes).any(|found| {
            let before = found.start().checked_sub(1).and_then(|at| bytes.get(at));
            let within = [bytes.get(found.start()), bytes.get(found.end() - 1)];
            !joins(before, within[0]) && !joins(within[1], bytes.get(found.end()))
        })
    }

    /// Whether they are in a part of a file, also within other words: what lies beside them there may be anything.
    pub(super) fn are_in_file(&self, file: &File, mut offset: u64, end: u64) -> io::Result<bool> {
        let Some(finder) = &self.0 else { return Ok(false) };
        // What lies across two chunks lies whole in the second.
        let overlap = finder.longest as u64;
        let mut chunk = Vec::new();
        while offset < end {
            let length = (end - offset).min(CHUNK + overlap);
            chunk.resize(length as usize, 0);
            file.read_exact_at(&mut chunk, offset)?;
            if finder.texts.is_match(&chunk) {
                return Ok(true);
            }
            offset += length.min(CHUNK);
        }
        Ok(false)
    }
}

/// Whether two bytes side by side belong to one word.
fn joins(left: Option<&u8>, right: Option<&u8>) -> bool {
    let is_word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    is_word(left) && is_word(right)
}

fn forms(text: &str) -> Vec<String> {
    let quoted = serde_json::Value::from(text).to_string();
    let escaped = quoted[1..quoted.len() - 1].to_owned();
    let mut forms = match text.len() < TELLING {
        // Within a text of JSON, as a request's body is in its record, the quotes are escaped, too.
        true => vec![format!("\"{escaped}\""), format!("\\\"{escaped}\\\"")],
        false => {
            let url: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
            vec![url.replace('+', "%20"), url, escaped.replace('\\', "\\\\"), escaped.clone(), text.to_owned()]
        }
    };
    // As PHP writes it.
    forms.push(forms[0].replace('/', "\\/"));
    if text.len() >= TELLING && text.contains('/') {
        forms.extend([escaped.replace('/', "\\/"), escaped.replace('/', "\\\\/")]);
    }
    forms
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn traces(text: &str) -> Traces {
        Traces::new([text].into_iter()).unwrap()
    }

    #[test]
    fn an_id_is_found_however_it_is_written_and_not_within_another_word() {
        let check = |text: &str, bytes: &str, expected: bool| {
            assert_eq!(traces(text).are_in(bytes.as_bytes()), expected, "{text} in {bytes}");
        };
        for (bytes, expected) in [
            (r#"{"userId":"ada@example.com"}"#, true),
            (r#""body":"{\"userId\":\"ada@example.com\"}""#, true),
            ("/g/collect?uid=ada%40example.com&v=2", true),
            ("ada@example.com", true),
            ("nevada@example.com", false),
            ("ada@example.community", false),
            ("nevada@example.com ada@example.com", true),
            ("", false),
        ] {
            check("ada@example.com", bytes, expected);
        }
        for (bytes, expected) in [
            (r#"{"userId":"42"}"#, true),
            (r#""{\"userId\":\"42\"}""#, true),
            (r#"{"total":42}"#, false),
            (r#"{"userId":"142"}"#, false),
        ] {
            check("42", bytes, expected);
        }
        check("shop/ada-1", r#"{"userId":"shop\/ada-1"}"#, true);
        check("a \"quoted\" one", r#"{"userId":"a \"quoted\" one"}"#, true);
        assert!(!Traces::default().are_in(b"anything"));
    }

    #[test]
    fn an_id_that_lies_across_two_chunks_is_found() {
        let mut file = tempfile::tempfile().unwrap();
        let before = vec![b' '; CHUNK as usize - 5];
        file.write_all(&before).unwrap();
        file.write_all(b"ada@example.com").unwrap();
        file.write_all(&before).unwrap();
        let length = file.metadata().unwrap().len();
        assert!(traces("ada@example.com").are_in_file(&file, 0, length).unwrap());
        assert!(!traces("bob@example.com").are_in_file(&file, 0, length).unwrap());
        assert!(!traces("ada@example.com").are_in_file(&file, CHUNK, length).unwrap());
    }
}
