//! Passing over the JSON that nearly all events are made of: strings without escapes, numbers without exponents, and what is built of
//! them. Whatever is anything else, or wrong, is left to serde_json, which says what it is.

/// Containers within each other that are passed over here.
const LEVELS: usize = 16;

/// The longest number that is: far from where one becomes infinite.
const DIGITS: usize = 32;

/// How deep the value is nested that begins here, and where it ends; `None` where somebody else has to look.
pub(super) fn value(text: &str, at: usize) -> Option<(usize, usize)> {
    let mut rest = Rest { text: text.as_bytes(), at };
    let depth = rest.value(LEVELS)?;
    Some((depth, rest.at))
}

/// Where the string ends that begins here, behind its quotes; `None` likewise.
pub(super) fn string(text: &str, at: usize) -> Option<usize> {
    let mut rest = Rest { text: text.as_bytes(), at };
    rest.string()?;
    Some(rest.at)
}

/// Whether a text needs no escape in JSON.
pub(super) fn is_plain(text: &str) -> bool {
    let (chunks, rest) = text.as_bytes().as_chunks::<8>();
    chunks.iter().all(|chunk| telling(u64::from_le_bytes(*chunk)) == 0)
        && !rest.iter().any(|byte| matches!(byte, 0..b' ' | b'"' | b'\\'))
}

struct Rest<'t> {
    text: &'t [u8],
    at: usize,
}

impl Rest<'_> {
    fn value(&mut self, levels: usize) -> Option<usize> {
        match self.peek()? {
            b'"' => self.string().map(|()| 0),
            b'{' => self.container(b'}', levels, |rest| {
                rest.string()?;
                rest.skip_space();
                rest.take(b':')?;
                rest.skip_space();
                Some(())
            }),
            b'[' => self.container(b']', levels, |_| Some(())),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.number(),
        }
    }

    /// What lies between brackets; before each value comes what `key` passes over.
    fn container(&mut self, end: u8, levels: usize, key: impl Fn(&mut Self) -> Option<()>) -> Option<usize> {
        let levels = levels.checked_sub(1)?;
        self.at += 1;
        self.skip_space();
        if self.take(end).is_some() {
            return Some(1);
        }
        let mut deepest = 0;
        loop {
            key(self)?;
            deepest = deepest.max(self.value(levels)?);
            self.skip_space();
            if self.take(b',').is_none() {
                self.take(end)?;
                return Some(deepest + 1);
            }
            self.skip_space();
        }
    }

    fn string(&mut self) -> Option<()> {
        self.take(b'"')?;
        let (chunks, _) = self.text.get(self.at..)?.as_chunks::<8>();
        for chunk in chunks {
            let telling = telling(u64::from_le_bytes(*chunk));
            if telling != 0 {
                self.at += telling.trailing_zeros() as usize / 8;
                return self.take(b'"');
            }
            self.at += 8;
        }
        while !matches!(self.peek()?, 0..b' ' | b'"' | b'\\') {
            self.at += 1;
        }
        self.take(b'"')
    }

    fn number(&mut self) -> Option<usize> {
        let begun = self.at;
        let _ = self.take(b'-');
        let zero = self.peek() == Some(b'0');
        let digits = self.digits();
        if digits == 0 || (zero && digits > 1) || (self.take(b'.').is_some() && self.digits() == 0) {
            return None;
        }
        (!matches!(self.peek(), Some(b'e' | b'E')) && self.at - begun <= DIGITS).then_some(0)
    }

    fn digits(&mut self) -> usize {
        let begun = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - begun
    }

    fn word(&mut self, word: &[u8]) -> Option<usize> {
        self.text.get(self.at..)?.starts_with(word).then(|| self.at += word.len())?;
        Some(0)
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        (self.peek()? == wanted).then(|| self.at += 1)
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.at += 1;
        }
    }
}

/// The highest bit of each byte that ends a string or does not belong into one as it is. Of those behind the first some may be wrong.
fn telling(eight: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let below = |bytes: u64, bound: u8| bytes.wrapping_sub(ONES * u64::from(bound)) & !bytes;
    let is = |byte: u8| below(eight ^ (ONES * u64::from(byte)), 1);
    (below(eight, b' ') | is(b'"') | is(b'\\')) & HIGH
}
