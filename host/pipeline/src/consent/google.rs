//! Google's consent mode, as its tags send it: `gcs` and `gcd`.

use crate::container::purpose::Google;

/// What is said of each type.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Said {
    ad_storage: Option<bool>,
    analytics_storage: Option<bool>,
    ad_user_data: Option<bool>,
    ad_personalization: Option<bool>,
}

impl Said {
    pub(super) fn of(&self, kind: Google) -> Option<bool> {
        match kind {
            Google::AdStorage => self.ad_storage,
            Google::AnalyticsStorage => self.analytics_storage,
            Google::AdUserData => self.ad_user_data,
            Google::AdPersonalization => self.ad_personalization,
        }
    }

    /// Reads `G1` and a digit each for `ad_storage` and `analytics_storage`: `G101`. Anything but 1 and 0 says nothing.
    pub(super) fn gcs(text: &str) -> Self {
        let digits = text.strip_prefix("G1").unwrap_or_default().as_bytes();
        let at = |position: usize| match digits.get(position) {
            Some(b'1') => Some(true),
            Some(b'0') => Some(false),
            _ => None,
        };
        Said { ad_storage: at(0), analytics_storage: at(1), ..Said::default() }
    }

    /// Reads a letter for each type between digits, in the order of the fields here: `13t3q3r3m5`. A letter says what held by
    /// default and what the visitor chose then; `l` and letters that are not known say nothing.
    pub(super) fn gcd(text: &str) -> Self {
        let bytes = text.as_bytes();
        let at = |position: usize| match bytes.get(2 + 2 * position) {
            Some(b't' | b'r' | b'n' | b'v') => Some(true),
            Some(b'p' | b'q' | b'm' | b'u') => Some(false),
            _ => None,
        };
        if bytes.first() != Some(&b'1') {
            return Said::default();
        }
        Said { ad_storage: at(0), analytics_storage: at(1), ad_user_data: at(2), ad_personalization: at(3) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_each_type() {
        let check = |said: Said, expected: [Option<bool>; 4]| {
            let kinds = [Google::AdStorage, Google::AnalyticsStorage, Google::AdUserData, Google::AdPersonalization];
            assert_eq!(kinds.map(|kind| said.of(kind)), expected);
        };
        let (yes, no) = (Some(true), Some(false));
        check(Said::gcs("G111"), [yes, yes, None, None]);
        check(Said::gcs("G101"), [no, yes, None, None]);
        check(Said::gcs("G10-"), [no, None, None, None]);
        check(Said::gcs("G1"), [None; 4]);
        check(Said::gcs("111"), [None; 4]);
        check(Said::gcd("13l3l3l2l1"), [None; 4]);
        check(Said::gcd("11t1p1r1m5"), [yes, no, yes, no]);
        check(Said::gcd("13n3q3v3u5l1"), [yes, no, yes, no]);
        check(Said::gcd("13r3r"), [yes, yes, None, None]);
        check(Said::gcd("x"), [None; 4]);
        check(Said::gcd(""), [None; 4]);
    }
}
