//! What a framework has to bring along.

use std::net::SocketAddr;

/// Whatever went wrong; it ends the run.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// An echo service and its client in some framework, used as its users would use it.
pub trait Peer: 'static {
    /// One connection; a clone is another caller on the same connection.
    type Client: Clone + Send + Sync + 'static;
    /// What is sent and comes back, in the type that suits the framework best.
    type Payload: Send + 'static;

    /// Listens there, says where exactly, and serves echoes until the process ends.
    fn serve(
        listen: SocketAddr,
        listening: impl FnOnce(SocketAddr) + Send,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Opens one connection.
    fn connect(server: SocketAddr) -> impl Future<Output = Result<Self::Client, BoxError>> + Send;

    /// A payload of so many bytes.
    fn payload(bytes: usize) -> Self::Payload;

    /// How many bytes the payload has.
    fn len(payload: &Self::Payload) -> usize;

    /// Sends the payload and answers with what came back. The same payload goes round and round,
    /// so that no peer pays for making one.
    fn call(
        client: &Self::Client,
        payload: Self::Payload,
    ) -> impl Future<Output = Result<Self::Payload, BoxError>> + Send;

    /// Asks for so many messages of so many bytes in one stream of the server's, and reports each
    /// one that came with its length.
    fn stream(
        client: &Self::Client,
        bytes: usize,
        count: u32,
        came: impl FnMut(usize) + Send,
    ) -> impl Future<Output = Result<(), BoxError>> + Send {
        let _ = (client, bytes, count, came);
        std::future::ready(Err("this peer has no streams".into()))
    }
}
