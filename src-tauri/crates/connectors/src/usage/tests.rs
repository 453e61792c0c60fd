use super::*;

fn busy(busy: u64, of: u64) -> CpuUse {
    CpuUse::Busy { busy, of, cores: 4 }
}

fn at(minute: i64) -> Timestamp {
    Timestamp(minute * 60_000)
}

/// Received by the target in all, and how much of it was ours.
fn received(all: u64, own: u64) -> Usage {
    Usage {
        rx_bytes: Some(all),
        own: Own {
            rx_bytes: own,
            ..Own::default()
        },
        ..Usage::new(Target::Itself)
    }
}

fn counted(usages: &[Usage]) -> Vec<Option<u64>> {
    let mut meter = Meter::default();
    let sample = |(minute, usage)| meter.take(at(minute), usage).rx_bytes;
    (0..).zip(usages).map(sample).collect()
}

#[test]
fn cores_are_the_busy_part_of_all() {
    assert_eq!(busy(150, 1_400).cores(Some(&busy(100, 1_000))), Some(0.5));
    assert_eq!(busy(500, 1_400).cores(Some(&busy(100, 1_000))), Some(4.0));
    assert_eq!(CpuUse::Cores(0.25).cores(None), Some(0.25));
}

#[test]
fn cores_are_unknown_at_first_and_after_a_reset() {
    assert_eq!(busy(150, 1_400).cores(None), None);
    assert_eq!(busy(50, 1_400).cores(Some(&busy(100, 1_000))), None);
    assert_eq!(busy(150, 900).cores(Some(&busy(100, 1_000))), None);
    assert_eq!(busy(100, 1_000).cores(Some(&busy(100, 1_000))), None);
    assert_eq!(busy(1, 1).cores(Some(&CpuUse::Cores(1.0))), None);
    assert_eq!(CpuUse::Cores(f64::NAN).cores(None), None);
    assert_eq!(CpuUse::Cores(-1.0).cores(None), None);
}

#[test]
fn a_memory_of_nothing_has_no_fraction() {
    let memory = |used, total| Memory { used, total }.fraction();
    assert_eq!(memory(1, 4), Some(0.25));
    assert_eq!(memory(5, 4), Some(1.0));
    assert_eq!(memory(0, 0), None);
}

#[test]
fn our_own_traffic_is_taken_off() {
    let counts = counted(&[
        received(10_000, 500),
        received(14_000, 4_300),
        received(20_000, 4_500),
    ]);
    assert_eq!(counts, [Some(1), Some(201), Some(6_001)]);
}

#[test]
fn an_estimate_too_high_does_not_look_like_a_reset() {
    let counts = counted(&[received(10_000, 0), received(10_100, 150)]);
    assert_eq!(counts, [Some(1), Some(1)]);
}

#[test]
fn a_counter_that_shows_our_part_a_tick_late_shows_no_use() {
    // What was caused in the second minute is seen in the third, and what never comes is not kept for later.
    let counts = counted(&[
        received(10_000, 0),
        received(10_000, 900),
        received(11_800, 1_800),
        received(11_800, 2_700),
        received(11_800, 2_700),
        received(12_800, 2_700),
    ]);
    let quiet = [Some(1); 5];
    assert_eq!(counts[..5], quiet);
    assert_eq!(counts[5], Some(1_001));
}

#[test]
fn a_counter_that_went_backwards_goes_backwards_in_the_sample() {
    let counts = counted(&[
        received(10_000, 0),
        received(11_000, 0),
        received(300, 0),
        received(400, 0),
    ]);
    assert_eq!(counts, [Some(1), Some(1_001), Some(0), Some(100)]);
    let counts = counted(&[
        received(5, 0),
        received(4, 0),
        received(3, 0),
        received(9, 0),
    ]);
    assert_eq!(counts, [Some(1), Some(0), None, Some(1)]);
}

#[test]
fn a_restart_is_seen_though_the_counter_is_higher_by_now() {
    let up = |minutes: u64, received: u64| Usage {
        up: Some(Duration::from_secs(minutes * 60)),
        rx_bytes: Some(received),
        cpu: Some(busy(received, received * 2)),
        ..Usage::new(Target::Itself)
    };
    let mut meter = Meter::default();
    meter.take(at(0), &up(5, 1_000));
    let before = meter.take(at(1), &up(6, 1_500));
    assert_eq!((before.rx_bytes, before.cpu_cores), (Some(501), Some(2.0)));
    let after = meter.take(at(9), &up(2, 9_000));
    assert_eq!((after.rx_bytes, after.cpu_cores), (Some(0), None));
    let then = meter.take(at(10), &up(3, 9_100));
    assert_eq!((then.rx_bytes, then.cpu_cores), (Some(100), Some(2.0)));
}

#[test]
fn what_is_missing_stays_missing() {
    let mut gone = received(0, 0);
    gone.rx_bytes = None;
    let counts = counted(&[received(10, 0), gone, received(30, 0)]);
    assert_eq!(counts, [Some(1), None, Some(1)]);
    let sample = Meter::default().take(at(0), &Usage::new(Target::Itself));
    let nothing = Sample {
        at: at(0),
        ..Sample::default()
    };
    assert_eq!(sample, nothing);
}
