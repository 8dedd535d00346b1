//! TLS by rustls, with ring for its cryptography.

mod client;
mod client_auth;
mod explain;
mod identity;
mod material;
mod server;
mod stream;
mod unchecked;

pub use self::client::TlsClient;
pub use self::client_auth::ClientAuth;
pub use self::server::TlsServer;

#[cfg(test)]
mod tests;
