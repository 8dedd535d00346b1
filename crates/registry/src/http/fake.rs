//! An engine that is not there: HTTP/1.1 within the process, for tests with a paused clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use polywire_net::{Listener, Socket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// What was asked.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Asked {
    /// A field of the head.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

/// What is answered.
pub(crate) enum Answered {
    /// A status and a body.
    Whole(u16, String),
    /// Bytes as they are, and the end of the connection.
    Raw(Vec<u8>),
    /// Chunks as they come, until nobody sends any.
    Chunks(mpsc::Receiver<String>),
    /// Nothing, for ever.
    Nothing,
    /// The end of the connection.
    End,
}

/// A server at an address within the process; dropped, it is gone with all its connections.
pub(crate) struct Fake {
    pub(crate) address: String,
    connections: Arc<AtomicU32>,
    tasks: JoinSet<()>,
}

impl Fake {
    pub(crate) async fn start(answer: impl Fn(Asked) -> Answered + Send + Sync + 'static) -> Self {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let name = format!("memory:http-{}", LAST.fetch_add(1, Ordering::Relaxed));
        Self::at(&name, answer).await
    }

    pub(crate) async fn at(
        address: &str,
        answer: impl Fn(Asked) -> Answered + Send + Sync + 'static,
    ) -> Self {
        let listener = Listener::bind(&address.into()).await.unwrap();
        let (answer, connections) = (Arc::new(answer), Arc::new(AtomicU32::new(0)));
        let accepted = Arc::clone(&connections);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((socket, _peer)) = listener.accept().await {
                accepted.fetch_add(1, Ordering::SeqCst);
                let answer = Arc::clone(&answer);
                open.spawn(async move { serve(socket, &*answer).await.unwrap_or_default() });
            }
        });
        Self { address: address.to_owned(), connections, tasks }
    }

    /// Waits until its address is free.
    #[cfg_attr(not(feature = "etcd"), expect(dead_code, reason = "the tests of etcd stop it"))]
    pub(crate) async fn stop(mut self) {
        self.tasks.shutdown().await;
    }

    /// How many connections were opened.
    pub(crate) fn connections(&self) -> u32 {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve(mut socket: Socket, answer: &impl Fn(Asked) -> Answered) -> std::io::Result<()> {
    while let Some(asked) = read(&mut socket).await? {
        match answer(asked) {
            Answered::Whole(status, body) => {
                let length = body.len();
                let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n\r\n");
                socket.write_all((head + &body).as_bytes()).await?;
            }
            Answered::Raw(bytes) => return socket.write_all(&bytes).await,
            Answered::Chunks(mut chunks) => {
                socket.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
                while let Some(chunk) = chunks.recv().await {
                    let chunk = format!("{:x}\r\n{chunk}\r\n", chunk.len());
                    socket.write_all(chunk.as_bytes()).await?;
                }
                socket.write_all(b"0\r\n\r\n").await?;
            }
            Answered::Nothing => std::future::pending().await,
            Answered::End => return Ok(()),
        }
    }
    Ok(())
}

async fn read(socket: &mut Socket) -> std::io::Result<Option<Asked>> {
    let mut read = Vec::new();
    let end = loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if socket.read_buf(&mut read).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    let line = head.lines().next().unwrap_or_default().to_owned();
    let mut asked = Asked { line, head, body: String::new() };
    let length = asked.field("content-length").map_or(0, |length| length.parse().unwrap());
    while read.len() < end + length {
        if socket.read_buf(&mut read).await? == 0 {
            return Ok(None);
        }
    }
    asked.body = String::from_utf8_lossy(&read[end..]).into_owned();
    Ok(Some(asked))
}
