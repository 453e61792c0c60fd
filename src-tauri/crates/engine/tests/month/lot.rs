//! What is drawn by lot: the same for the same seed (SplitMix64, by its published constants).

use std::time::Duration;

pub struct Lot(pub u64);

impl Lot {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).expect("a number");
        usize::try_from(self.next() % end).expect("a number")
    }

    /// Of a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn seconds(&mut self, from: usize, to: usize) -> Duration {
        let seconds = from + self.below(to - from);
        Duration::from_secs(u64::try_from(seconds).expect("seconds"))
    }
}
