//! Which person a command is about.

use crate::person::{Ids, Who};

#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// A user's id, as events have it in `userId`. Can be given several times.
    #[arg(long = "user-id", value_name = "ID", required_unless_present = "anonymous_ids")]
    user_ids: Vec<String>,
    /// A device's id, as events have it in `anonymousId`. Can be given several times.
    #[arg(long = "anonymous-id", value_name = "ID")]
    anonymous_ids: Vec<String>,
    /// Go by these ids alone.
    ///
    /// Without it, an id that events have beside one of these is the person's too, unless it was seen with another user as well.
    #[arg(long)]
    only_these_ids: bool,
}

impl Which {
    pub(super) fn who(&self) -> Who {
        let (user_ids, anonymous_ids) = (self.user_ids.iter().cloned(), self.anonymous_ids.iter().cloned());
        let ids = Ids { user_ids: user_ids.collect(), anonymous_ids: anonymous_ids.collect() };
        Who { ids, only_these: self.only_these_ids }
    }
}
