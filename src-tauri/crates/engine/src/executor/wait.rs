//! Waiting in growing steps.

use std::time::Duration;

/// 250 ms at first, half as much again each time, 2 s at most (DESIGN section 5).
pub(super) struct Pause(Duration);

impl Pause {
    pub fn new() -> Pause {
        Pause(Duration::from_millis(250))
    }

    pub async fn wait(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 3 / 2).min(Duration::from_secs(2));
    }
}
