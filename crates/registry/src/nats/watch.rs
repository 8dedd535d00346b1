//! What is told of one service over NATS.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{Message, Subscriber};
use futures_util::StreamExt;
use polywire_core::{Instance, RegistryError};
use tokio::select;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::NAME;
use super::known::Known;
use super::link::Link;
use super::wire::Asked;
use crate::follow::Source;

/// Follows one service: asks, hears the news, and asks again for those that were not in them.
pub(super) struct Watch {
    link: Arc<Link>,
    service: String,
    known: Known,
    /// Nothing at first and after an error.
    hearing: Option<Hearing>,
}

struct Hearing {
    news: Subscriber,
    losses: watch::Receiver<u64>,
}

impl Watch {
    pub(super) fn new(link: Arc<Link>, service: &str, ttl: Duration) -> Self {
        let known = Known::new(ttl, Instant::now());
        Self { link, service: service.to_owned(), known, hearing: None }
    }

    /// Begins to hear, and asks for what was missed.
    async fn begin(&mut self) -> Result<Hearing, RegistryError> {
        let mut losses = self.link.losses().await?;
        losses.mark_unchanged();
        let news = self.link.news().await?;
        let answers = self.ask().await?;
        let now = Instant::now();
        // When NATS itself was away, others may not be back yet.
        self.known.pardon(now);
        self.known.answered(answers, now);
        Ok(Hearing { news, losses })
    }

    async fn ask(&self) -> Result<Vec<Instance>, RegistryError> {
        let mut answers = self.link.ask(&Asked::service(&self.service)).await?;
        answers.retain(|instance| instance.service == self.service);
        Ok(answers)
    }

    /// Waits for one thing to happen; says whether it has changed anything.
    async fn step(&mut self, hearing: &mut Hearing) -> Result<bool, RegistryError> {
        select! {
            message = hearing.news.next() => match message {
                Some(message) => Ok(self.take(&message)),
                None => Err(self.error("the subscription has ended")),
            },
            _changed = hearing.losses.changed() => Err(self.error("the connection was lost")),
            () = sleep_until(self.known.next_question()) => {
                let answers = self.ask().await?;
                Ok(self.known.answered(answers, Instant::now()))
            }
        }
    }

    fn take(&mut self, message: &Message) -> bool {
        let news = match Asked::parse(&message.payload) {
            Ok(news) => news,
            Err(why) => {
                tracing::debug!(why, "skipping what is no news over NATS");
                return false;
            }
        };
        let deleted = news.is_deletion();
        let about = news.service.filter(|record| record.name == self.service);
        let instances = about.map(|record| record.into_instances(NAME)).unwrap_or_default();
        let mut changed = false;
        for instance in instances {
            changed |= if deleted {
                self.known.forget(&instance.id)
            } else {
                self.known.hear(instance, Instant::now())
            };
        }
        changed
    }

    fn error(&self, what: &str) -> RegistryError {
        RegistryError::new(format!("{}: {what}", self.name()))
    }
}

impl Source for Watch {
    async fn next(&mut self) -> Result<Vec<Instance>, RegistryError> {
        // Left behind by an error, so that everything is begun anew.
        let Some(mut hearing) = self.hearing.take() else {
            self.hearing = Some(self.begin().await?);
            return Ok(self.known.instances());
        };
        while !self.step(&mut hearing).await? {}
        self.hearing = Some(hearing);
        Ok(self.known.instances())
    }

    fn name(&self) -> String {
        format!("{} over NATS", self.service)
    }
}
