//! The task that has the sockets: everything that is registered and watched in a process goes by it.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use polywire_core::{Instance, RegistryError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::MdnsOptions;
use super::packet::{Packet, decode};
use super::query::{Known, Queries, Times};
use super::record::Place;
use super::responder::{Registration, Responder};
use super::socket::{From, Sockets};
use crate::keep::Renewal;

/// A handle to the task. The task ends with the last handle.
#[derive(Debug)]
pub(super) struct Hub {
    commands: mpsc::Sender<Command>,
    _task: JoinSet<()>,
}

type Reply<T> = oneshot::Sender<Result<T, RegistryError>>;

enum Command {
    Register(Box<Instance>, Reply<Registration>),
    Check(Registration, Box<Instance>, Reply<Renewal>),
    Withdraw(Registration, Reply<()>),
    Watch(String, Reply<watch::Receiver<Known>>),
    List(Reply<Vec<String>>),
}

impl Hub {
    /// Opens the sockets.
    ///
    /// # Errors
    /// They cannot be opened, or there is no interface.
    pub(super) fn open(options: &MdnsOptions) -> Result<Self, RegistryError> {
        let sockets = Sockets::open(options.interface.as_deref())?;
        let (commands, received) = mpsc::channel(COMMANDS);
        let times = Times { gather: options.gather, refresh: options.refresh };
        let worker = Worker {
            here: sockets.here(),
            sockets,
            options: options.clone(),
            host: host_name(),
            commands: received,
            responder: Responder::default(),
            queries: Queries::new(&options.domain, times),
            replies: VecDeque::new(),
            trouble: None,
            look: Instant::now() + LOOK,
        };
        let mut task = JoinSet::new();
        task.spawn(worker.run());
        Ok(Self { commands, _task: task })
    }

    /// Whether its task is no more: the runtime it was opened in has ended.
    pub(super) fn is_closed(&self) -> bool {
        self.commands.is_closed()
    }

    /// Takes an instance in, and announces it.
    pub(super) async fn register(&self, instance: Instance) -> Result<Registration, RegistryError> {
        self.ask(|reply| Command::Register(Box::new(instance), reply)).await
    }

    /// Asks whether others can hear of a registration, and brings it up to date.
    pub(super) async fn check(
        &self,
        registration: Registration,
        instance: Instance,
    ) -> Result<Renewal, RegistryError> {
        self.ask(|reply| Command::Check(registration, Box::new(instance), reply)).await
    }

    /// Takes an instance out, and says so.
    pub(super) async fn withdraw(&self, registration: Registration) -> Result<(), RegistryError> {
        self.ask(|reply| Command::Withdraw(registration, reply)).await
    }

    /// Watches a service.
    pub(super) async fn watch(
        &self,
        service: String,
    ) -> Result<watch::Receiver<Known>, RegistryError> {
        self.ask(|reply| Command::Watch(service, reply)).await
    }

    /// Asks for the names of all services.
    pub(super) async fn list(&self) -> Result<Vec<String>, RegistryError> {
        self.ask(Command::List).await
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, RegistryError> {
        let (reply, answer) = oneshot::channel();
        let ended = || RegistryError::new("multicast DNS has ended with its runtime");
        self.commands.send(command(reply)).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

struct Worker {
    sockets: Sockets,
    options: MdnsOptions,
    host: String,
    here: IpAddr,
    commands: mpsc::Receiver<Command>,
    responder: Responder,
    queries: Queries,
    /// Answers that have not been sent yet.
    replies: VecDeque<(Vec<u8>, SocketAddr)>,
    /// Why the last packet to everyone could not be sent.
    trouble: Option<RegistryError>,
    /// When to look at the interfaces again.
    look: Instant,
}

impl Worker {
    async fn run(mut self) {
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            if self.replies.is_empty() {
                let due = self.due();
                tokio::select! {
                    ready = self.sockets.readable() => {
                        if let Err(error) = ready {
                            tracing::debug!(%error, "cannot wait for multicast DNS");
                            sleep(PAUSE).await;
                        }
                    }
                    command = self.commands.recv() => match command {
                        Some(command) => self.obey(command),
                        None => return,
                    },
                    () = sleep_until(due) => {}
                }
            } else {
                // Many answers leave little by little, so that those who ask can keep up.
                tokio::task::yield_now().await;
            }
            for _ in 0..BATCH {
                let Ok(command) = self.commands.try_recv() else { break };
                self.obey(command);
            }
            if let Err(error) = self.read(&mut buffer) {
                tracing::debug!(%error, "cannot read multicast DNS");
                sleep(PAUSE).await;
            }
            self.tick();
        }
    }

    fn due(&self) -> Instant {
        let times = [self.responder.due(), self.queries.due()];
        times.into_iter().flatten().chain([self.look]).min().unwrap_or(self.look)
    }

    fn place(&self) -> Place<'_> {
        let MdnsOptions { domain, ttl, .. } = &self.options;
        Place { domain, ttl: *ttl, host: &self.host, here: self.here }
    }

    fn obey(&mut self, command: Command) {
        let now = Instant::now();
        // Whoever asked may have gone.
        match command {
            Command::Register(instance, reply) => {
                let registered = self.register(now, &instance);
                if let Err(Ok(registration)) = reply.send(registered)
                    && let Err(error) = self.withdraw(registration)
                {
                    tracing::debug!(%error, "others do not hear that an instance is gone");
                }
            }
            Command::Check(registration, instance, reply) => {
                drop(reply.send(self.check(now, registration, &instance)));
            }
            Command::Withdraw(registration, reply) => {
                drop(reply.send(self.withdraw(registration)));
            }
            Command::Watch(service, reply) => drop(reply.send(self.queries.watch(now, &service))),
            Command::List(reply) => {
                let sockets = &self.sockets;
                self.queries
                    .list(now, reply, &mut |question| sockets.multicast(From::Own, &question));
            }
        }
    }

    fn register(
        &mut self,
        now: Instant,
        instance: &Instance,
    ) -> Result<Registration, RegistryError> {
        let records = self.place().records(instance)?;
        let listing = self.place().listing(&instance.service)?;
        let registration = self.responder.register(now, records, listing)?;
        self.announce(now);
        Ok(registration)
    }

    fn check(
        &mut self,
        now: Instant,
        registration: Registration,
        instance: &Instance,
    ) -> Result<Renewal, RegistryError> {
        // This host may have got another address.
        let records = self.place().records(instance)?;
        let Some(known) = self.responder.records(registration) else {
            return Ok(self.responder.fate(&records));
        };
        if *known != records {
            self.responder.update(now, registration, records)?;
            self.announce(now);
            return Ok(Renewal::Kept);
        }
        match &self.trouble {
            None => Ok(Renewal::Kept),
            Some(_) => {
                let announcement = known.announcement()?;
                self.say(&announcement);
                self.trouble.clone().map_or(Ok(Renewal::Kept), Err)
            }
        }
    }

    fn withdraw(&mut self, registration: Registration) -> Result<(), RegistryError> {
        match self.responder.withdraw(registration) {
            Some(goodbye) => self.sockets.multicast(From::Shared, &goodbye),
            None => Ok(()),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<()> {
        let now = Instant::now();
        let Self { sockets, responder, queries, replies, .. } = self;
        sockets.read(buffer, BATCH, |bytes, from| {
            // Who is far away is neither answered nor believed.
            let packet = if sockets.is_near(from.ip()) { decode(bytes) } else { None };
            match packet {
                Some(Packet::Questions(questions)) => {
                    let answers = questions.iter().flat_map(|question| responder.answers(question));
                    for answer in answers.take(MAX_REPLIES.saturating_sub(replies.len())) {
                        replies.push_back((answer, from));
                    }
                }
                Some(Packet::Told(all)) => all.iter().for_each(|told| queries.heard(now, told)),
                None => {}
            }
        })
    }

    fn tick(&mut self) {
        let now = Instant::now();
        if self.look <= now {
            self.look = now + LOOK;
            self.look(now);
        }
        for _ in 0..BATCH {
            let Some((answer, to)) = self.replies.pop_front() else { break };
            self.sockets.reply(&answer, to);
        }
        self.announce(now);
        let sockets = &self.sockets;
        self.queries.tick(now, &mut |question| sockets.multicast(From::Own, &question));
    }

    fn announce(&mut self, now: Instant) {
        for _ in 0..BATCH {
            let Some(packet) = self.responder.next(now) else { break };
            self.say(&packet);
        }
    }

    fn say(&mut self, packet: &[u8]) {
        let said = self.sockets.multicast(From::Shared, packet);
        if let (Err(error), None) = (&said, &self.trouble) {
            tracing::warn!(%error, "others do not hear of what is registered here");
        }
        self.trouble = said.err();
    }

    /// Looks at the interfaces, and tells newcomers behind them what is here.
    fn look(&mut self, now: Instant) {
        match self.sockets.refresh() {
            Ok(true) => {
                self.here = self.sockets.here();
                self.responder.announce_all(now);
            }
            Ok(false) => {}
            Err(error) => tracing::debug!(%error, "multicast DNS has no interface"),
        }
    }
}

/// The name of this host, which go-micro uses too; any other does as well.
fn host_name() -> String {
    let from_kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let from_shell = || std::env::var("HOSTNAME").or_else(|_| std::env::var("COMPUTERNAME")).ok();
    let name = from_kernel.or_else(from_shell).unwrap_or_default();
    let name = name.trim().trim_matches('.');
    if name.is_empty() || super::name::name(&[name]).is_err() {
        return "localhost".to_owned();
    }
    name.to_owned()
}

/// Commands that wait; whoever has a further one waits too.
const COMMANDS: usize = 64;

/// Packets and commands that are handled one after another before others get their turn.
const BATCH: usize = 32;

/// Answers that wait to be sent; further ones are dropped, and are asked for again.
const MAX_REPLIES: usize = 1024;

/// What UDP carries at most.
const BUFFER_BYTES: usize = 65_535;

/// Between two looks at the interfaces.
const LOOK: Duration = Duration::from_secs(5);

/// After a socket has failed.
const PAUSE: Duration = Duration::from_millis(100);
