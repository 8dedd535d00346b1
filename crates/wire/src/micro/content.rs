//! How messages lie in bodies, by content type.

use polywire_core::{Code, Encoding, Status};

/// What is around a message in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Framing {
    /// Nothing: the body is the message.
    Bare,
    /// An object of JSON-RPC 1.0.
    JsonRpc,
    /// Two byte strings with lengths: an envelope in Protocol Buffers, and the message.
    ProtoRpc,
    /// gRPC's prefix of five bytes.
    Grpc,
}

/// How messages lie in bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// What is around a message.
    pub framing: Framing,
    /// How it is encoded: [`Encoding::ProtoJson`] or [`Encoding::Protobuf`].
    pub codec: Encoding,
    name: &'static str,
}

impl Content {
    /// The body is a message in JSON.
    pub const JSON: Self = content("application/json", Framing::Bare, Encoding::ProtoJson);

    /// The body is a message in Protocol Buffers.
    pub const PROTOBUF: Self = content("application/protobuf", Framing::Bare, Encoding::Protobuf);

    /// The body is a call of JSON-RPC 1.0 with a message in JSON: what nodes take whose registration
    /// does not say what they speak.
    pub const JSON_RPC: Self =
        content("application/json-rpc", Framing::JsonRpc, Encoding::ProtoJson);

    /// Reads the value of `Content-Type`; where there is none, go-micro takes Protocol Buffers.
    /// Parameters are passed over, which go-micro's servers do not do.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for a type that is not known, in go-micro's words, and for raw
    /// bytes, which no method here takes.
    pub fn parse(value: Option<&str>) -> Result<Self, Status> {
        let Some(value) = value else { return Ok(Self::PROTOBUF) };
        let name = value.split(';').next().unwrap_or_default().trim();
        if let Some(known) = TABLE.iter().find(|known| known.name.eq_ignore_ascii_case(name)) {
            return Ok(*known);
        }
        let text = if name.eq_ignore_ascii_case("application/octet-stream") {
            "no method here takes raw bytes (application/octet-stream)".to_owned()
        } else {
            format!("unsupported Content-Type: {value}")
        };
        Err(Status::new(Code::InvalidArgument, text))
    }

    /// What peers mean by the same content type that do not know bare bodies: those before 0.14,
    /// and newer ones that have not been told what a node speaks.
    #[must_use]
    pub fn legacy(self) -> Self {
        match (self.framing, self.codec) {
            (Framing::Bare, Encoding::ProtoJson) => Self::JSON_RPC,
            (Framing::Bare, _) => PROTO_RPC,
            _ => self,
        }
    }

    /// The content type to send.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.name
    }
}

const fn content(name: &'static str, framing: Framing, codec: Encoding) -> Content {
    Content { framing, codec, name }
}

const PROTO_RPC: Content = content("application/proto-rpc", Framing::ProtoRpc, Encoding::Protobuf);

const TABLE: [Content; 8] = [
    Content::JSON,
    Content::PROTOBUF,
    content("application/proto", Framing::Bare, Encoding::Protobuf),
    Content::JSON_RPC,
    PROTO_RPC,
    content("application/grpc", Framing::Grpc, Encoding::Protobuf),
    content("application/grpc+proto", Framing::Grpc, Encoding::Protobuf),
    content("application/grpc+json", Framing::Grpc, Encoding::ProtoJson),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_says_what_is_around_a_message_and_how_it_is_encoded() {
        for (name, framing, codec) in [
            ("application/json", Framing::Bare, Encoding::ProtoJson),
            ("application/json; charset=utf-8", Framing::Bare, Encoding::ProtoJson),
            ("application/protobuf", Framing::Bare, Encoding::Protobuf),
            ("application/json-rpc", Framing::JsonRpc, Encoding::ProtoJson),
            ("application/proto-rpc", Framing::ProtoRpc, Encoding::Protobuf),
            ("application/grpc", Framing::Grpc, Encoding::Protobuf),
            ("application/grpc+json", Framing::Grpc, Encoding::ProtoJson),
        ] {
            let content = Content::parse(Some(name)).unwrap();
            assert_eq!((content.framing, content.codec), (framing, codec), "{name}");
            assert!(name.starts_with(content.as_str()), "{name}");
        }
        assert_eq!(Content::parse(None).unwrap(), Content::PROTOBUF);
    }

    #[test]
    fn what_is_not_known_is_refused_in_go_micros_words() {
        let status = Content::parse(Some("application/xml")).unwrap_err();
        assert_eq!(status.message(), "unsupported Content-Type: application/xml");
        assert!(Content::parse(Some("application/octet-stream")).is_err());
    }

    #[test]
    fn peers_of_old_mean_envelopes() {
        assert_eq!(Content::JSON.legacy().as_str(), "application/json-rpc");
        assert_eq!(Content::PROTOBUF.legacy().as_str(), "application/proto-rpc");
        assert_eq!(Content::JSON_RPC.legacy(), Content::JSON_RPC);
    }
}
