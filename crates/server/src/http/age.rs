//! When a connection is told to end.

use std::future::pending;
use std::time::Duration;

use tokio::time::sleep;

use crate::connection::Shared;

/// Waits until the server drains, or the connection is old enough.
pub(super) async fn its_time_has_come(shared: &Shared) {
    let old = async {
        match shared.limits.connection_age {
            Some(age) => sleep(jittered(age, fastrand::f64())).await,
            None => pending().await,
        }
    };
    tokio::select! {
        () = shared.drain.cancelled() => {}
        () = old => {}
    }
}

/// The age, a tenth less to a tenth more: connections that were opened together do not end
/// together. `random` is from 0 to 1.
fn jittered(age: Duration, random: f64) -> Duration {
    age.mul_f64(random.mul_add(0.2, 0.9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_differ_by_a_tenth_either_way() {
        let age = Duration::from_secs(100);
        assert_eq!(jittered(age, 0.0).as_secs(), 90);
        assert_eq!(jittered(age, 0.5).as_secs(), 100);
        assert_eq!(jittered(age, 1.0).as_secs(), 110);
    }
}
