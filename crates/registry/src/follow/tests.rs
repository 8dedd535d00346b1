use std::collections::VecDeque;
use std::future::pending;

use super::*;

/// Tells what it was given, one thing after another, and is silent then.
struct Script(VecDeque<Result<Vec<&'static str>, ()>>);

impl Source for Script {
    async fn next(&mut self) -> Result<Vec<Instance>, RegistryError> {
        match self.0.pop_front() {
            Some(Ok(ids)) => {
                Ok(ids.into_iter().map(|id| Instance::new("s", id, "a:1".into())).collect())
            }
            Some(Err(())) => Err(RegistryError::new("down")),
            None => pending().await,
        }
    }

    fn name(&self) -> String {
        "s".to_owned()
    }
}

async fn seen(script: impl IntoIterator<Item = Result<Vec<&'static str>, ()>>) -> Vec<String> {
    let stream = follow(Script(script.into_iter().collect())).await.unwrap();
    let ids = |snapshot: ServiceSnapshot| {
        let ids: Vec<_> = snapshot.instances.iter().map(|one| one.id.clone()).collect();
        ids.join(",")
    };
    let settled = sleep(std::time::Duration::from_secs(60));
    stream.take_until(settled).map(ids).collect().await
}

#[tokio::test(start_paused = true)]
async fn the_present_comes_first_and_repetitions_not_at_all() {
    let script = [Ok(vec!["b", "a"]), Ok(vec!["a", "b"]), Ok(vec!["a"]), Ok(vec!["a"])];
    assert_eq!(seen(script).await, ["a,b", "a"]);
}

#[tokio::test(start_paused = true)]
async fn an_outage_keeps_what_is_known_and_tells_what_changed_meanwhile() {
    let script = [Ok(vec!["a"]), Err(()), Err(()), Ok(vec!["a"]), Err(()), Ok(vec![])];
    assert_eq!(seen(script).await, ["a", ""]);
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_an_error() {
    let error = follow(Script([Err(())].into())).await.err().unwrap();
    assert_eq!(error.to_string(), "down");
}
