//! The countries that there are, and the groups that a container may name.

/// The codes of ISO 3166-1, and `XK` for Kosovo, which has none there and which all databases of addresses write so. An edge's `XX`,
/// `ZZ` and `T1` (unknown, and Tor) are no countries.
const CODES: &str = "\
     AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD \
     CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF \
     GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN \
     KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA \
     NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI \
     SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI \
     VN VU WF WS XK YE YT ZA ZM ZW";

/// The members of the European Union.
const EU: &str = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK";

/// What the European Economic Area has besides.
const EEA: &str = "IS LI NO";

/// Whether these are the two letters of a country.
pub fn is_country(code: &str) -> bool {
    has(CODES, code)
}

/// The groups that a country is in, the narrower first.
pub fn groups_of(country: &str) -> &'static [&'static str] {
    match (has(EU, country), has(EEA, country)) {
        (true, _) => &["EU", "EEA"],
        (_, true) => &["EEA"],
        _ => &[],
    }
}

/// The groups that there are.
pub const GROUPS: [&str; 2] = ["EU", "EEA"];

fn has(list: &str, code: &str) -> bool {
    list.split_whitespace().any(|known| known == code)
}
