//! Answers all frames of a read in place, with one write.

use std::future::poll_fn;
use std::net::SocketAddr;

use bench_harness::BoxError;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::frame::{Inbox, frame_len};

pub(crate) async fn serve(
    listen: SocketAddr,
    listening: impl FnOnce(SocketAddr),
) -> Result<(), BoxError> {
    let listener = TcpListener::bind(listen).await?;
    listening(listener.local_addr()?);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                connections.spawn(echo(stream));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Ends with the connection, however that ends.
async fn echo(mut stream: TcpStream) {
    let mut inbox = Inbox::new();
    while let Ok(1..) = poll_fn(|cx| inbox.poll_read(&mut stream, cx)).await {
        let frames = inbox.whole_frames();
        answer(frames);
        let used = frames.len();
        if used > 0 && stream.write_all(frames).await.is_err() {
            return;
        }
        inbox.consume(used);
    }
}

/// Turns each request into its answer: the method becomes the status.
fn answer(mut frames: &mut [u8]) {
    while let Some(len) = frame_len(frames) {
        let (frame, rest) = frames.split_at_mut(len);
        frame[4..8].fill(0);
        frames = rest;
    }
}
