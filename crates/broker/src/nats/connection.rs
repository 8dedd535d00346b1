//! The connection to a NATS server, made when it is first needed.

use std::fmt;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, ServerAddr};
use polywire_core::BrokerError;
use tokio::sync::OnceCell;
use tokio::time;

/// How a NATS server is connected to.
#[derive(Clone, Default)]
pub struct NatsOptions {
    token: Option<String>,
    account: Option<(String, String)>,
}

impl NatsOptions {
    /// Shows a token. Default: none.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Shows a name and a password. Default: those of the address, if it has any.
    #[must_use]
    pub fn account(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.account = Some((user.into(), password.into()));
        self
    }
}

impl fmt::Debug for NatsOptions {
    /// Shows no secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsOptions")
            .field("token", &self.token.is_some())
            .field("account", &self.account.as_ref().map(|(user, _)| user))
            .finish()
    }
}

/// One connection, which is made again whenever it is lost.
pub(super) struct Connection {
    servers: Vec<ServerAddr>,
    options: NatsOptions,
    client: OnceCell<Client>,
}

impl Connection {
    pub(super) fn new(servers: &str, options: NatsOptions) -> Result<Self, BrokerError> {
        let servers = if servers.is_empty() { DEFAULT } else { servers };
        let parse = |server: &str| {
            let shown = server.rsplit_once('@').map_or(server, |(_, address)| address);
            server.trim().parse::<ServerAddr>().map_err(|error| {
                BrokerError::refused(format!("`{shown}` is no address of a NATS server"))
                    .with_source(error)
            })
        };
        let servers = servers.split(',').map(parse).collect::<Result<_, _>>()?;
        Ok(Self { servers, options, client: OnceCell::new() })
    }

    /// The connection, if there is one at the moment.
    pub(super) async fn client(&self) -> Result<Client, BrokerError> {
        let client = self.client.get_or_try_init(|| self.connect()).await?;
        // What is said in the meantime would wait in a queue, and be lost with it.
        if client.connection_state() == State::Disconnected {
            return Err(BrokerError::unavailable(format!("{self} cannot be reached")));
        }
        Ok(client.clone())
    }

    /// Waits until everything that was said has been written.
    pub(super) async fn flush(&self, client: &Client) -> Result<(), BrokerError> {
        let text = || format!("{self} cannot be reached");
        let flushed = in_time(text, client.flush()).await?;
        flushed.map_err(|error| BrokerError::unavailable(text()).with_source(error))
    }

    async fn connect(&self) -> Result<Client, BrokerError> {
        let mut options = ConnectOptions::new()
            .name("polywire")
            .connection_timeout(PATIENCE)
            .ping_interval(PING)
            .subscription_capacity(BUFFERED)
            .event_callback(|event| async move { note(&event) });
        if let Some(token) = &self.options.token {
            options = options.token(token.clone());
        }
        if let Some((user, password)) = &self.options.account {
            options = options.user_and_password(user.clone(), password.clone());
        }
        options.connect(self.servers.clone()).await.map_err(|error| {
            let text = format!("cannot connect to {self}");
            let failed = match error.kind() {
                ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                    BrokerError::refused(text)
                }
                _ => BrokerError::unavailable(text),
            };
            failed.with_source(error)
        })
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts =
            self.servers.iter().map(|server| format!("{}:{}", server.host(), server.port()));
        write!(f, "nats://{}", hosts.collect::<Vec<_>>().join(","))
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Waits for the client no longer than [`PATIENCE`]: without a server its queue fills up.
pub(super) async fn in_time<T>(
    text: impl Fn() -> String,
    waited_for: impl Future<Output = T>,
) -> Result<T, BrokerError> {
    let late = |error| BrokerError::unavailable(text()).with_source(error);
    time::timeout(PATIENCE, waited_for).await.map_err(late)
}

fn note(event: &Event) {
    match event {
        Event::SlowConsumer(_) => tracing::warn!("a subscription is full and loses events"),
        Event::Disconnected | Event::ServerError(_) | Event::ClientError(_) => {
            tracing::warn!(%event, "NATS");
        }
        _ => tracing::debug!(%event, "NATS"),
    }
}

/// Where a NATS server is unless one says otherwise.
const DEFAULT: &str = "127.0.0.1:4222";

/// How long to wait for the server, for whatever it is.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two questions whether the server is there. Until a few have gone unanswered, what is
/// published to a server that is gone without a word waits, and is lost with the connection.
const PING: Duration = Duration::from_secs(5);

/// Events that a subscription holds.
const BUFFERED: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown_without_their_secrets() {
        for (text, shown) in
            [("", "nats://127.0.0.1:4222"), ("a:1, ann:secret@b:2,c", "nats://a:1,b:2,c:4222")]
        {
            let connection = Connection::new(text, NatsOptions::default()).unwrap();
            assert_eq!(connection.to_string(), shown);
            assert!(!format!("{connection:?}").contains("secret"));
        }
        let error = Connection::new("ann:secret@b:x", NatsOptions::default()).unwrap_err();
        assert_eq!(error.to_string(), "`b:x` is no address of a NATS server");
        let options = NatsOptions::default().token("secret").account("ann", "secret");
        assert!(!format!("{options:?}").contains("secret"));
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_unavailable() {
        let connection = Connection::new("127.0.0.1:1", NatsOptions::default()).unwrap();
        let error = connection.client().await.unwrap_err();
        assert!(error.is_retryable());
        assert_eq!(error.to_string(), "cannot connect to nats://127.0.0.1:1");
    }
}
