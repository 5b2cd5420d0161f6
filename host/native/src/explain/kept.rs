//! How deliveries are tried, and what is kept for how long.

use tagyard_pipeline::container::model::{Deliver, Journal};

use super::page::Page;
use super::words::{counted, number};

pub(super) fn explain(page: &mut Page, journal: &Journal, deliver: &Deliver) {
    let Deliver { max_age_hours, timeout_seconds } = deliver;
    page.heading("When a vendor does not answer");
    page.sentence(&format!("It is waited for {}.", counted(*timeout_seconds, "second")));
    page.sentence(&format!(
        "A delivery that may succeed later is tried again for {}. Then it is given up, and kept as a dead letter with the reason.",
        counted(*max_age_hours, "hour")
    ));

    let Journal { keep_days, keep_mib, max_mib, keep_dead_days } = journal;
    page.heading("What is kept, and for how long");
    page.sentence(&format!(
        "Events, how they ended and what was sent for them are kept for {} once every tag is done with them, or until they take more than {} MiB; the oldest go first. What a tag still needs is kept in any case.",
        counted(*keep_days, "day"),
        number(*keep_mib)
    ));
    page.sentence(&format!("Dead letters are kept for {}.", counted(*keep_dead_days, "day")));
    page.sentence(&match max_mib {
        Some(most) => format!(
            "Where all events, those still needed too, take more than {} MiB, senders are told to try again later.",
            number(*most)
        ),
        None => "There is no limit on what tags still need, but the disk.".to_owned(),
    });
    page.sentence("All of it lies in the data directory on the machine that runs the container, as the events came, so with the personal data that is in them.");
}
