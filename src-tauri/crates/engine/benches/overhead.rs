//! Engine overhead per cascade step: the time between two commands, over platforms that take none.
//!
//! DESIGN section 12: less than 100 ms per step beyond the platform's own time, as a median. A stop waits for nothing
//! but the second look that makes a machine off; that wait is the platform's, so machines are not stopped here. Ends with
//! status 1 when the median is over the budget.

#[expect(
    clippy::print_stdout,
    reason = "a benchmark answers on standard output"
)]
fn main() -> std::process::ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("runtime");
    let mut steps = runtime.block_on(measured());
    steps.sort_by(f64::total_cmp);
    let median = steps[steps.len() / 2];
    let worst = steps[steps.len() - 1];
    println!(
        "engine overhead per step: median {median:.2} ms, worst {worst:.2} ms over {CASCADES} cascades (budget {BUDGET_MS} ms)"
    );
    std::process::ExitCode::from(u8::from(median >= BUDGET_MS))
}

#[path = "../tests/support/sim.rs"]
#[expect(dead_code, reason = "shared with the tests, which use the rest")]
mod sim;

use sim::Home;
use std::time::{Duration, Instant};
use wakehub_domain::Action;
use wakehub_view::wire::{CascadeStatus, CascadeView};

const CASCADES: usize = 60;
const BUDGET_MS: f64 = 100.0;

/// Milliseconds per step, one figure per cascade: from the ask to the end, divided by the steps.
async fn measured() -> Vec<f64> {
    let home = Home::reference().await;
    home.sim.with(|state| state.delay = Duration::ZERO);
    let mut figures = Vec::new();
    // the hosts stay on, so that the steps are those of sandbox and of what it needs
    let begun = home.run(Action::Start, "sandbox").await;
    assert_eq!(begun.status, CascadeStatus::Completed, "{begun:#?}");
    while figures.len() < CASCADES {
        for (action, node) in [(Action::Stop, "vm-docker"), (Action::Start, "sandbox")] {
            let asked = Instant::now();
            let ended: CascadeView = home.run(action, node).await;
            let took = asked.elapsed();
            assert_eq!(ended.status, CascadeStatus::Completed, "{ended:#?}");
            assert!(ended.steps.len() >= 3, "{ended:#?}");
            figures.push(took.as_secs_f64() * 1000.0 / ended.steps.len() as f64);
        }
    }
    figures
}
