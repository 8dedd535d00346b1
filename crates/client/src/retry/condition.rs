//! Which failed calls are made again.

use std::fmt;
use std::sync::Arc;

use polywire_core::{Request, Status};

use crate::{ClientError, micro_error};

/// Which failed calls are made again, as long as there are retries left.
///
/// Whatever this says, a call whose stream of arguments was begun is not made again, and neither is
/// one on a channel that was closed.
///
/// ```
/// use polywire_client::RetryIf;
///
/// // As go-micro's clients, and besides when a node could not be reached at all.
/// let condition = RetryIf::timed_out().or(RetryIf::safe());
/// # drop(condition);
/// ```
#[derive(Clone, Default)]
pub struct RetryIf(Condition);

#[derive(Clone, Default)]
enum Condition {
    #[default]
    Safe,
    TimedOut,
    TimedOutOrInternal,
    Always,
    Never,
    Custom(Arc<Custom>),
    Either(Arc<(RetryIf, RetryIf)>),
}

type Custom = dyn Fn(&Request, u32, &Status) -> bool + Send + Sync;

impl RetryIf {
    /// Calls that never left, and idempotent ones that may have. This is the default: it never
    /// makes anybody do something twice that was to be done once.
    #[must_use]
    pub const fn safe() -> Self {
        Self(Condition::Safe)
    }

    /// Calls, idempotent or not, that failed with go-micro's code 408: the peer did not answer in
    /// time. What go-micro's clients do from v4.10 on.
    #[must_use]
    pub const fn timed_out() -> Self {
        Self(Condition::TimedOut)
    }

    /// Calls, idempotent or not, that failed with go-micro's codes 408 or 500, among them every
    /// failure to reach a node. What go-micro's clients do up to v4.9.
    #[must_use]
    pub const fn timed_out_or_internal() -> Self {
        Self(Condition::TimedOutOrInternal)
    }

    /// Every call, whatever its failure.
    #[must_use]
    pub const fn always() -> Self {
        Self(Condition::Always)
    }

    /// No call.
    #[must_use]
    pub const fn never() -> Self {
        Self(Condition::Never)
    }

    /// What a function says of the request, the number of retries made already, and the failure.
    #[must_use]
    pub fn custom(
        condition: impl Fn(&Request, u32, &Status) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self(Condition::Custom(Arc::new(condition)))
    }

    /// What either of the two allows.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(Condition::Either(Arc::new((self, other))))
    }

    /// Whether a call that failed like this may be made once more, `retries` of it made already.
    #[must_use]
    pub fn allows(&self, request: &Request, retries: u32, status: &Status) -> bool {
        match &self.0 {
            Condition::Safe => is_safe(request, status),
            Condition::TimedOut => micro_error::code_of(status) == TIMED_OUT,
            Condition::TimedOutOrInternal => {
                matches!(micro_error::code_of(status), TIMED_OUT | INTERNAL)
            }
            Condition::Always => true,
            Condition::Never => false,
            Condition::Custom(condition) => condition(request, retries, status),
            Condition::Either(either) => {
                either.0.allows(request, retries, status)
                    || either.1.allows(request, retries, status)
            }
        }
    }

    pub(crate) const fn is_default(&self) -> bool {
        matches!(self.0, Condition::Safe)
    }
}

fn is_safe(request: &Request, status: &Status) -> bool {
    let idempotent = request.hints.idempotent;
    // Another node may be faster than one that did not answer in the attempt's time.
    let unanswered = matches!(status.cause(), Some(ClientError::AttemptTimeout { .. }));
    status.is_retryable(idempotent) || (idempotent && unanswered)
}

impl fmt::Debug for RetryIf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Condition::Safe => "safe",
            Condition::TimedOut => "timed_out",
            Condition::TimedOutOrInternal => "timed_out_or_internal",
            Condition::Always => "always",
            Condition::Never => "never",
            Condition::Custom(_) => "custom",
            Condition::Either(either) => return write!(f, "{:?}.or({:?})", either.0, either.1),
        })
    }
}

const TIMED_OUT: i32 = 408;
const INTERNAL: i32 = 500;

#[cfg(test)]
mod tests {
    use std::io;

    use polywire_core::{Body, Code, MethodName, Origin};
    use polywire_wire::micro::MicroError;

    use super::*;
    use crate::error::Sent;

    fn request(idempotent: bool) -> Request {
        let mut request = Request::new(MethodName::new("Test", "Echo"), Body::Empty);
        request.hints.idempotent = idempotent;
        request
    }

    fn refused() -> Status {
        let source = Arc::new(io::ErrorKind::ConnectionRefused.into());
        ClientError::Connect { address: "a:1".into(), source }.into_status(Sent::No)
    }

    fn unanswered() -> Status {
        let limit = std::time::Duration::from_secs(5);
        ClientError::AttemptTimeout { address: "a:1".into(), limit }.into_status(Sent::Perhaps)
    }

    /// Which of the conditions allow a retry: safe, timed_out, timed_out_or_internal.
    fn allowed(idempotent: bool, status: &Status) -> [bool; 3] {
        [RetryIf::safe(), RetryIf::timed_out(), RetryIf::timed_out_or_internal()]
            .map(|condition| condition.allows(&request(idempotent), 0, status))
    }

    #[test]
    fn conditions_look_at_what_go_micro_looks_at() {
        let micro = |code| Status::from(MicroError::new("greeter", code, "no"));
        for (status, idempotent, expected) in [
            // Refused connections are 500 in go-micro, and not tried elsewhere from v4.10 on.
            (refused(), false, [true, false, true]),
            (unanswered(), false, [false, true, true]),
            (unanswered(), true, [true, true, true]),
            (ClientError::UnexpectedEof.into_status(Sent::Perhaps), false, [false, false, true]),
            (ClientError::UnexpectedEof.into_status(Sent::Perhaps), true, [true, false, true]),
            (micro(408), false, [false, true, true]),
            (micro(500), false, [false, false, true]),
            (micro(404), true, [false, false, false]),
            // A handler's bare text has no code.
            (micro(0), true, [false, false, false]),
            (Status::new(Code::DeadlineExceeded, "slow"), false, [false, true, true]),
            (Status::new(Code::Internal, "bug"), false, [false, false, true]),
            (Status::new(Code::Unavailable, "busy"), false, [false, false, false]),
            (
                Status::new(Code::Unavailable, "gone").with_origin(Origin::Lost),
                false,
                [false, false, true],
            ),
        ] {
            assert_eq!(allowed(idempotent, &status), expected, "{status:?}");
        }
    }

    #[test]
    fn conditions_can_be_joined_and_made_up() {
        let second = RetryIf::custom(|_, retries, _| retries == 1);
        let either = RetryIf::timed_out().or(second);
        assert!(!either.allows(&request(false), 0, &refused()));
        assert!(either.allows(&request(false), 1, &refused()));
        assert!(either.allows(&request(false), 0, &unanswered()));
        assert!(RetryIf::always().allows(&request(false), 9, &refused()));
        assert!(!RetryIf::never().allows(&request(true), 0, &refused()));
        assert_eq!(format!("{either:?}"), "timed_out.or(custom)");
    }
}
