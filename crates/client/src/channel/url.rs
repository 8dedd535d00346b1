//! Where a node is and what it speaks, as text says it.

use polywire_codec::compression::Compression;
use polywire_core::{Address, Encoding, Instance};
use polywire_wire::netrpc::DEFAULT_RPC_PATH;

use crate::http::Dialect;
use crate::{ChannelOptions, ClientError, HttpCodec, HttpVersion};

/// Where a node is and what to speak with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) wire: Wire,
    pub(super) address: Address,
    pub(super) tls: bool,
    /// Where to `CONNECT` to first.
    pub(super) http_path: Option<String>,
}

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    Netrpc,
    /// As Go's.
    Jsonrpc1,
    Jsonrpc2,
    Http(HttpWire),
}

/// What is spoken over HTTP; what is not said here is as the channel's options say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HttpWire {
    pub(super) dialect: Dialect,
    pub(super) version: Option<HttpVersion>,
    pub(super) codec: Option<HttpCodec>,
    pub(super) compression: Option<Compression>,
}

impl Wire {
    /// The wire that a URL's scheme stands for.
    fn of(scheme: &str) -> Option<Self> {
        let http = |dialect| {
            Self::Http(HttpWire { dialect, version: None, codec: None, compression: None })
        };
        Some(match scheme {
            "netrpc" => Self::Netrpc,
            "jsonrpc" => Self::Jsonrpc1,
            "jsonrpc2" => Self::Jsonrpc2,
            "grpc" => http(Dialect::Grpc),
            "grpc-web" => http(Dialect::GrpcWeb),
            "connect" => http(Dialect::Connect),
            "micro" => Self::Http(MICRO),
            _ => return None,
        })
    }

    /// Takes the query off the rest of a URL; only wires over HTTP have one.
    fn with_query(self, rest: &str) -> Result<(Self, &str), &'static str> {
        let Self::Http(mut http) = self else { return Ok((self, rest)) };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=').unwrap_or((pair, "")) {
                ("codec", "proto") => http.codec = Some(HttpCodec::Proto),
                ("codec", "json") => http.codec = Some(HttpCodec::Json),
                ("codec", _) => return Err("the codec is neither proto nor json"),
                ("compression" | "http", _) if http.dialect == Dialect::Micro => {
                    return Err("go-micro is uncompressed, over HTTP/1.1");
                }
                ("compression", name) => {
                    let known = Compression::from_name(name);
                    http.compression = Some(known.ok_or("this build has no such compression")?);
                }
                ("http", "2") => http.version = Some(HttpVersion::Http2),
                ("http", "1.1") if http.dialect == Dialect::Grpc => {
                    return Err("gRPC needs HTTP/2");
                }
                ("http", "1.1") => http.version = Some(HttpVersion::Http1),
                ("http", _) => return Err("the version of HTTP is neither 1.1 nor 2"),
                _ => return Err("the query has something other than codec, compression and http"),
            }
        }
        Ok((Self::Http(http), rest))
    }

    /// How arguments should be encoded.
    pub(super) fn encoding(self, options: &ChannelOptions) -> Encoding {
        match self {
            Self::Netrpc => Encoding::Gob,
            Self::Jsonrpc1 => Encoding::GoJson,
            Self::Jsonrpc2 => Encoding::Json,
            Self::Http(http) => http.codec.unwrap_or(options.http.codec).encoding(),
        }
    }
}

impl Endpoint {
    /// Reads a URL, or an address, at which net/rpc is spoken.
    pub(super) fn parse(text: &str) -> Result<Self, ClientError> {
        let fail = |why: &str| ClientError::Address { text: text.into(), why: why.into() };
        let Some((scheme, rest)) = text.split_once("://") else {
            return Self::plain(text).ok_or_else(|| fail("neither a URL nor HOST:PORT"));
        };
        let mut parts = scheme.split('+');
        let wire = Wire::of(parts.next().unwrap_or_default()).ok_or_else(|| {
            fail("the scheme is none of netrpc, jsonrpc, jsonrpc2, grpc, grpc-web, connect, micro")
        })?;
        let (wire, rest) = wire.with_query(rest).map_err(fail)?;
        let (mut tls, mut http) = (false, false);
        for part in parts {
            match part {
                "tls" => tls = true,
                "http" if wire == Wire::Netrpc => http = true,
                _ => return Err(fail("the scheme can be followed by +tls, netrpc also by +http")),
            }
        }
        let (authority, path) = match rest.find('/') {
            Some(slash) if !is_local(rest) => rest.split_at(slash),
            _ => (rest, ""),
        };
        if !http && !matches!(path, "" | "/") {
            return Err(fail("only +http has a path"));
        }
        let http_path = http.then(|| match path {
            "" | "/" => DEFAULT_RPC_PATH.to_owned(),
            path => path.to_owned(),
        });
        if tls && is_local(authority) {
            return Err(fail("+tls needs a host, for which the certificate is"));
        }
        let plain = Self::plain(authority).ok_or_else(|| fail("no HOST:PORT"))?;
        Ok(Self { wire, tls, http_path, ..plain })
    }

    /// Reads what an instance registered: its address and, in the metadata `wires`, what it
    /// speaks. Gob is taken if there is a choice.
    pub(super) fn of(instance: &Instance) -> Result<Self, ClientError> {
        let endpoint = Self::parse(instance.address.as_str())?;
        if let Wire::Http(_) = endpoint.wire {
            let why = "channels that discover speak netrpc".to_owned();
            return Err(ClientError::Address { text: instance.address.to_string(), why });
        }
        let Some(wires) = instance.metadata.get("wires") else { return Ok(endpoint) };
        if wires.split(',').any(|wire| wire.trim() == "netrpc") {
            return Ok(endpoint);
        }
        let why = format!("it speaks {wires}, and channels that discover speak netrpc");
        Err(ClientError::Address { text: instance.address.to_string(), why })
    }

    fn plain(address: &str) -> Option<Self> {
        let port = address
            .rsplit_once(':')
            .and_then(|(host, port)| port.parse::<u16>().ok().filter(|_| !host.is_empty()));
        (is_local(address) || port.is_some()).then(|| Self {
            wire: Wire::Netrpc,
            address: address.into(),
            tls: false,
            http_path: None,
        })
    }
}

/// What go-micro's clients speak by themselves.
const MICRO: HttpWire = HttpWire {
    dialect: Dialect::Micro,
    version: Some(HttpVersion::Http1),
    codec: Some(HttpCodec::Json),
    compression: Some(Compression::Identity),
};

/// Whether an address is one of this machine: `memory:name` or `unix:/path`.
fn is_local(address: &str) -> bool {
    ["memory:", "unix:"]
        .iter()
        .any(|scheme| address.strip_prefix(scheme).is_some_and(|name| !name.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: Wire = http(Dialect::Connect, Some(HttpCodec::Json), None);
    const OLD: Wire = Wire::Http(HttpWire {
        dialect: Dialect::GrpcWeb,
        version: Some(HttpVersion::Http1),
        codec: None,
        compression: None,
    });

    const fn http(
        dialect: Dialect,
        codec: Option<HttpCodec>,
        compression: Option<Compression>,
    ) -> Wire {
        Wire::Http(HttpWire { dialect, version: None, codec, compression })
    }

    #[test]
    fn urls_say_wire_address_tls_and_path() {
        for (text, wire, address, tls, path) in [
            ("127.0.0.1:80", Wire::Netrpc, "127.0.0.1:80", false, None),
            ("netrpc://[::1]:80", Wire::Netrpc, "[::1]:80", false, None),
            ("netrpc://h:80/", Wire::Netrpc, "h:80", false, None),
            ("netrpc+http://h:80", Wire::Netrpc, "h:80", false, Some("/_goRPC_")),
            ("netrpc+http://h:80/rpc/x", Wire::Netrpc, "h:80", false, Some("/rpc/x")),
            ("netrpc+tls://h:80", Wire::Netrpc, "h:80", true, None),
            ("netrpc+tls+http://h:80", Wire::Netrpc, "h:80", true, Some("/_goRPC_")),
            ("jsonrpc://h:80", Wire::Jsonrpc1, "h:80", false, None),
            ("jsonrpc2+tls://h:80", Wire::Jsonrpc2, "h:80", true, None),
            ("memory:greeter", Wire::Netrpc, "memory:greeter", false, None),
            ("jsonrpc://memory:greeter", Wire::Jsonrpc1, "memory:greeter", false, None),
            ("netrpc://unix:/run/a.sock", Wire::Netrpc, "unix:/run/a.sock", false, None),
            ("grpc://h:80/", http(Dialect::Grpc, None, None), "h:80", false, None),
            ("grpc+tls://h:80", http(Dialect::Grpc, None, None), "h:80", true, None),
            ("grpc-web://h:80", http(Dialect::GrpcWeb, None, None), "h:80", false, None),
            ("connect://memory:a?codec=json", JSON, "memory:a", false, None),
            ("micro://h:80", Wire::Http(MICRO), "h:80", false, None),
            ("micro+tls://h:80?codec=json", Wire::Http(MICRO), "h:80", true, None),
            ("grpc-web+tls://h:80?http=1.1", OLD, "h:80", true, None),
            (
                "connect://h:80/?compression=gzip&codec=proto",
                http(Dialect::Connect, Some(HttpCodec::Proto), Some(Compression::Gzip)),
                "h:80",
                false,
                None,
            ),
        ] {
            let endpoint = Endpoint::parse(text).unwrap();
            let http_path = path.map(str::to_owned);
            let expected = Endpoint { wire, address: address.into(), tls, http_path };
            assert_eq!(endpoint, expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused_with_the_reason() {
        for (text, why) in [
            ("http://h:80", "the scheme is none of"),
            ("netrpc://h", "no HOST:PORT"),
            ("netrpc://:80", "no HOST:PORT"),
            ("netrpc://h:99999", "no HOST:PORT"),
            ("netrpc://h:80/path", "only +http has a path"),
            ("jsonrpc+http://h:80", "can be followed by"),
            ("netrpc+tls://unix:/run/a.sock", "+tls needs a host"),
            ("grpc://h:80/path", "only +http has a path"),
            ("grpc+http://h:80", "can be followed by"),
            ("grpc://h:80?codec=xml", "neither proto nor json"),
            ("grpc://h:80?compression=lzw", "no such compression"),
            ("grpc://h:80?window=7", "other than codec"),
            ("grpc://h:80?http=1.1", "gRPC needs HTTP/2"),
            ("micro://h:80?http=2", "over HTTP/1.1"),
            ("micro://h:80?compression=gzip", "uncompressed"),
            ("connect://h:80?http=3", "neither 1.1 nor 2"),
            ("jsonrpc://h:80?codec=json", "no HOST:PORT"),
            ("greeter", "neither a URL nor"),
            ("", "neither a URL nor"),
            ("memory:", "neither a URL nor"),
        ] {
            let error = Endpoint::parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn an_instance_without_netrpc_is_not_for_this_client() {
        let instance = Instance::new("s", "a", "h:80".into());
        assert!(Endpoint::of(&instance).is_ok());
        assert!(Endpoint::of(&instance.clone().with_metadata("wires", "jsonrpc, netrpc")).is_ok());
        assert!(Endpoint::of(&instance.with_metadata("wires", "grpc")).is_err());
    }
}
