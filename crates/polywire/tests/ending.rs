//! How an app ends.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::sync::Arc;

use polywire::prelude::*;
use polywire::server::Limits;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Work that takes until it is let go on, and says when it has begun.
struct Work {
    begun: Arc<Semaphore>,
    gate: Arc<Semaphore>,
}

#[polywire::service]
impl Work {
    #[rpc(detached)]
    pub(crate) async fn finish(&self) -> Result<(), Status> {
        self.begun.add_permits(1);
        self.gate.acquire().await.expect("never closed").forget();
        Ok(())
    }
}

/// Starts the app, a call, and takes the caller away.
async fn with_a_call_whose_caller_has_gone(app: App, gate: &Arc<Semaphore>) -> polywire::Running {
    let begun = Arc::new(Semaphore::new(0));
    let work = Work { begun: Arc::clone(&begun), gate: Arc::clone(gate) };
    let running = app.serve(WorkServer::new(work)).private().start().await.unwrap();
    let client = WorkClient::connect(running.address().as_str()).await.unwrap();
    tokio::select! {
        ended = client.finish() => panic!("{ended:?}"),
        begun = begun.acquire() => begun.unwrap().forget(),
    }
    running
}

#[tokio::test(start_paused = true)]
async fn calls_are_dropped_when_the_grace_period_has_passed() {
    let gate = Arc::new(Semaphore::new(0));
    // Said before the other limits or after them, it holds.
    let apps = [
        App::new("a").grace(Duration::from_secs(77)).limits(Limits::default()),
        App::new("b").limits(Limits::default()).grace(Duration::from_secs(77)),
        App::new("c").limits(Limits::default().grace(Duration::from_secs(77))),
    ];
    for (name, app) in ["a", "b", "c"].into_iter().zip(apps) {
        let app = app.listen(format!("memory:grace {name}"));
        let running = with_a_call_whose_caller_has_gone(app, &gate).await;
        let since = Instant::now();
        running.shutdown().await;
        // The clock is paused, so this is no measurement.
        assert_eq!(since.elapsed().as_secs(), 77, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_app_ends_when_the_last_detached_call_has() {
    let gate = Arc::new(Semaphore::new(0));
    let app = App::new("work").listen("memory:last call").grace(Duration::from_secs(77));
    let running = with_a_call_whose_caller_has_gone(app, &gate).await;
    let since = Instant::now();
    let let_go = async {
        tokio::time::sleep(Duration::from_secs(33)).await;
        gate.add_permits(1);
    };
    tokio::join!(running.shutdown(), let_go);
    assert_eq!(since.elapsed().as_secs(), 33);
    assert_eq!(gate.available_permits(), 0, "the call took what it waited for");
}
