use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::time::{Instant, advance};

use super::*;

/// An engine that can be down, and that holds one record with a time to live.
#[derive(Clone, Default)]
struct Engine(Arc<Inner>);

#[derive(Default)]
struct Inner {
    down: AtomicBool,
    hangs: AtomicBool,
    /// Another instance of the id is there.
    taken: AtomicBool,
    renewed: AtomicU32,
    record: Mutex<Option<Instant>>,
    announced: AtomicU32,
}

impl Engine {
    async fn answer(&self) -> Result<(), RegistryError> {
        if self.0.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.0.down.load(Ordering::SeqCst) { Err(RegistryError::new("down")) } else { Ok(()) }
    }

    fn set_down(&self, down: bool) {
        self.0.down.store(down, Ordering::SeqCst);
    }

    fn record(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.0.record.lock().unwrap()
    }

    fn is_there(&self) -> bool {
        self.record().is_some_and(|until| Instant::now() < until)
    }

    fn announced(&self) -> u32 {
        self.0.announced.load(Ordering::SeqCst)
    }
}

impl Announcement for Engine {
    async fn announce(&self) -> Result<(), RegistryError> {
        self.answer().await?;
        *self.record() = Some(Instant::now() + TTL);
        self.0.announced.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn renew(&self) -> Result<Renewal, RegistryError> {
        self.answer().await?;
        self.0.renewed.fetch_add(1, Ordering::SeqCst);
        if self.0.taken.load(Ordering::SeqCst) {
            return Ok(Renewal::Superseded);
        }
        if !self.is_there() {
            return Ok(Renewal::Gone);
        }
        *self.record() = Some(Instant::now() + TTL);
        Ok(Renewal::Kept)
    }

    async fn withdraw(&self) -> Result<(), RegistryError> {
        self.answer().await?;
        *self.record() = None;
        Ok(())
    }

    fn name(&self) -> String {
        "s at engine".to_owned()
    }
}

const TTL: Duration = Duration::from_secs(15);

async fn registered() -> (Engine, Box<dyn Lease>) {
    let engine = Engine::default();
    let lease = register(engine.clone(), Timing::of(TTL)).await.unwrap();
    (engine, lease)
}

/// Lets time pass as it does: a bit at a time.
async fn pass(time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        advance(Duration::from_millis(50)).await;
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_outlives_its_time_and_goes_with_its_lease() {
    let (engine, lease) = registered().await;
    pass(TTL * 10).await;
    assert!(engine.is_there());
    assert_eq!(engine.announced(), 1);
    lease.revoke().await.unwrap();
    pass(TTL).await;
    assert!(!engine.is_there());
    assert_eq!(engine.announced(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_record_taken_away_is_back_within_a_third_of_its_time() {
    let (engine, lease) = registered().await;
    pass(Duration::from_secs(1)).await;
    *engine.record() = None;
    pass(TTL / 3 + Duration::from_secs(2)).await;
    assert!(engine.is_there());
    assert_eq!(engine.announced(), 2);
    assert_eq!(lease.health().recoveries, 1);
}

#[tokio::test(start_paused = true)]
async fn who_was_superseded_says_so_writes_nothing_and_comes_back_after_the_other() {
    let (engine, lease) = registered().await;
    engine.0.taken.store(true, Ordering::SeqCst);
    pass(TTL * 4).await;
    let error = lease.health().error.unwrap().to_string();
    assert_eq!(
        error,
        "s at engine: another instance has registered by the same id since, and is left there"
    );
    assert_eq!(engine.announced(), 1);
    // It is no trouble of the engine's, which is asked no more often than otherwise.
    let renewed = engine.0.renewed.load(Ordering::SeqCst);
    assert!((11..=12).contains(&renewed), "{renewed}");
    engine.0.taken.store(false, Ordering::SeqCst);
    pass(TTL / 3 + Duration::from_secs(1)).await;
    let health = lease.health();
    assert!(health.error.is_none() && engine.is_there());
    assert_eq!((engine.announced(), health.failures, health.recoveries), (2, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_comes_back_empty_has_the_record_within_two_seconds() {
    let (engine, lease) = registered().await;
    engine.set_down(true);
    pass(Duration::from_secs(600)).await;
    let health = lease.health();
    assert_eq!(health.error.unwrap().to_string(), "down");
    assert!(health.failures > 100, "{}", health.failures);
    *engine.record() = None;
    engine.set_down(false);
    pass(Duration::from_millis(2100)).await;
    assert!(engine.is_there());
    let health = lease.health();
    assert!(health.error.is_none());
    assert_eq!((health.failures, health.recoveries), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_hangs_is_given_up_and_asked_again() {
    let (engine, lease) = registered().await;
    engine.0.hangs.store(true, Ordering::SeqCst);
    pass(Duration::from_secs(11)).await;
    let error = lease.health().error.unwrap().to_string();
    assert_eq!(error, "s at engine: no answer within 5s");
    engine.0.hangs.store(false, Ordering::SeqCst);
    pass(Duration::from_secs(8)).await;
    assert!(engine.is_there() && lease.health().error.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_lease_takes_the_record_away_and_leaves_no_keeper() {
    let (engine, lease) = registered().await;
    drop(lease);
    pass(TTL).await;
    assert!(engine.record().is_none());
    assert_eq!(engine.announced(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_revoke_that_is_given_up_goes_on_in_the_background() {
    let (engine, lease) = registered().await;
    engine.0.hangs.store(true, Ordering::SeqCst);
    timeout(Duration::from_secs(2), lease.revoke()).await.unwrap_err();
    assert!(engine.record().is_some());
    engine.0.hangs.store(false, Ordering::SeqCst);
    pass(Duration::from_secs(1)).await;
    assert!(engine.record().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_lease_dropped_on_a_thread_without_runtime_takes_the_record_away() {
    let (engine, lease) = registered().await;
    std::thread::spawn(move || drop(lease)).join().unwrap();
    pass(Duration::from_secs(1)).await;
    assert!(engine.record().is_none());
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_down_at_first_is_an_error() {
    let engine = Engine::default();
    engine.set_down(true);
    let error = register(engine.clone(), Timing::of(TTL)).await.err().unwrap();
    assert_eq!(error.to_string(), "down");
}

#[test]
fn pauses_grow_up_to_two_seconds() {
    for failures in 1..100 {
        assert!(pause(failures) <= MAX_PAUSE);
    }
    let most = (0..200).map(|_| pause(50)).max().unwrap();
    assert!(most > Duration::from_secs(1), "{most:?}");
}
