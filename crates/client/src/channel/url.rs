//! Where a node is and what it speaks, as text says it.

use std::sync::Arc;

use polywire_codec::compression::Compression;
use polywire_core::{Address, Encoding, Instance};
use polywire_wire::netrpc::DEFAULT_RPC_PATH;

use crate::http::Dialect;
use crate::{ChannelOptions, ClientError, HttpCodec, HttpVersion};

/// A wire, whatever carries it: what [`ChannelOptions::prefer`](crate::ChannelOptions::prefer)
/// chooses among those that an instance speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WireKind {
    /// Go's net/rpc.
    Netrpc,
    /// JSON-RPC 1.0 or 2.0.
    Jsonrpc,
    /// gRPC, go-micro's included.
    Grpc,
    /// gRPC-Web.
    GrpcWeb,
    /// Connect.
    Connect,
    /// go-micro's own.
    Micro,
}

/// Where a node is and what to speak with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) wire: Wire,
    pub(super) address: Address,
    pub(super) tls: bool,
    /// Where to `CONNECT` to first.
    pub(super) http_path: Option<String>,
    /// The name by which a service of go-micro's is found.
    pub(super) service: Option<Arc<str>>,
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

    const fn kind(self) -> WireKind {
        match self {
            Self::Netrpc => WireKind::Netrpc,
            Self::Jsonrpc1 | Self::Jsonrpc2 => WireKind::Jsonrpc,
            Self::Http(http) => match http.dialect {
                Dialect::Grpc | Dialect::MicroGrpc => WireKind::Grpc,
                Dialect::GrpcWeb => WireKind::GrpcWeb,
                Dialect::Connect => WireKind::Connect,
                Dialect::Micro | Dialect::MicroRpc => WireKind::Micro,
            },
        }
    }

    /// Whether services have names besides those of their types.
    const fn has_service_names(self) -> bool {
        matches!(
            self,
            Self::Http(HttpWire {
                dialect: Dialect::Micro | Dialect::MicroRpc | Dialect::MicroGrpc,
                ..
            })
        )
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
                ("compression" | "http", _) if http.dialect.is_micro() => {
                    return Err("go-micro is uncompressed, over HTTP/1.1");
                }
                ("compression", name) => {
                    let known = Compression::from_name(name);
                    http.compression = Some(known.ok_or("this build has no such compression")?);
                }
                ("http", "2") => http.version = Some(HttpVersion::Http2),
                ("http", "1.1") if http.dialect.needs_http2() => {
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
        self.encoding_with(options.http.codec)
    }

    /// As [`encoding`](Self::encoding), with what the options say of HTTP.
    pub(super) fn encoding_with(self, codec: Option<HttpCodec>) -> Encoding {
        match self {
            Self::Netrpc => Encoding::Gob,
            Self::Jsonrpc1 => Encoding::GoJson,
            Self::Jsonrpc2 => Encoding::Json,
            Self::Http(http) => http.encoding(codec),
        }
    }
}

impl HttpWire {
    /// How messages are encoded: as the URL says, else as the options do, else as is usual there.
    pub(super) fn encoding(self, codec: Option<HttpCodec>) -> Encoding {
        let usual = match self.dialect {
            Dialect::Micro | Dialect::MicroRpc => HttpCodec::Json,
            _ => HttpCodec::default(),
        };
        self.codec.or(codec).unwrap_or(usual).encoding()
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
        let mut wire = Wire::of(parts.next().unwrap_or_default()).ok_or_else(|| {
            fail("the scheme is none of netrpc, jsonrpc, jsonrpc2, grpc, grpc-web, connect, micro")
        })?;
        let (mut tls, mut http) = (false, false);
        for part in parts {
            match part {
                "tls" => tls = true,
                "http" if wire == Wire::Netrpc => http = true,
                "grpc" if wire == Wire::Http(MICRO) => wire = Wire::Http(MICRO_GRPC),
                _ => {
                    let why = "the scheme can be followed by +tls, netrpc also by +http, micro by \
                               +grpc";
                    return Err(fail(why));
                }
            }
        }
        let (wire, rest) = wire.with_query(rest).map_err(fail)?;
        let (authority, path) = match rest.find('/') {
            Some(slash) if !is_local(rest) => rest.split_at(slash),
            _ => (rest, ""),
        };
        let name = path.trim_start_matches('/');
        let is_name = wire.has_service_names() && !name.contains('/');
        if !http && !is_name && !name.is_empty() {
            return Err(fail("only +http has a path, and micro the name of a service"));
        }
        let service = (is_name && !name.is_empty()).then(|| name.into());
        let http_path = http.then(|| match path {
            "" | "/" => DEFAULT_RPC_PATH.to_owned(),
            path => path.to_owned(),
        });
        if tls && is_local(authority) {
            return Err(fail("+tls needs a host, for which the certificate is"));
        }
        let plain = Self::plain(authority).ok_or_else(|| fail("no HOST:PORT"))?;
        Ok(Self { wire, tls, http_path, service, ..plain })
    }

    /// Reads what an instance registered: its address and what it speaks.
    ///
    /// An address that is a URL says so itself. Otherwise the metadata `wires` does: schemes of URLs,
    /// separated by commas. What is preferred is taken if it is among them, else net/rpc, else the
    /// first that is known here. go-micro's nodes have `protocol` instead; those of them that do not
    /// have it are of a time when messages were put into envelopes, which Go's clients conclude as
    /// well. Who says nothing at all speaks net/rpc.
    pub(super) fn of(
        instance: &Instance,
        preferred: Option<WireKind>,
    ) -> Result<Self, ClientError> {
        let mut endpoint = Self::said(instance, preferred)?;
        if endpoint.wire.has_service_names() && !instance.service.is_empty() {
            endpoint.service.get_or_insert_with(|| instance.service.as_str().into());
        }
        Ok(endpoint)
    }

    /// As [`of`](Self::of), but for the service's name.
    fn said(instance: &Instance, preferred: Option<WireKind>) -> Result<Self, ClientError> {
        let address = instance.address.as_str();
        if address.contains("://") {
            return Self::parse(address);
        }
        let fail = |why| ClientError::Address { text: address.to_owned(), why };
        if let Some(wires) = instance.metadata.get("wires") {
            return Self::best(address, wires, preferred)
                .ok_or_else(|| fail(format!("it speaks `{wires}`, none of which is known here")));
        }
        let wire = match instance.metadata.get("protocol").map(String::as_str) {
            Some("mucp") => Wire::Http(MICRO),
            Some("grpc") => Wire::Http(MICRO_GRPC),
            Some("") => Wire::Http(MICRO_RPC),
            Some(other) => {
                return Err(fail(format!("it speaks protocol `{other}`, which is not known here")));
            }
            None if OF_MICRO.iter().all(|key| instance.metadata.contains_key(*key)) => {
                Wire::Http(MICRO_RPC)
            }
            None => Wire::Netrpc,
        };
        Ok(Self { wire, ..Self::parse(address)? })
    }

    /// What to speak of several wires.
    fn best(address: &str, wires: &str, preferred: Option<WireKind>) -> Option<Self> {
        let known = |wire: &str| Self::parse(&format!("{}://{address}", wire.trim())).ok();
        let known: Vec<_> = wires.split(',').filter_map(known).collect();
        let of_kind = |kind| known.iter().find(|endpoint| endpoint.wire.kind() == kind);
        let best = preferred.and_then(of_kind).or_else(|| of_kind(WireKind::Netrpc));
        best.or_else(|| known.first()).cloned()
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
            service: None,
        })
    }
}

/// What go-micro's clients speak by themselves. JSON, unless it is said otherwise.
const MICRO: HttpWire = HttpWire {
    dialect: Dialect::Micro,
    version: Some(HttpVersion::Http1),
    codec: None,
    compression: Some(Compression::Identity),
};

/// What they speak with nodes that do not say what they speak.
const MICRO_RPC: HttpWire =
    HttpWire { dialect: Dialect::MicroRpc, codec: Some(HttpCodec::Json), ..MICRO };

/// What their gRPC client speaks. The encoding is as the channel's options have it.
const MICRO_GRPC: HttpWire = HttpWire {
    dialect: Dialect::MicroGrpc,
    version: Some(HttpVersion::Http2),
    codec: None,
    compression: Some(Compression::Identity),
};

/// Metadata that every node of go-micro's has.
const OF_MICRO: [&str; 2] = ["server", "transport"];

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
    const MICRO_PROTO: Wire = Wire::Http(HttpWire { codec: Some(HttpCodec::Proto), ..MICRO });
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
            ("micro+tls://h:80?codec=proto", MICRO_PROTO, "h:80", true, None),
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
            let address = address.into();
            let expected = Endpoint { wire, address, tls, http_path, service: None };
            assert_eq!(endpoint, expected, "{text}");
        }
    }

    #[test]
    fn messages_are_encoded_as_the_url_says_else_the_options_else_as_is_usual() {
        let encoding = |url: &str, codec| Endpoint::parse(url).unwrap().wire.encoding_with(codec);
        for (url, codec, expected) in [
            ("grpc://h:1", None, Encoding::Protobuf),
            ("grpc://h:1", Some(HttpCodec::Json), Encoding::ProtoJson),
            ("grpc://h:1?codec=proto", Some(HttpCodec::Json), Encoding::Protobuf),
            ("micro://h:1", None, Encoding::ProtoJson),
            ("micro://h:1", Some(HttpCodec::Proto), Encoding::Protobuf),
            ("micro://h:1?codec=json", Some(HttpCodec::Proto), Encoding::ProtoJson),
        ] {
            assert_eq!(encoding(url, codec), expected, "{url} {codec:?}");
        }
        // Envelopes are in JSON, whatever is asked for.
        assert_eq!(
            Wire::Http(MICRO_RPC).encoding_with(Some(HttpCodec::Proto)),
            Encoding::ProtoJson
        );
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
            ("micro://h:80/a/b", "the name of a service"),
            ("micro+http://h:80", "micro by +grpc"),
            ("grpc+grpc://h:80", "can be followed by"),
            ("micro+grpc://h:80?http=1.1", "gRPC needs HTTP/2"),
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
    fn urls_of_go_micros_services_name_them() {
        for (text, wire, tls, service) in [
            ("micro://h:80/greeter", MICRO, false, Some("greeter")),
            ("micro+grpc://h:80", MICRO_GRPC, false, None),
            ("micro+grpc+tls://h:80/go.micro.greeter", MICRO_GRPC, true, Some("go.micro.greeter")),
            ("micro+tls+grpc://h:80/", MICRO_GRPC, true, None),
        ] {
            let endpoint = Endpoint::parse(text).unwrap();
            assert_eq!((endpoint.wire, endpoint.tls), (Wire::Http(wire), tls), "{text}");
            assert_eq!(endpoint.service.as_deref(), service, "{text}");
        }
    }

    fn instance(address: &str, metadata: &[(&str, &str)]) -> Instance {
        metadata.iter().fold(Instance::new("greeter", "a", address.into()), |instance, entry| {
            instance.with_metadata(entry.0, entry.1)
        })
    }

    #[test]
    fn an_instance_says_what_it_speaks() {
        let jsonrpc2 = Wire::Jsonrpc2;
        let of_go = |protocol| [("protocol", protocol), ("server", "x"), ("transport", "http")];
        for (metadata, wire) in [
            (&[][..], Wire::Netrpc),
            (&[("zone", "a")], Wire::Netrpc),
            (&[("wires", "grpc,jsonrpc2, netrpc ")], Wire::Netrpc),
            (&[("wires", "grpc, micro")], http(Dialect::Grpc, None, None)),
            (&[("wires", "dubbo,jsonrpc2")], jsonrpc2),
            // What it says of itself goes before what it says to go-micro.
            (&[("wires", "netrpc,micro"), ("protocol", "mucp")], Wire::Netrpc),
            (&of_go("mucp"), Wire::Http(MICRO)),
            (&of_go("grpc"), Wire::Http(MICRO_GRPC)),
            (&[("protocol", "mucp")], Wire::Http(MICRO)),
            (&of_go("")[1..], Wire::Http(MICRO_RPC)),
            (&[("protocol", "")], Wire::Http(MICRO_RPC)),
        ] {
            let endpoint = Endpoint::of(&instance("h:80", metadata), None).unwrap();
            assert_eq!((endpoint.wire, endpoint.address.as_str()), (wire, "h:80"), "{metadata:?}");
            let named = endpoint.wire.has_service_names().then_some("greeter");
            assert_eq!(endpoint.service.as_deref(), named, "{metadata:?}");
        }
    }

    #[test]
    fn a_wire_may_be_preferred_and_an_address_may_be_a_url() {
        let all = instance("h:80", &[("wires", "netrpc,netrpc+http,jsonrpc,grpc,micro")]);
        for (kind, wire) in [
            (WireKind::Grpc, http(Dialect::Grpc, None, None)),
            (WireKind::Micro, Wire::Http(MICRO)),
            (WireKind::Jsonrpc, Wire::Jsonrpc1),
            (WireKind::Connect, Wire::Netrpc),
        ] {
            assert_eq!(Endpoint::of(&all, Some(kind)).unwrap().wire, wire, "{kind:?}");
        }
        let url = instance("grpc+tls://h:80", &[("protocol", "mucp")]);
        let endpoint = Endpoint::of(&url, None).unwrap();
        assert_eq!((endpoint.wire, endpoint.tls), (http(Dialect::Grpc, None, None), true));
    }

    #[test]
    fn an_instance_that_speaks_nothing_known_is_refused_with_what_it_speaks() {
        for (address, metadata, why) in [
            ("h:80", ("wires", "dubbo"), "it speaks `dubbo`"),
            ("h:80", ("protocol", "thrift"), "protocol `thrift`"),
            ("h", ("protocol", "mucp"), "neither a URL nor"),
        ] {
            let error = Endpoint::of(&instance(address, &[metadata]), None).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        }
    }
}
