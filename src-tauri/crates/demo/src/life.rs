//! What happens by itself: somebody uses the homelab by other means.

use std::sync::Weak;
use std::time::Duration;

use crate::furniture::{self, Thing};
use crate::house::House;
use crate::mishap;

/// Whoever lives here starts and stops these elsewhere, until the user takes them in hand.
const TOUCHED_ELSEWHERE: [&str; 3] = ["jellystat", "uptime-kuma", "110"];
/// Between two such events: 45 to 120 s.
const SHORTEST: u64 = 45;
const SPREAD: u64 = 76;

pub(crate) async fn goes_on(house: Weak<House>) {
    for event in 0.. {
        let Some(pause) = house.upgrade().map(|house| {
            let seconds = SHORTEST + mishap::chance(house.seed(), "pause", event) % SPREAD;
            house.pace(Duration::from_secs(seconds))
        }) else {
            return;
        };
        tokio::time::sleep(pause).await;
        let Some(house) = house.upgrade() else {
            return;
        };
        if let Some(thing) = chosen(&house, event) {
            let on = house.is_on(thing);
            tracing::debug!(
                thing = thing.name,
                on = !on,
                "somebody switches it elsewhere"
            );
            house.switch(thing, !on);
        }
    }
}

fn chosen(house: &House, event: u32) -> Option<&'static Thing> {
    let choice = mishap::chance(house.seed(), "choice", event) % 3;
    let thing = furniture::find(TOUCHED_ELSEWHERE[usize::try_from(choice).ok()?])?;
    let may = house.is_untouched(thing) && thing.hosted_on().is_some_and(|host| house.serves(host));
    may.then_some(thing)
}
