//! Thirty days in the life of a hundred nodes, against an oracle: no wrong stop, no missed stop, no question twice.

#![expect(
    clippy::print_stdout,
    reason = "what a failed month was made of, and how it went"
)]

#[expect(dead_code, reason = "shared with other tests, which use the rest")]
#[path = "support/clockwork.rs"]
mod clockwork;
#[path = "month/homelab.rs"]
mod homelab;
#[path = "month/house.rs"]
mod house;
#[path = "month/lot.rs"]
mod lot;
#[path = "month/oracle.rs"]
mod oracle;
#[path = "month/people.rs"]
mod people;

use clockwork::Clockwork;
use house::{House, Known};
use lot::Lot;
use people::People;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use wakehub_engine::{Handle, Options};
use wakehub_view::wire::JournalQuery;

const SECOND: Duration = Duration::from_secs(1);

fn live(seed: u64, days: u64) {
    println!("seed {seed}");
    clockwork::run(|clockwork| async move { lived(&clockwork, seed, days).await });
}

async fn lived(clockwork: &Clockwork, seed: u64, days: u64) {
    let mut lot = Lot(seed);
    let specs = homelab::drawn(&mut lot);
    assert_eq!(specs.len(), 100);
    let house = House::new(specs.clone(), clockwork.clock.clone());
    let folder = folder();
    let handle = open(clockwork, &house, &folder).await;
    let imported = handle.import(homelab::toml(&specs)).await;
    imported.expect("a valid homelab");
    clockwork.settle(&handle).await;
    let mut people = People::new(lot, &house, &handle, clockwork.now());
    let mut sleeps = Lot(seed + 1);
    let begun = std::time::Instant::now();
    let (mut day, mut minute) = (0, 0);
    let end = clockwork.passed() + Duration::from_secs(days * 24 * 3600);
    while clockwork.passed() < end {
        clockwork.step(step(&handle), &handle).await;
        house.with(|state| state.collect(clockwork.now()));
        if people.act(clockwork.now(), &house, &handle).await {
            clockwork.settle(&handle).await;
            people.act(clockwork.now(), &house, &handle).await;
        }
        let seconds = clockwork.passed().as_secs();
        if seconds / 60 > minute {
            minute = seconds / 60;
            let now = clockwork.now();
            house.with(|state| oracle::minute(state, now, &handle.snapshot()));
            check(&house, &handle).await;
            // twice a week the computer sleeps for some hours
            if sleeps.below(5000) == 0 {
                let slept = clockwork.now();
                clockwork.clock.sleep(sleeps.seconds(600, 10 * 3600));
                house.with(|state| state.slept(slept, clockwork.now()));
            }
        }
        if seconds / 86400 > day {
            day = seconds / 86400;
            tell(&house, &people, day, begun);
        }
    }
    handle.shut_down().await;
}

/// The loop's own ticks are a second apart; while there is nothing but to wait some are left out, as on a busy computer.
fn step(handle: &Handle) -> Duration {
    let snapshot = handle.snapshot();
    let works = snapshot
        .cascades
        .iter()
        .any(|cascade| cascade.ended.is_none());
    if works { SECOND } else { 5 * SECOND }
}

/// In memory where that can be had: the database waits for the disk at every write, some hundred thousand times a month.
fn folder() -> TempDir {
    TempDir::new_in("/dev/shm")
        .or_else(|_| TempDir::new())
        .expect("folder")
}

async fn open(clockwork: &Clockwork, house: &House, folder: &TempDir) -> Handle {
    let options = Options {
        data_dir: folder.path().to_path_buf(),
        secrets: Arc::new(Known),
        world: Arc::new(house.clone()),
        clock: clockwork.clock.clone(),
    };
    wakehub_engine::start(options).await.expect("an engine")
}

/// Nothing has gone wrong; else what, with what the journal says of it.
async fn check(house: &House, handle: &Handle) {
    let wrong = house.with(|state| std::mem::take(&mut state.oracle.wrong));
    let Some((at, _)) = wrong.first() else {
        return;
    };
    let name = house.with(|state| state.specs[*at].name.clone());
    let snapshot = handle.snapshot();
    let node = snapshot.nodes.iter().find(|node| node.name == name);
    let of_node = JournalQuery {
        node: node.map(|node| node.id),
        limit: Some(25),
        ..JournalQuery::default()
    };
    let of_all = JournalQuery {
        limit: Some(40),
        ..JournalQuery::default()
    };
    for (whose, query) in [("its journal", of_node), ("the journal", of_all)] {
        println!("{whose}");
        let lines = handle.journal(query).await.expect("journal");
        for line in lines.iter().rev() {
            let (minute, second) = (line.at.0 / 60_000, line.at.0 / 1000 % 60);
            println!(
                "minute {minute}:{second:02}: {}: {:?}",
                line.message, line.reason
            );
        }
    }
    for (_, what) in &wrong {
        println!("{what}");
    }
    panic!("{} wrong, {:?}", wrong.len(), node);
}

fn tell(house: &House, people: &People, day: u64, begun: std::time::Instant) {
    house.with(|state| {
        let on = state.on.iter().filter(|on| **on).count();
        let oracle = &state.oracle;
        println!(
            "day {day}: {on} on; {} uses, {} questions, {} notices, {} taken back, {} stops; {:.1} s",
            people.used,
            oracle.asked,
            oracle.noticed,
            oracle.withdrawn,
            oracle.stops,
            begun.elapsed().as_secs_f32()
        );
    });
}

#[test]
fn thirty_days() {
    live(1, 30);
}

#[test]
fn four_days_of_another_homelab() {
    live(2, 4);
}

#[test]
fn four_days_of_a_third() {
    live(3, 4);
}
