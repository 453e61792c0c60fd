//! What is expected of every trace of the corpus.

use std::path::{Path, PathBuf};

use wakehub_domain::idle::{Window, judge};

use crate::oracle::Seen;
use crate::trace::{Trace, parse};

fn corpus() -> Vec<(PathBuf, Trace)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/idle/traces");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let read = |file: PathBuf| {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = PathBuf::from(file.file_name().unwrap());
        parse(&text)
            .into_iter()
            .map(move |trace| (name.clone(), trace))
    };
    files.into_iter().flat_map(read).collect()
}

#[test]
fn every_tick_of_every_trace_is_judged_as_expected() {
    let corpus = corpus();
    assert!(corpus.len() >= 60, "traces are gone: {}", corpus.len());
    let wrong: Vec<String> = corpus
        .iter()
        .filter_map(|(file, trace)| {
            let wrong = first_wrong(trace)?;
            Some(format!("{}: {}: {wrong}", file.display(), trace.title))
        })
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn first_wrong(trace: &Trace) -> Option<String> {
    let mut window = Window::default();
    // whether the stop that the phase expects was there already
    let mut stop_of_phase = None;
    for tick in &trace.ticks {
        if tick.number == 1 {
            stop_of_phase = None;
        }
        for interruption in &tick.interruptions {
            window.interrupt(*interruption);
            if window.since().is_some() {
                return Some(format!("line {}: idle in a sleep", tick.line));
            }
        }
        let judged = window.take(&tick.rule, &tick.sample);
        let because = judged.verdict.to_string();
        let told = format!("{} ({because})", judged.verdict.as_str());
        let place = format!("line {}, tick {}", tick.line, tick.number);
        if judged.verdict.as_str() != tick.verdict {
            return Some(format!("{place}: {} expected, {told} judged", tick.verdict));
        }
        if let Some(reason) = tick
            .reason
            .as_ref()
            .filter(|reason| !because.contains(*reason))
        {
            return Some(format!("{place}: {reason:?} expected, {told} judged"));
        }
        if judged.verdict.since() != window.since() {
            return Some(format!(
                "{place}: {told}, but the window says {:?}",
                window.since()
            ));
        }
        let may = tick
            .stop
            .is_some_and(|(first, last)| (first..=last).contains(&tick.number));
        if judged.stop && (!may || stop_of_phase.is_some()) {
            return Some(format!("{place}: a stop that is not expected"));
        }
        if judged.stop {
            stop_of_phase = Some(tick.number);
        }
        if tick.stop.is_some_and(|(_, last)| tick.number == last) && stop_of_phase.is_none() {
            return Some(format!("{place}: no stop, {told} judged"));
        }
    }
    None
}

/// The expectations themselves keep the law, so that no trace teaches a false idle or a missed one.
#[test]
fn what_is_expected_keeps_the_law() {
    for (_, trace) in corpus() {
        let mut has_stopped = true;
        let mut quiet_since = None;
        let mut before = None;
        for (at, tick) in trace.ticks.iter().enumerate() {
            let now = tick.sample.at;
            let is_new = before
                .replace(&tick.rule)
                .is_some_and(|rule| *rule != tick.rule);
            if tick.verdict != "idle" || is_new {
                quiet_since = None;
                has_stopped = false;
            }
            if tick.verdict == "idle" {
                // as early as the last tick that was not quiet, as late as this one
                let earliest = at
                    .checked_sub(1)
                    .map_or(now, |last| trace.ticks[last].sample.at);
                let (earliest, latest) = *quiet_since.get_or_insert((earliest, now));
                let place = format!("{}, line {}, tick {}", trace.title, tick.line, tick.number);
                if let Some((first, last)) = tick.stop {
                    let is_too_early =
                        tick.number == last && now.since(earliest) < tick.rule.timeout();
                    assert!(!is_too_early, "{place}: a stop too early");
                    has_stopped |= first <= tick.number;
                }
                let is_due = now.since(latest) >= tick.rule.timeout();
                assert!(has_stopped || !is_due, "{place}: a stop is missing");
            }
        }
    }
}

#[test]
fn the_oracle_judges_the_corpus_alike() {
    // it looks back over the whole list at every tick
    for (_, trace) in corpus()
        .iter()
        .filter(|(_, trace)| trace.ticks.len() < 2000)
    {
        let seen: Vec<Seen> = trace
            .ticks
            .iter()
            .map(|tick| Seen {
                rule: tick.rule.clone(),
                is_interrupted: !tick.interruptions.is_empty(),
                sample: tick.sample.clone(),
            })
            .collect();
        let mut window = Window::default();
        for (at, tick) in trace.ticks.iter().enumerate() {
            for interruption in &tick.interruptions {
                window.interrupt(*interruption);
            }
            let judged = window.take(&tick.rule, &tick.sample);
            let place = format!("{}, line {}, tick {}", trace.title, tick.line, tick.number);
            assert_eq!(Seen::verdict(&seen, at), judged.verdict.as_str(), "{place}");
            assert_eq!(Seen::since(&seen, at), judged.verdict.since(), "{place}");
            assert_eq!(Seen::stops(&seen, at), judged.stop, "{place}");
        }
    }
}

/// Where nothing was told beside the samples and the rule stayed the same.
#[test]
fn the_slice_is_judged_as_its_last_tick() {
    let mut judged = 0;
    for (_, trace) in corpus() {
        let rule = trace.ticks[0].rule.clone();
        let is_plain = trace
            .ticks
            .iter()
            .all(|tick| tick.interruptions.is_empty() && tick.rule == rule);
        if !is_plain || trace.ticks.len() > 1000 {
            continue;
        }
        let mut window = Window::default();
        let samples: Vec<_> = trace.ticks.iter().map(|tick| tick.sample.clone()).collect();
        for (at, sample) in samples.iter().enumerate() {
            let verdict = window.take(&rule, sample).verdict;
            assert_eq!(
                judge(&rule, &samples[..=at], sample.at),
                verdict,
                "{}",
                trace.title
            );
        }
        judged += 1;
    }
    assert!(judged > 30, "{judged}");
}
