//! The connection to NATS, and questions asked over it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, ConnectOptions, Event, Message, ServerAddr, Subscriber};
use futures_util::StreamExt;
use polywire_core::{Instance, RegistryError};
use tokio::sync::{OnceCell, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::NAME;
use super::owned::Owned;
use super::wire::Asked;
use crate::micro::ServiceRecord;

/// Where NATS is, and how it is used.
#[derive(Clone)]
pub(super) struct Settings {
    servers: Vec<ServerAddr>,
    pub(super) user: Option<(String, String)>,
    pub(super) tls: bool,
    /// Files in PEM: whom to trust beside the system's, and what certificate to show.
    pub(super) authority: Option<String>,
    pub(super) certificate: Option<(String, String)>,
    pub(super) prefix: String,
    pub(super) gather: Duration,
}

impl Settings {
    pub(super) fn new<'a>(
        servers: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, RegistryError> {
        let parse = |text: &str| {
            text.parse::<ServerAddr>().map_err(|error| {
                RegistryError::new("a malformed address of NATS").with_source(error)
            })
        };
        let servers: Vec<_> = servers.into_iter().map(parse).collect::<Result<_, _>>()?;
        if servers.is_empty() {
            return Err(RegistryError::new("no server of NATS is given"));
        }
        Ok(Self {
            servers,
            user: None,
            tls: false,
            authority: None,
            certificate: None,
            prefix: PREFIX.to_owned(),
            gather: GATHER,
        })
    }

    fn options(&self) -> ConnectOptions {
        let mut options = ConnectOptions::new()
            .name("polywire")
            .connection_timeout(PATIENCE)
            .ping_interval(PING)
            .subscription_capacity(MAX_WAITING)
            .max_reconnects(None)
            .reconnect_delay_callback(|failures| {
                crate::keep::pause(u32::try_from(failures).unwrap_or(u32::MAX))
            });
        if let Some((user, password)) = &self.user {
            options = options.user_and_password(user.clone(), password.clone());
        }
        if self.tls {
            options = options.require_tls(true);
        }
        if let Some(file) = &self.authority {
            options = options.add_root_certificates(file.into());
        }
        if let Some((certificate, key)) = &self.certificate {
            options = options.add_client_certificate(certificate.into(), key.into());
        }
        options
    }

    fn query(&self) -> String {
        format!("{}.query", self.prefix)
    }

    fn news(&self) -> String {
        format!("{}.watch", self.prefix)
    }
}

/// The connection, made when it is first needed, and what is answered over it.
pub(super) struct Link {
    settings: Settings,
    pub(super) owned: Arc<Owned>,
    connected: OnceCell<Connected>,
    answering: OnceCell<JoinSet<()>>,
}

struct Connected {
    client: Client,
    /// How often the connection was lost.
    losses: watch::Receiver<u64>,
}

impl Link {
    pub(super) fn new(settings: Settings) -> Self {
        let owned = Arc::default();
        Self { settings, owned, connected: OnceCell::new(), answering: OnceCell::new() }
    }

    async fn connected(&self) -> Result<&Connected, RegistryError> {
        self.connected
            .get_or_try_init(|| async {
                let (sender, losses) = watch::channel(0);
                let sender = Arc::new(sender);
                let options = self.settings.options().event_callback(move |event| {
                    if matches!(event, Event::Disconnected | Event::Closed) {
                        sender.send_modify(|losses| *losses += 1);
                    }
                    std::future::ready(())
                });
                let client =
                    options.connect(&self.settings.servers[..]).await.map_err(|error| {
                        RegistryError::new(format!("cannot connect to {self}")).with_source(error)
                    })?;
                Ok(Connected { client, losses })
            })
            .await
    }

    /// The connection, if it stands. What is sent meanwhile would be kept and sent late.
    async fn client(&self) -> Result<&Client, RegistryError> {
        let client = &self.connected().await?.client;
        match client.connection_state() {
            State::Connected => Ok(client),
            State::Pending | State::Disconnected => {
                Err(RegistryError::new(format!("not connected to {self}")))
            }
        }
    }

    /// Tells of lost connections.
    pub(super) async fn losses(&self) -> Result<watch::Receiver<u64>, RegistryError> {
        Ok(self.connected().await?.losses.clone())
    }

    /// Hears what comes and goes.
    pub(super) async fn news(&self) -> Result<Subscriber, RegistryError> {
        self.subscribe(self.settings.news()).await
    }

    async fn subscribe(&self, subject: String) -> Result<Subscriber, RegistryError> {
        let subscribed = self.client().await?.subscribe(subject).await;
        subscribed.map_err(|error| self.failed("cannot subscribe").with_source(error))
    }

    /// Answers questions from now on, if it does not yet.
    pub(super) async fn answer(&self) -> Result<(), RegistryError> {
        let start = async || {
            let mut questions = self.subscribe(self.settings.query()).await?;
            let (client, owned) = (self.client().await?.clone(), Arc::clone(&self.owned));
            let mut answering = JoinSet::new();
            answering.spawn(async move {
                while let Some(question) = questions.next().await {
                    answer(&client, &owned, &question).await;
                }
            });
            Ok(answering)
        };
        self.answering.get_or_try_init(start).await.map(drop)
    }

    /// Tells what has come or gone, and waits until NATS has taken note.
    pub(super) async fn tell(&self, news: &Asked) -> Result<(), RegistryError> {
        let (mut back, inbox) = self.inbox().await?;
        self.publish(self.settings.news(), None, news.to_json()).await?;
        self.mark(&inbox).await?;
        let taken = async {
            while let Some(message) = back.next().await {
                if is_mark(&message) {
                    return true;
                }
            }
            false
        };
        match timeout(PATIENCE, taken).await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(self.failed("no answer")),
        }
    }

    /// Asks everyone, and gathers the answers.
    ///
    /// # Errors
    /// NATS does not take the question; that nobody answers is none.
    pub(super) async fn ask(&self, question: &Asked) -> Result<Vec<Instance>, RegistryError> {
        let (mut back, inbox) = self.inbox().await?;
        self.publish(self.settings.query(), Some(inbox.clone()), question.to_json()).await?;
        self.mark(&inbox).await?;
        // Until the mark is back, nobody can have failed to answer.
        let (mut until, mut marked) = (Instant::now() + PATIENCE, false);
        let mut answers = Vec::new();
        loop {
            match timeout_at(until, back.next()).await {
                Ok(Some(message)) if is_mark(&message) => {
                    (until, marked) = (Instant::now() + self.settings.gather, true);
                }
                Ok(Some(message)) if answers.len() < MAX_ANSWERS => {
                    answers.extend(instances(&message));
                }
                Ok(Some(_too_many)) => {
                    tracing::warn!(limit = MAX_ANSWERS, "too many answers over NATS");
                    return Ok(answers);
                }
                Err(_elapsed) if marked => return Ok(answers),
                Ok(None) | Err(_) => return Err(self.failed("no answer")),
            }
        }
    }

    async fn inbox(&self) -> Result<(Subscriber, String), RegistryError> {
        let inbox = self.client().await?.new_inbox();
        Ok((self.subscribe(inbox.clone()).await?, inbox))
    }

    /// Sends something to ourselves: when it is back, NATS has taken what was sent before.
    async fn mark(&self, inbox: &str) -> Result<(), RegistryError> {
        self.publish(inbox.to_owned(), None, MARK.to_owned()).await
    }

    async fn publish(
        &self,
        subject: String,
        reply: Option<String>,
        body: String,
    ) -> Result<(), RegistryError> {
        let client = self.client().await?;
        let sent = match reply {
            Some(reply) => client.publish_with_reply(subject, reply, body.into()).await,
            None => client.publish(subject, body.into()).await,
        };
        sent.map_err(|error| self.failed("cannot publish").with_source(error))
    }

    fn failed(&self, what: &str) -> RegistryError {
        RegistryError::new(format!("{what} at {self}"))
    }
}

async fn answer(client: &Client, owned: &Owned, question: &Message) {
    let Some(reply) = &question.reply else { return };
    let asked = match Asked::parse(&question.payload) {
        Ok(asked) => asked,
        Err(why) => {
            tracing::debug!(why, "skipping what is no question over NATS");
            return;
        }
    };
    for json in owned.answers(&asked) {
        if let Err(error) = client.publish(reply.clone(), json.into()).await {
            tracing::debug!(%error, "cannot answer over NATS");
        }
    }
}

/// The instances of an answer.
fn instances(message: &Message) -> Vec<Instance> {
    // NATS says so itself when nobody has a subscription.
    if message.status.is_some() {
        return Vec::new();
    }
    match ServiceRecord::parse(&message.payload) {
        Ok(record) => record.into_instances(NAME),
        Err(why) => {
            tracing::debug!(why, "skipping what is no record over NATS");
            Vec::new()
        }
    }
}

fn is_mark(message: &Message) -> bool {
    message.payload == MARK
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.settings)
    }
}

/// The servers only: the rest may be secret.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, server) in self.servers.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write!(f, "nats://{}:{}", server.host(), server.port())?;
        }
        Ok(())
    }
}

/// What nobody takes for a record.
const MARK: &str = "\0";

/// What go-micro's subjects begin with.
const PREFIX: &str = "micro.nats";

/// How long answers are waited for.
const GATHER: Duration = Duration::from_millis(100);

/// How long NATS itself may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often NATS is asked whether it is there; two questions may go unanswered.
const PING: Duration = Duration::from_secs(5);

/// How many messages may wait to be looked at, for each subscription; more are dropped, and nodes
/// whose answers were among them are asked for again.
const MAX_WAITING: usize = 16 * 1024;

/// How many instances one question may bring.
const MAX_ANSWERS: usize = 100_000;
