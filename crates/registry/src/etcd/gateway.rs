//! Calls of etcd's JSON gateway.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Method};
use polywire_core::RegistryError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::auth::Auth;
use super::wire::{Done, Refused, Streamed};
use crate::http::{Call, HttpClient, Lines};

/// One etcd. Clones share connections and what is known of the login.
#[derive(Debug, Clone)]
pub(super) struct Gateway {
    http: HttpClient,
    auth: Option<Arc<Auth>>,
}

/// Why a call of etcd came to nothing.
#[derive(Debug)]
pub(super) enum GatewayError {
    /// It cannot be reached, or says what cannot be understood.
    Unanswered(RegistryError),
    /// It says no.
    Refused(Refused, RegistryError),
}

impl Gateway {
    pub(super) const fn new(http: HttpClient) -> Self {
        Self { http, auth: None }
    }

    pub(super) fn with_http(mut self, http: HttpClient) -> Self {
        self.http = http;
        self
    }

    pub(super) fn with_auth(mut self, auth: Auth) -> Self {
        self.auth = Some(Arc::new(auth));
        self
    }

    /// Calls a method that answers once.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        request: &impl Serialize,
    ) -> Result<T, GatewayError> {
        let call = json(path, request);
        let mut again = true;
        loop {
            let token = self.token().await?;
            let answered = ask(&self.http, &authorized(&call, token.as_ref())).await;
            match answered {
                Err(GatewayError::Refused(refused, _))
                    if again && self.forget(&refused, token).await =>
                {
                    again = false;
                }
                answered => return answered,
            }
        }
    }

    /// Calls a method that streams its answer, of which the first message is wanted.
    pub(super) async fn ask_once<T: DeserializeOwned>(
        &self,
        path: &str,
        request: &impl Serialize,
    ) -> Result<T, GatewayError> {
        let streamed: Streamed<T> = self.ask(path, request).await?;
        match streamed {
            Streamed { result: Some(result), .. } => Ok(result),
            Streamed { error, .. } => Err(refused(path, error.unwrap_or_default())),
        }
    }

    /// Calls a method that goes on answering.
    pub(super) async fn stream(
        &self,
        path: &str,
        request: &impl Serialize,
    ) -> Result<Lines, GatewayError> {
        // Without it a member that has lost the others goes on watching in silence.
        let call = json(path, request).header(HAS_LEADER, HeaderValue::from_static("true"));
        let mut again = true;
        loop {
            let token = self.token().await?;
            let streamed = self.http.stream(&authorized(&call, token.as_ref())).await?;
            if streamed.status == 200 {
                return Ok(streamed.lines);
            }
            let mut lines = streamed.lines;
            let said = lines.next().await?.unwrap_or_default();
            let why = reason(streamed.status, &said);
            if !(again && self.forget(&why, token).await) {
                return Err(refused(path, why));
            }
            again = false;
        }
    }

    /// What calls are sent with; nothing where nobody is to log in.
    async fn token(&self) -> Result<Option<HeaderValue>, GatewayError> {
        match &self.auth {
            Some(auth) => Ok(auth.token(&self.http).await?),
            None => Ok(None),
        }
    }

    /// Whether it was for the login that a call was refused, which is made anew then.
    async fn forget(&self, refused: &Refused, token: Option<HeaderValue>) -> bool {
        let Some(auth) = &self.auth else { return false };
        let about_login = refused.is_about_login();
        if about_login {
            auth.forget(token).await;
        }
        about_login
    }
}

/// Calls a method as nobody.
pub(super) async fn ask<T: DeserializeOwned>(
    http: &HttpClient,
    call: &Call,
) -> Result<T, GatewayError> {
    let answer = http.request(call).await?;
    if answer.status != 200 {
        return Err(refused(call, reason(answer.status, &answer.body)));
    }
    serde_json::from_slice(&answer.body).map_err(|error| {
        let why = RegistryError::new(format!("{call} at {http}: not what etcd answers"));
        GatewayError::Unanswered(why.with_source(error))
    })
}

pub(super) fn json(path: &str, request: &impl Serialize) -> Call {
    // These are plain structs of strings and numbers, which JSON has words for.
    Call::new(Method::POST, path).json(serde_json::to_string(request).unwrap_or_default())
}

fn authorized(call: &Call, token: Option<&HeaderValue>) -> Call {
    match token {
        Some(token) => call.clone().header(AUTHORIZATION, token.clone()),
        None => call.clone(),
    }
}

/// Methods that answer once say it plainly, those that stream as a message of their stream.
fn reason(status: u16, body: &[u8]) -> Refused {
    let plain = || serde_json::from_slice::<Refused>(body).ok();
    let streamed = || serde_json::from_slice::<Streamed<Done>>(body).ok()?.error;
    let said = |refused: &Refused| !refused.message.is_empty();
    plain().filter(said).or_else(|| streamed().filter(said)).unwrap_or_else(|| {
        // A proxy, or something that is not etcd at all.
        Refused { code: 0, message: format!("HTTP status {status}") }
    })
}

pub(super) fn refused(what: impl std::fmt::Display, why: Refused) -> GatewayError {
    let message = format!("{what}: {}", why.message);
    GatewayError::Refused(why, RegistryError::new(message))
}

impl Refused {
    /// There is no such thing.
    pub(super) const fn is_not_found(&self) -> bool {
        self.code == 5
    }

    /// It is not the time for it: what is to be made is there already, or is not in use here.
    pub(super) const fn is_precondition(&self) -> bool {
        self.code == 9
    }

    /// The user or the password is wrong, or may not log in: gRPC's invalid argument, permission
    /// denied and unauthenticated. All else, such as no leader, says nothing about them.
    pub(super) const fn is_of_wrong_login(&self) -> bool {
        matches!(self.code, 3 | 7 | 16)
    }

    /// A token that has expired, one from before a change of users, or none where one is needed.
    fn is_about_login(&self) -> bool {
        self.code == 16
            || self.message.contains("auth store is old")
            || self.message.contains("user name is empty")
    }
}

impl From<RegistryError> for GatewayError {
    fn from(error: RegistryError) -> Self {
        Self::Unanswered(error)
    }
}

impl From<GatewayError> for RegistryError {
    fn from(error: GatewayError) -> Self {
        match error {
            GatewayError::Unanswered(error) | GatewayError::Refused(_, error) => error,
        }
    }
}

/// What the gateway hands on to etcd as `hasleader`.
const HAS_LEADER: HeaderName = HeaderName::from_static("grpc-metadata-hasleader");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_read_as_either_kind_of_method_says_it() {
        let plain = r#"{"error":"etcdserver: invalid auth token","code":16,"message":"etcdserver: invalid auth token"}"#;
        let streamed = r#"{"error":{"grpc_code":16,"http_code":401,"message":"etcdserver: invalid auth token","http_status":"Unauthorized"}}"#;
        for body in [plain, streamed] {
            let refused = reason(401, body.as_bytes());
            assert_eq!(
                (refused.code, &refused.message[..]),
                (16, "etcdserver: invalid auth token")
            );
            assert!(refused.is_about_login());
        }
        for body in ["", "{}", "<html>", r#"{"error":{}}"#] {
            assert_eq!(reason(502, body.as_bytes()).message, "HTTP status 502");
        }
    }
}
