//! What go-micro's clients do unless told otherwise, for programs that take their place.
//!
//! ```
//! use polywire::{Backoff, Channel, RetryIf, gomicro};
//!
//! # fn main() -> Result<(), polywire::ClientError> {
//! // As a client of go-micro v4.10 or later, and besides: a node that cannot be reached costs no
//! // call, as long as another one can.
//! let options = gomicro::defaults();
//! let better = gomicro::call_defaults().retry_if(RetryIf::timed_out().or(RetryIf::safe()));
//! let channel = Channel::lazy("micro://127.0.0.1:9000", options.calls(&better))?;
//! # drop((channel, Backoff::micro()));
//! # Ok(())
//! # }
//! ```
//!
//! Three things stay better than in go-micro, since nobody can have come to rely on them: nodes
//! that fail are passed over, a retry goes to another node if there is one, and pauses end with the
//! deadline.

use std::time::Duration;

use polywire_client::{Backoff, Balancer, CallOptions, ChannelOptions, RetryIf};

/// What clients of go-micro v4.10 to v6 do: any node, 30 s for a call and 5 s for each attempt, 5
/// retries, after code 408 only, idempotent or not, without a budget; failures in go-micro's words.
#[must_use]
pub fn defaults() -> ChannelOptions {
    common().calls(&call_defaults())
}

/// As [`defaults`], for single calls through a channel that has others.
#[must_use]
pub fn call_defaults() -> CallOptions {
    common_calls()
        .timeout(Duration::from_secs(30))
        .attempt_timeout(Duration::from_secs(5))
        .retries(5)
        .retry_if(RetryIf::timed_out())
}

/// What clients of go-micro v1 to v4.9 do, v2 among them: any node, 5 s for a call, 1 retry, after
/// codes 408 and 500, idempotent or not, without a budget; failures in go-micro's words.
#[must_use]
pub fn defaults_v2() -> ChannelOptions {
    common().calls(&call_defaults_v2())
}

/// As [`defaults_v2`], for single calls through a channel that has others.
#[must_use]
pub fn call_defaults_v2() -> CallOptions {
    common_calls()
        .timeout(Duration::from_secs(5))
        .retries(1)
        .retry_if(RetryIf::timed_out_or_internal())
}

fn common() -> ChannelOptions {
    ChannelOptions::default()
        .connect_timeout(Duration::from_secs(5))
        .no_retry_budget()
        .micro_errors()
}

fn common_calls() -> CallOptions {
    CallOptions::new().backoff(Backoff::micro()).balancer(Balancer::random())
}
