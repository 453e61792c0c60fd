use super::*;
use crate::furniture::find;
use crate::mishap::USUAL;
use wakehub_connectors::Meter as Metering;
use wakehub_domain::Timestamp;
use wakehub_domain::idle::{Criteria, IdleRule, NetworkTraffic, Verdict, Window};

fn thing(key: &str) -> &'static Thing {
    find(key).expect("in the house")
}

/// What a rule says of the thing, minute by minute since it is on.
async fn verdicts(house: &House, key: &str, minutes: u64, rule: &IdleRule) -> Vec<Verdict> {
    let mut window = Window::default();
    let mut meter = Metering::default();
    let mut all = Vec::new();
    for minute in 0..minutes {
        let usage = usage(house, Target::Itself, thing(key), false).expect("it is on");
        let at = Timestamp(60_000 * (1 + i64::try_from(minute).expect("few")));
        all.push(window.take(rule, &meter.take(at, &usage)).verdict);
        tokio::time::advance(Duration::from_secs(60)).await;
    }
    all
}

fn rule() -> IdleRule {
    let traffic = NetworkTraffic {
        bytes_per_tick: Some(65_536),
        packets_per_tick: None,
    };
    IdleRule {
        criteria: Some(Criteria {
            cpu: Some(wakehub_domain::idle::Cpu::default()),
            network_traffic: Some(traffic),
            ..Criteria::default()
        }),
        ..IdleRule::default()
    }
}

fn on(keys: &[&str]) -> House {
    let house = House::new(1.0, USUAL);
    for key in keys {
        house.switch(thing(key), true);
    }
    house
}

#[tokio::test(start_paused = true)]
async fn nobody_uses_ubuntu() {
    let house = on(&["102"]);
    let seen = verdicts(&house, "102", 30, &rule()).await;
    // the first two looks have nothing to compare with
    assert!(
        seen[2..]
            .iter()
            .all(|one| matches!(one, Verdict::Idle { .. })),
        "{seen:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_film_is_watched_paused_and_over() {
    let house = on(&["machine2", "nas", "101"]);
    let seen = verdicts(&house, "101", 110, &rule()).await;
    let is_idle = |minute: usize| matches!(seen[minute], Verdict::Idle { .. });
    assert!((0..48).all(|minute| !is_idle(minute)), "{seen:?}");
    assert!((50..54).all(is_idle), "paused: {seen:?}");
    assert!((56..95).all(|minute| !is_idle(minute)));
    assert!((97..110).all(is_idle), "over: {seen:?}");
    assert_eq!(plays(&house, 8096), Some(false));
}

#[tokio::test(start_paused = true)]
async fn a_service_is_asked_also_while_its_film_is_paused() {
    let house = on(&["machine2", "nas", "101"]);
    assert_eq!(plays(&house, 8096), Some(true));
    tokio::time::advance(Duration::from_secs(50 * 60)).await;
    assert_eq!(plays(&house, 8096), Some(true));
    house.switch(thing("101"), false);
    assert_eq!(plays(&house, 8096), None);
}

#[tokio::test(start_paused = true)]
async fn what_uses_nas_keeps_it_busy_and_so_does_what_a_machine_hosts() {
    let house = on(&["machine2", "nas", "101"]);
    let busy = |key| rate(&house, thing(key)).tx > 10.0 * MIB;
    assert!(busy("101") && busy("nas") && busy("machine2"));
    assert!(!busy("machine1"));
    house.switch(thing("101"), false);
    assert!(!busy("nas") && !busy("machine2"));
}

#[tokio::test(start_paused = true)]
async fn counters_grow_and_begin_anew_with_the_thing() {
    let house = on(&["102"]);
    let look = || usage(&house, Target::Itself, thing("102"), false).expect("on");
    tokio::time::advance(Duration::from_secs(600)).await;
    let first = look();
    tokio::time::advance(Duration::from_secs(60)).await;
    let second = look();
    assert!(second.rx_bytes > first.rx_bytes && second.up > first.up);
    house.switch(thing("102"), false);
    assert_eq!(usage(&house, Target::Itself, thing("102"), false), None);
    house.switch(thing("102"), true);
    tokio::time::advance(Duration::from_secs(60)).await;
    let third = look();
    assert!(third.rx_bytes < second.rx_bytes && third.up < second.up);
    // the same house tells the same
    let other = on(&["102"]);
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(
        usage(&other, Target::Itself, thing("102"), false).map(|one| one.cpu),
        Some(third.cpu)
    );
}
