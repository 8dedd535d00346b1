//! Channels to the servers that the runner has started.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Mutex, PoisonError};

use polywire::{Channel, ChannelOptions, HttpOptions, TlsClient};
use polywire_conformance::proto::{ClientCompatRequest, Codec, Compression, HttpVersion, Protocol};
use polywire_net::Pem;

/// Channels by what they speak, and with whom.
#[derive(Default)]
pub struct Channels(Mutex<HashMap<Key, Channel>>);

#[derive(PartialEq, Eq, Hash)]
struct Key {
    url: String,
    trusted: Vec<u8>,
    shown: Vec<u8>,
    limit: u32,
    get: bool,
}

impl Channels {
    /// The channel for a call.
    ///
    /// # Errors
    /// When something is asked for that polywire does not speak.
    pub fn channel(&self, wanted: &ClientCompatRequest) -> Result<Channel, Box<dyn Error>> {
        let key = Key {
            url: url(wanted)?,
            trusted: wanted.server_tls_cert.clone(),
            shown: wanted.client_tls_creds.clone().unwrap_or_default().cert,
            limit: wanted.message_receive_limit,
            get: wanted.use_get_http_method,
        };
        let mut channels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = channels.get(&key) {
            return Ok(channel.clone());
        }
        let channel = Channel::lazy(&key.url, options(wanted)?)?;
        channels.insert(key, channel.clone());
        Ok(channel)
    }
}

fn url(wanted: &ClientCompatRequest) -> Result<String, Box<dyn Error>> {
    let scheme = match wanted.protocol() {
        Protocol::Connect => "connect",
        Protocol::Grpc => "grpc",
        Protocol::GrpcWeb => "grpc-web",
        Protocol::Unspecified => return Err("no protocol".into()),
    };
    let version = match wanted.http_version() {
        HttpVersion::HttpVersion1 => "1.1",
        HttpVersion::HttpVersion2 => "2",
        version => return Err(format!("polywire speaks no {version:?}").into()),
    };
    let codec = match wanted.codec() {
        Codec::Json => "json",
        _ => "proto",
    };
    let compression = match wanted.compression() {
        Compression::Unspecified | Compression::Identity => "identity",
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
        compression => return Err(format!("polywire knows no {compression:?}").into()),
    };
    let tls = if wanted.server_tls_cert.is_empty() { "" } else { "+tls" };
    let (host, port) = (&wanted.host, wanted.port);
    let query = format!("http={version}&codec={codec}&compression={compression}");
    Ok(format!("{scheme}{tls}://{host}:{port}?{query}"))
}

fn options(wanted: &ClientCompatRequest) -> Result<ChannelOptions, Box<dyn Error>> {
    let mut options = ChannelOptions::default().retries(0);
    if wanted.use_get_http_method {
        options = options.http(HttpOptions::default().get_idempotent());
    }
    if wanted.message_receive_limit != 0 {
        let bytes = usize::try_from(wanted.message_receive_limit)?;
        options = options.wire_limits(polywire_wire::Limits::default().message_bytes(bytes));
    }
    if !wanted.server_tls_cert.is_empty() {
        let mut tls = TlsClient::from_ca_pem(&wanted.server_tls_cert)?;
        if let Some(own) = &wanted.client_tls_creds {
            tls = tls.with_certificate(Pem::text(&own.cert), Pem::text(&own.key))?;
        }
        options = options.tls(tls);
    }
    Ok(options)
}
