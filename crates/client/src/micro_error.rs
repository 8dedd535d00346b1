//! Failures on this side, as go-micro's clients number and word them.

use polywire_core::{Origin, Status};
use polywire_wire::micro::{MicroError, micro_code};

use crate::ClientError;

/// go-micro's code for a failure: the peer's own, or the one its client gives to what went wrong
/// on this side, which is 500 for all but time that ran out.
pub(crate) fn code_of(status: &Status) -> i32 {
    if let Some(error) = status.cause::<MicroError>() {
        return error.code;
    }
    let by_code = micro_code(status.code());
    match status.cause() {
        Some(ClientError::Timeout | ClientError::AttemptTimeout { .. }) => TIMED_OUT,
        Some(_) => INTERNAL,
        None if status.origin() != Origin::Service && by_code != TIMED_OUT => INTERNAL,
        None => by_code,
    }
}

/// A failure on this side in the words of go-micro's client, as a [`MicroError`] of
/// `go.micro.client`. What the peer answered stays as it is.
pub(crate) fn reword(status: Status) -> Status {
    let Some(error) = status.cause::<ClientError>() else { return status };
    let detail = match error {
        ClientError::NoInstance { service } => format!("service {service}: not found"),
        ClientError::NoneFits { service, .. } => {
            format!("error selecting {service} node: none available")
        }
        ClientError::Timeout => "call timeout: context deadline exceeded".to_owned(),
        ClientError::Connect { .. } => format!("connection error: {error}"),
        _ => error.to_string(),
    };
    let micro = MicroError::new(CLIENT, code_of(&status), detail);
    Status::from(micro).with_origin(status.origin()).with_metadata(status.metadata().clone())
}

/// Whose errors these are, in go-micro's words.
const CLIENT: &str = "go.micro.client";

const TIMED_OUT: i32 = 408;
const INTERNAL: i32 = 500;

#[cfg(test)]
mod tests {
    use polywire_core::Code;

    use super::*;
    use crate::error::Sent;

    #[test]
    fn failures_on_this_side_are_worded_as_go_words_them() {
        let none_fits =
            ClientError::NoneFits { service: "greeter".into(), filters: "version 9".to_owned() };
        let missing = ClientError::NoInstance { service: "greeter".into() };
        for (error, sent, code, detail) in [
            (none_fits, Sent::No, 500, "error selecting greeter node: none available"),
            (missing, Sent::No, 500, "service greeter: not found"),
            (ClientError::Timeout, Sent::Perhaps, 408, "call timeout: context deadline exceeded"),
            (ClientError::UnexpectedEof, Sent::Perhaps, 500, "unexpected EOF"),
        ] {
            let before = error.into_status(sent);
            let after = reword(before.clone());
            let micro = after.cause::<MicroError>().unwrap();
            assert_eq!((&*micro.id, micro.code, &*micro.detail), (CLIENT, code, detail));
            assert_eq!(after.origin(), before.origin());
            assert_eq!(code_of(&after), code_of(&before));
        }
    }

    #[test]
    fn what_the_service_said_stays() {
        let said = Status::new(Code::NotFound, "nobody of that name");
        assert_eq!(reword(said).message(), "nobody of that name");
        let micro = Status::from(MicroError::new("greeter", 404, "nobody"));
        assert_eq!(reword(micro).cause::<MicroError>().unwrap().id, "greeter");
    }
}
