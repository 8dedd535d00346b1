//! Logging in, at etcds that want it.

use std::fmt;
use std::time::Duration;

use http::HeaderValue;
use polywire_core::RegistryError;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::gateway::{GatewayError, ask, json};
use super::wire::{AuthenticateRequest, AuthenticateResponse};
use crate::http::HttpClient;

/// A user, and the token that etcd knows it by for a while. Logging in is made to be slow: however
/// many calls need a new token, one asks for it, and a wrong password stays wrong for some seconds.
pub(super) struct Auth {
    user: String,
    password: String,
    state: Mutex<State>,
}

enum State {
    /// Nobody has asked yet, or what was known is no longer good.
    Unknown,
    Token(HeaderValue),
    /// This etcd lets everyone in.
    Open,
    /// The user or the password is wrong.
    Refused {
        until: Instant,
        why: RegistryError,
    },
}

impl Auth {
    pub(super) fn new(user: String, password: String) -> Self {
        Self { user, password, state: Mutex::new(State::Unknown) }
    }

    /// What to send with calls; nothing where it is not needed.
    pub(super) async fn token(
        &self,
        http: &HttpClient,
    ) -> Result<Option<HeaderValue>, RegistryError> {
        let mut state = self.state.lock().await;
        match &*state {
            State::Token(token) => return Ok(Some(token.clone())),
            State::Open => return Ok(None),
            State::Refused { until, why } if Instant::now() < *until => return Err(why.clone()),
            State::Unknown | State::Refused { .. } => {}
        }
        let (next, result) = match self.log_in(http).await {
            Ok(token) => (State::Token(token.clone()), Ok(Some(token))),
            Err(GatewayError::Refused(refused, _)) if refused.is_precondition() => {
                (State::Open, Ok(None))
            }
            Err(GatewayError::Refused(refused, why)) if refused.is_of_wrong_login() => {
                let until = Instant::now() + REFUSED_FOR;
                (State::Refused { until, why: why.clone() }, Err(why))
            }
            Err(GatewayError::Refused(_, why) | GatewayError::Unanswered(why)) => {
                (State::Unknown, Err(why))
            }
        };
        *state = next;
        result
    }

    async fn log_in(&self, http: &HttpClient) -> Result<HeaderValue, GatewayError> {
        let request = AuthenticateRequest { name: &self.user, password: &self.password };
        let answer: AuthenticateResponse =
            ask(http, &json("/v3/auth/authenticate", &request)).await?;
        let mut token = HeaderValue::from_str(&answer.token).map_err(|error| {
            RegistryError::new("etcd's token fits no header").with_source(error)
        })?;
        token.set_sensitive(true);
        Ok(token)
    }

    /// Has the next call log in, unless somebody has done so since this token was given.
    pub(super) async fn forget(&self, token: Option<HeaderValue>) {
        let mut state = self.state.lock().await;
        let same = match &*state {
            State::Token(known) => token.is_some_and(|token| token == *known),
            State::Open => token.is_none(),
            State::Unknown | State::Refused { .. } => false,
        };
        if same {
            *state = State::Unknown;
        }
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").field("user", &self.user).finish_non_exhaustive()
    }
}

/// How long a refusal stands before etcd is asked again.
const REFUSED_FOR: Duration = Duration::from_secs(10);
