//! Time that stands still until a test moves it on, for the engine too: its timers and its clock.
//!
//! A paused runtime jumps to the next timer whenever it has nothing to do, and would do so while the database, which has a
//! thread of its own, is still writing. So jumping is forbidden here: time moves in steps, and after each the engine comes to
//! rest.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Poll, Waker};
use std::time::Duration;
use tokio::time::Instant;
use wakehub_domain::Timestamp;
use wakehub_engine::{Clock, Handle};
use wakehub_view::wire::{CommandError, JournalQuery};

/// 1 March 2026, 08:00 UTC.
const BEGIN: i64 = 1_772_352_000_000;

pub struct Virtual {
    begun: Instant,
    slept: AtomicI64,
    /// So many times as fast as timers.
    speed: u32,
}

impl Virtual {
    /// The computer sleeps: the clock goes on, timers do not.
    pub fn sleep(&self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).expect("millis");
        self.slept.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for Virtual {
    fn now(&self) -> Timestamp {
        let slept = self.slept.load(Ordering::SeqCst);
        Timestamp(BEGIN + slept).plus(self.begun.elapsed() * self.speed)
    }
}

/// How often the runtime had nothing to do, and who wants to know.
#[derive(Default)]
struct Rest {
    times: AtomicU64,
    waker: Mutex<Option<Waker>>,
}

impl Rest {
    fn comes(&self) {
        self.times.fetch_add(1, Ordering::SeqCst);
        let waker = self.waker.lock().expect("waker").take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

pub struct Clockwork {
    pub clock: Arc<Virtual>,
    rest: Arc<Rest>,
    /// While a blocking task runs, time does not jump; it ends with this.
    _end: std::sync::mpsc::Sender<()>,
}

/// Runs a test whose time it moves on itself.
pub fn run<T, F: Future<Output = T>>(test: impl FnOnce(Clockwork) -> F) -> T {
    run_at(1, test)
}

thread_local! {
    static OWN: RefCell<Weak<Clockwork>> = const { RefCell::new(Weak::new()) };
}

/// Runs a test whose time goes on by itself whenever the engines that it [`drives`](drive) have come to rest. Their clock is ten
/// times as fast as timers: a tick of a minute is six seconds, and there is no jump that looks like a sleep.
pub fn by_itself(test: impl Future<Output = ()>) {
    run_at(10, |clockwork| async move {
        // the only one that keeps it: when the test panics time ends with it
        let own = Arc::new(clockwork);
        OWN.set(Arc::downgrade(&own));
        test.await;
    });
}

/// The clock of the test that goes on by itself.
pub fn clock() -> Arc<Virtual> {
    let own = OWN.with_borrow(Weak::upgrade);
    own.expect("a test by itself").clock.clone()
}

/// Time goes on as this engine comes to rest, until it is shut down.
pub fn drive(handle: &Handle) {
    let (own, handle) = (OWN.with_borrow(Weak::clone), handle.clone());
    tokio::spawn(async move {
        while let Some(clockwork) = own.upgrade() {
            if clockwork.try_settle(&handle).await.is_err() {
                break;
            }
            tokio::time::advance(Duration::from_millis(50)).await;
        }
    });
}

fn run_at<T, F: Future<Output = T>>(speed: u32, test: impl FnOnce(Clockwork) -> F) -> T {
    let rest = Arc::new(Rest::default());
    let hook = rest.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .on_thread_park(move || hook.comes())
        .build()
        .expect("a runtime");
    runtime.block_on(async move {
        let (end, ended) = std::sync::mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || ended.recv());
        let clock = Arc::new(Virtual {
            begun: Instant::now(),
            slept: AtomicI64::new(0),
            speed,
        });
        let clockwork = Clockwork {
            clock,
            rest,
            _end: end,
        };
        test(clockwork).await
    })
}

impl Clockwork {
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Since the test began, without sleeps.
    pub fn passed(&self) -> Duration {
        self.clock.begun.elapsed()
    }

    /// One step, and all that it makes the engine do.
    pub async fn step(&self, time: Duration, handle: &Handle) {
        tokio::time::advance(time).await;
        self.settle(handle).await;
    }

    /// So long, in steps of a quarter of a second.
    pub async fn pass(&self, time: Duration, handle: &Handle) {
        let mut left = time;
        while !left.is_zero() {
            let step = left.min(Duration::from_millis(250));
            self.step(step, handle).await;
            left -= step;
        }
    }

    /// Until the engine waits for nothing but the time. Its loop answers a request when it has done all before; what a cascade
    /// writes beside the loop is written before what is asked of the journal.
    pub async fn settle(&self, handle: &Handle) {
        self.try_settle(handle).await.expect("an engine");
    }

    /// An error when the engine was shut down.
    async fn try_settle(&self, handle: &Handle) -> Result<(), CommandError> {
        loop {
            self.rests().await;
            let before = self.rest.times.load(Ordering::SeqCst);
            handle.cancel_queued(u32::MAX).await?;
            if self.rest.times.load(Ordering::SeqCst) == before {
                break;
            }
        }
        let revision = |handle: &Handle| handle.snapshot().revision;
        let works = |handle: &Handle| {
            let snapshot = handle.snapshot();
            let mut cascades = snapshot.cascades.iter();
            cascades.any(|cascade| cascade.ended.is_none())
        };
        let mut quiet = 0;
        while works(handle) && quiet < 2 {
            let before = revision(handle);
            let query = JournalQuery {
                limit: Some(1),
                ..JournalQuery::default()
            };
            handle.journal(query).await?;
            self.rests().await;
            quiet = if revision(handle) == before {
                quiet + 1
            } else {
                0
            };
        }
        Ok(())
    }

    /// Until no task can go on.
    async fn rests(&self) {
        let before = self.rest.times.load(Ordering::SeqCst);
        poll_fn(|context| {
            if self.rest.times.load(Ordering::SeqCst) > before {
                return Poll::Ready(());
            }
            *self.rest.waker.lock().expect("waker") = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
