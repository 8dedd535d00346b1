//! Which protocol and which encoding a content type stands for.

use polywire_core::Encoding;

/// A way to carry calls over HTTP, told by the content type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// gRPC over HTTP/2, with trailers.
    Grpc,
    /// gRPC-Web: the trailers are in the body.
    GrpcWeb,
    /// Connect, one message each way: the body is the message.
    ConnectUnary,
    /// Connect with streams: messages have prefixes, the last one ends the stream.
    ConnectStream,
}

impl Protocol {
    /// The protocol that a content type belongs to, whether its encoding is known or not;
    /// [`ConnectUnary`](Self::ConnectUnary) only for encodings that are known, since every other
    /// `application/…` could be anything.
    #[must_use]
    pub fn of(content_type: &str) -> Option<Self> {
        let name = essence(content_type)?;
        if let Some(known) = ContentType::parse(content_type) {
            return Some(known.protocol);
        }
        let (base, _) = name.split_once('+')?;
        BASES.iter().find(|(known, ..)| known.eq_ignore_ascii_case(base)).map(|known| known.1)
    }
}

/// What a content type says: protocol, encoding, and whether the body is base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentType {
    /// The protocol.
    pub protocol: Protocol,
    /// How messages are encoded: [`Encoding::Protobuf`] or [`Encoding::ProtoJson`].
    pub codec: Encoding,
    /// Whether the body is base64, as gRPC-Web has it for old browsers.
    pub text: bool,
}

impl ContentType {
    /// Reads a content type; `None` if its answer should be 415. Parameters are allowed; a
    /// `charset` has to be UTF-8.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let name = essence(value)?;
        TABLE.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|known| known.1)
    }

    /// The content type to send: the form with its encoding spelled out.
    ///
    /// An encoding other than the two is written as Protocol Buffers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let json = self.codec == Encoding::ProtoJson;
        match (self.protocol, self.text, json) {
            (Protocol::Grpc, _, false) => "application/grpc+proto",
            (Protocol::Grpc, _, true) => "application/grpc+json",
            (Protocol::GrpcWeb, false, false) => "application/grpc-web+proto",
            (Protocol::GrpcWeb, false, true) => "application/grpc-web+json",
            (Protocol::GrpcWeb, true, false) => "application/grpc-web-text+proto",
            (Protocol::GrpcWeb, true, true) => "application/grpc-web-text+json",
            (Protocol::ConnectUnary, _, false) => "application/proto",
            (Protocol::ConnectUnary, _, true) => "application/json",
            (Protocol::ConnectStream, _, false) => "application/connect+proto",
            (Protocol::ConnectStream, _, true) => "application/connect+json",
        }
    }
}

/// The content type without its parameters; `None` if one asks for a charset other than UTF-8.
fn essence(value: &str) -> Option<&str> {
    let mut parts = value.split(';');
    let name = parts.next()?.trim();
    let foreign = |parameter: &str| {
        parameter.split_once('=').is_some_and(|(key, charset)| {
            let charset = charset.trim().trim_matches('"');
            let utf8 = ["utf-8", "utf8", "us-ascii"];
            key.trim().eq_ignore_ascii_case("charset")
                && !utf8.iter().any(|known| known.eq_ignore_ascii_case(charset))
        })
    };
    if parts.any(foreign) { None } else { Some(name) }
}

/// What stands before the plus sign, where there may be an encoding that is not known.
const BASES: [(&str, Protocol); 4] = [
    ("application/grpc", Protocol::Grpc),
    ("application/grpc-web", Protocol::GrpcWeb),
    ("application/grpc-web-text", Protocol::GrpcWeb),
    ("application/connect", Protocol::ConnectStream),
];

const TABLE: [(&str, ContentType); 13] = [
    ("application/grpc", content(Protocol::Grpc, Encoding::Protobuf, false)),
    ("application/grpc+proto", content(Protocol::Grpc, Encoding::Protobuf, false)),
    ("application/proto", content(Protocol::ConnectUnary, Encoding::Protobuf, false)),
    ("application/json", content(Protocol::ConnectUnary, Encoding::ProtoJson, false)),
    ("application/connect+proto", content(Protocol::ConnectStream, Encoding::Protobuf, false)),
    ("application/connect+json", content(Protocol::ConnectStream, Encoding::ProtoJson, false)),
    ("application/grpc+json", content(Protocol::Grpc, Encoding::ProtoJson, false)),
    ("application/grpc-web", content(Protocol::GrpcWeb, Encoding::Protobuf, false)),
    ("application/grpc-web+proto", content(Protocol::GrpcWeb, Encoding::Protobuf, false)),
    ("application/grpc-web+json", content(Protocol::GrpcWeb, Encoding::ProtoJson, false)),
    ("application/grpc-web-text", content(Protocol::GrpcWeb, Encoding::Protobuf, true)),
    ("application/grpc-web-text+proto", content(Protocol::GrpcWeb, Encoding::Protobuf, true)),
    ("application/grpc-web-text+json", content(Protocol::GrpcWeb, Encoding::ProtoJson, true)),
];

const fn content(protocol: Protocol, codec: Encoding, text: bool) -> ContentType {
    ContentType { protocol, codec, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_read_back() {
        for (_, known) in TABLE {
            assert_eq!(ContentType::parse(known.as_str()), Some(known));
            assert_eq!(Protocol::of(known.as_str()), Some(known.protocol));
        }
    }

    #[test]
    fn names_without_an_encoding_mean_protocol_buffers() {
        for name in ["application/grpc", "application/grpc-web", "application/grpc-web-text"] {
            let known = ContentType::parse(name).unwrap();
            assert_eq!(known.codec, Encoding::Protobuf);
            assert_eq!(known.as_str(), format!("{name}+proto"));
        }
    }

    #[test]
    fn case_and_parameters_do_not_matter_but_for_a_foreign_charset() {
        let json = ContentType::parse("application/json");
        for value in [
            "application/json; charset=utf-8",
            "Application/JSON;charset=UTF-8",
            "application/json ; Charset=\"utf-8\"; x=y",
            "application/json;",
            " application/json",
        ] {
            assert_eq!(ContentType::parse(value), json, "{value}");
        }
        assert_eq!(ContentType::parse("application/json; charset=utf-16"), None);
    }

    #[test]
    fn the_rest_is_unknown() {
        for value in ["", ";", "image/jpeg", "application/foo", "application/connect", "text/json"]
        {
            assert_eq!(ContentType::parse(value), None, "{value}");
            assert_eq!(Protocol::of(value), None, "{value}");
        }
        assert_eq!(ContentType::parse("application/grpc+foo"), None);
        assert_eq!(Protocol::of("application/grpc+foo"), Some(Protocol::Grpc));
        assert_eq!(Protocol::of("application/grpc-web-text+foo"), Some(Protocol::GrpcWeb));
        assert_eq!(Protocol::of("application/connect+foo"), Some(Protocol::ConnectStream));
        assert_eq!(Protocol::of("application/grpcx+proto"), None);
    }
}
