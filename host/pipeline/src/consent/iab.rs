//! IAB's strings: TCF v2, US Privacy, and GPP, which holds several such.
//!
//! Only what consent depends on is read, at its fixed place. The vendor lists behind it, in which a few bytes of a visitor's stand
//! for tens of thousands of numbers, are not unfolded; the crate that decodes all of it does, without a bound.

use std::collections::BTreeSet;

/// What a string that cannot be read is taken for is for its reader to say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Unreadable;

/// What a GPP string says.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Gpp {
    /// The purposes of its TCF section, if it has one.
    pub(super) tcf: Option<BTreeSet<u8>>,
    /// Whether one of its US sections objects to a sale, to sharing, or to targeted advertising.
    pub(super) objects: bool,
}

/// The sections of GPP that are read (IAB Tech Lab, "GPP Section Information").
const TCF_EU_V2: u32 = 2;
const US_PRIVACY: u32 = 6;

/// The US sections, and at which of their two-bit fields the objections stand.
const US_SECTIONS: [(u32, &[usize]); 17] = [
    (7, &[6, 7, 8]), // national
    (8, &[3, 4]),    // California
    (9, &[3, 4]),    // Virginia
    (10, &[3, 4]),   // Colorado
    (11, &[4, 5]),   // Utah
    (12, &[3, 4]),   // Connecticut
    (13, &[3, 4]),   // Florida
    (14, &[3, 4]),   // Montana
    (15, &[3, 4]),   // Oregon
    (16, &[3, 4]),   // Texas
    (17, &[3, 4]),   // Delaware
    (18, &[4, 5]),   // Iowa
    (19, &[3, 4]),   // Nebraska
    (20, &[3, 4]),   // New Hampshire
    (21, &[3, 4]),   // New Jersey
    (22, &[3, 4]),   // Tennessee
    (23, &[3, 4]),   // Minnesota
];

/// The most sections of a GPP string that are looked at; there are 23 kinds.
const MAX_SECTIONS: usize = 64;

/// The purposes that a TC string consents to: <https://github.com/InteractiveAdvertisingBureau/GDPR-Transparency-and-Consent-Framework>.
pub(super) fn tcf(text: &str) -> Result<BTreeSet<u8>, Unreadable> {
    /// Behind the dates, the platform, its language and the version of the vendor list.
    const PURPOSES: usize = 152;
    let core = text.split('.').next().unwrap_or_default();
    let mut bits = Bits::of(core);
    if bits.number(6)? != 2 {
        return Err(Unreadable);
    }
    bits.at = PURPOSES;
    let mut purposes = BTreeSet::new();
    for purpose in 1..=24 {
        if bits.number(1)? == 1 {
            purposes.insert(purpose);
        }
    }
    Ok(purposes)
}

/// Whether a US Privacy string (`1YNN`) says that the visitor opted out of the sale.
pub(super) fn us_privacy(text: &str) -> Result<bool, Unreadable> {
    match text.as_bytes() {
        [b'1', _, opted_out, _] => match opted_out.to_ascii_uppercase() {
            b'Y' => Ok(true),
            b'N' | b'-' => Ok(false),
            _ => Err(Unreadable),
        },
        _ => Err(Unreadable),
    }
}

/// Reads a GPP string: `HEADER~SECTION~SECTION`.
pub(super) fn gpp(text: &str) -> Result<Gpp, Unreadable> {
    let mut parts = text.split('~');
    let ids = section_ids(parts.next().unwrap_or_default())?;
    let mut gpp = Gpp::default();
    for id in ids {
        let section = parts.next().ok_or(Unreadable)?;
        match id {
            TCF_EU_V2 => gpp.tcf = Some(tcf(section)?),
            US_PRIVACY => gpp.objects |= us_privacy(section)?,
            id => {
                // One of another law, or a later one, says nothing here.
                if let Some((_, fields)) = US_SECTIONS.iter().find(|(known, _)| *known == id) {
                    gpp.objects |= objects(section, fields)?;
                }
            }
        }
    }
    Ok(gpp)
}

/// Whether a US section objects: in one of the fields, or in its segment for the browser's own signal, `Sec-GPC`.
fn objects(section: &str, fields: &[usize]) -> Result<bool, Unreadable> {
    const OPTED_OUT: u32 = 1;
    const GPC_SEGMENT: u32 = 1;
    let mut segments = section.split('.');
    let mut core = Bits::of(segments.next().unwrap_or_default());
    let mut objects = false;
    for field in fields {
        // Behind six bits of version.
        core.at = 6 + 2 * field;
        objects |= core.number(2)? == OPTED_OUT;
    }
    for segment in segments {
        let mut bits = Bits::of(segment);
        objects |= bits.number(2)? == GPC_SEGMENT && bits.number(1)? == 1;
    }
    Ok(objects)
}

/// The header's list of sections: ranges of distances in Fibonacci code.
fn section_ids(header: &str) -> Result<Vec<u32>, Unreadable> {
    let mut bits = Bits::of(header);
    let (kind, version, count) = (bits.number(6)?, bits.number(6)?, bits.number(12)?);
    if kind != 3 || version != 1 {
        return Err(Unreadable);
    }
    let (mut ids, mut last) = (Vec::new(), 0u32);
    for _ in 0..count {
        let is_range = bits.number(1)? == 1;
        let first = last.checked_add(bits.fibonacci()?).ok_or(Unreadable)?;
        last = if is_range { first.checked_add(bits.fibonacci()?).ok_or(Unreadable)? } else { first };
        if ids.len() + (last - first) as usize >= MAX_SECTIONS {
            return Err(Unreadable);
        }
        ids.extend(first..=last);
    }
    Ok(ids)
}

/// The bits of a text in base64 for URLs, six to a character.
struct Bits<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Bits<'t> {
    fn of(text: &'t str) -> Self {
        Bits { text: text.as_bytes(), at: 0 }
    }

    fn number(&mut self, bits: usize) -> Result<u32, Unreadable> {
        (0..bits).try_fold(0, |number, _| Ok(number << 1 | self.bit()?))
    }

    /// A number as a sum of Fibonacci numbers; two ones in a row end it.
    fn fibonacci(&mut self) -> Result<u32, Unreadable> {
        let (mut sum, mut one, mut next, mut before) = (0u32, 1u32, 2u32, 0);
        loop {
            let bit = self.bit()?;
            if bit == 1 && before == 1 {
                return Ok(sum);
            }
            if bit == 1 {
                sum = sum.checked_add(one).ok_or(Unreadable)?;
            }
            (one, next, before) = (next, one.checked_add(next).ok_or(Unreadable)?, bit);
        }
    }

    fn bit(&mut self) -> Result<u32, Unreadable> {
        let six = match self.text.get(self.at / 6) {
            Some(upper @ b'A'..=b'Z') => upper - b'A',
            Some(lower @ b'a'..=b'z') => lower - b'a' + 26,
            Some(digit @ b'0'..=b'9') => digit - b'0' + 52,
            Some(b'-' | b'+') => 62,
            Some(b'_' | b'/') => 63,
            _ => return Err(Unreadable),
        };
        let bit = six >> (5 - self.at % 6) & 1;
        self.at += 1;
        Ok(bit.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_purposes_of_a_tc_string() {
        let check = |text: &str, expected: Result<&[u8], Unreadable>| {
            assert_eq!(tcf(text), expected.map(|purposes| purposes.iter().copied().collect()), "{text}");
        };
        // The specification's own example, with its segment of disclosed vendors.
        check(
            "COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA.IFoEUQQgAIQwgIwQABAEAAAAOIAACAIAAAAQAIAgEAACEAAAAAgAQBAAAAAAAGBAAgAAAAAAAFAAECAAAgAAQARAEQAAAAAJAAIAAgAAAYQEAAAQmAgBC3ZAYzUw",
            Ok(&[1, 2, 3]),
        );
        check("CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA", Ok(&[]));
        // The first version of the framework, half a string, none.
        check("BOEFEAyOEFEAyAHABDENAI4AAAB9vABAASA", Err(Unreadable));
        check("COvFyGBOvFyGBAbAAAENAPCA", Err(Unreadable));
        check("COvFyGBOvFyGBAbAAAENAPCAA{AAAAAAAAAAAEEUACCKAAA", Err(Unreadable));
        check("", Err(Unreadable));
    }

    #[test]
    fn reads_a_us_privacy_string() {
        let check = |text: &str, expected| assert_eq!(us_privacy(text), expected, "{text}");
        check("1YNN", Ok(false));
        check("1YYN", Ok(true));
        check("1nyn", Ok(true));
        check("1---", Ok(false));
        check("2YNN", Err(Unreadable));
        check("1YN", Err(Unreadable));
        check("", Err(Unreadable));
    }

    #[test]
    fn reads_the_sections_of_a_gpp_string() {
        let check = |text: &str, tcf: Option<&[u8]>, objects: bool| {
            let tcf = tcf.map(|purposes| purposes.iter().copied().collect());
            assert_eq!(gpp(text), Ok(Gpp { tcf, objects }), "{text}");
        };
        check("DBABM~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA", Some(&[]), false);
        check("DBACNY~COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA~1YNN", Some(&[1, 2, 3]), false);
        check("DBABTA~1YYN", None, true);
        // The national section: opted out of everything, of nothing, of nothing but with `Sec-GPC` in its own segment.
        check("DBABLA~BVVVVVVVVWA.QA", None, true);
        check("DBABLA~BqqqqqqqqmA.QA", None, false);
        check("DBABLA~BqqqqqqqqmA.YA", None, true);
        // California's.
        check("DBABBg~BVVVVVVVVWA", None, true);
        check("DBABBg~BqqqqqqqqmA", None, false);
        // A range: Virginia and Colorado, the second of which objects.
        check(&format!("{}~BqqqqqA~BVVVVVg", header(&[(9, 10)])), None, true);
        // A Canadian section is none of these.
        check("DBABjw~BPXuQIAPXuQIAAfKABENB-CgAAAAAAAAAAAAAAAA.YAAAAAAAAAA~1YNN", None, false);
    }

    #[test]
    fn a_gpp_string_of_no_use_is_said_to_be_unreadable() {
        let check = |text: &str| assert_eq!(gpp(text), Err(Unreadable), "{text}");
        check("");
        check("DBABM");
        check("DBABM~");
        check("XBABM~1YNN");
        check("DBABLA~B");
        check(&format!("{}~1YNN", header(&[(1, 60_000)])));
        // A number without an end, and more ranges than there are characters.
        check(&format!("DBAB{}~1YNN", "q".repeat(60)));
        check("DB__");
    }

    proptest! {
        #[test]
        fn no_string_of_a_visitor_s_does_harm(text in "(D[A-Z]?[A-Za-z0-9_~.-]{0,200})|(C[A-Za-z0-9_.-]{0,200})|(\\PC{0,50})") {
            let _ = (tcf(&text), us_privacy(&text));
            if let Ok(gpp) = gpp(&text) {
                prop_assert!(gpp.tcf.is_none_or(|purposes| purposes.len() <= 24));
            }
        }
    }

    /// A header with these ranges of sections.
    fn header(ranges: &[(u32, u32)]) -> String {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let fibonacci = |mut number: u32| {
            let mut terms = vec![1, 2];
            while terms.last().is_some_and(|last| *last <= number) {
                terms.push(terms[terms.len() - 1] + terms[terms.len() - 2]);
            }
            let mut bits = String::new();
            for term in terms.iter().rev() {
                let has = *term <= number;
                if has {
                    number -= term;
                }
                if has || !bits.is_empty() {
                    bits.insert(0, if has { '1' } else { '0' });
                }
            }
            bits + "1"
        };
        let mut bits = format!("000011000001{:012b}", ranges.len());
        let mut last = 0;
        for (first, end) in ranges {
            bits += &format!("1{}{}", fibonacci(first - last), fibonacci(end - first));
            last = *end;
        }
        bits += &"0".repeat((6 - bits.len() % 6) % 6);
        let six = |six: &[u8]| six.iter().fold(0, |number, bit| number << 1 | usize::from(bit - b'0'));
        bits.as_bytes().chunks(6).map(|chunk| char::from(ALPHABET[six(chunk)])).collect()
    }
}
