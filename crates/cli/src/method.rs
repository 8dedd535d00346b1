//! The method that is called: how many values go each way, and what JSON is to its peer.

use polywire::CallKind;
use polywire::codec::json::JsonError;
use polywire::core::{Encoding, MethodName, Payload, Service as _};
use polywire::gob::{Frame, TypeTable, decode_value};
use polywire::reflection::{Description, MethodInfo, ServiceInfo};
use polywire::{Code, Status};
use prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor, SerializeOptions};
use serde_json::Value as Json;

use crate::dynamic::{Hints, Known, to_json, to_payload};
use crate::failure::Failure;
use crate::suggest;
use crate::target::{Knowledge, Target};

/// The method that is called.
pub(crate) struct Method {
    pub(crate) name: MethodName,
    pub(crate) kind: CallKind,
    pub(crate) idempotent: bool,
    form: Form,
}

/// What JSON is turned into, and read from.
enum Form {
    /// By what a polywire server says of the types; where it says nothing, by the looks of it.
    Gob { description: Option<Description>, request: Option<u32>, reply: Option<u32>, hints: Hints },
    /// By what gRPC's reflection says of the messages.
    Messages { request: MessageDescriptor, reply: MessageDescriptor, encoding: Encoding },
    /// It is what travels.
    Json(Encoding),
}

impl Method {
    /// The name of a method, in which dots separate everything.
    pub(crate) fn name(path: &str) -> Result<MethodName, Failure> {
        MethodName::from_dotted(path.to_owned())
            .map_err(|_| Failure::Usage(format!("`{path}` is not SERVICE.METHOD")))
    }

    /// The method as the peer describes it.
    pub(crate) async fn find(target: &Target, path: &str, hints: Hints) -> Result<Self, Failure> {
        let name = Self::name(path)?;
        let encoding = target.channel.encoding();
        match &target.knowledge {
            Knowledge::Grpc(reflection) => {
                let Some(method) = reflection.method(path).await? else {
                    return Err(unknown(path, &reflection.methods().await?));
                };
                let options = method.method_descriptor_proto().options.clone().unwrap_or_default();
                let (request, reply) = (method.input(), method.output());
                Ok(Self {
                    name,
                    kind: kind(method.is_client_streaming(), method.is_server_streaming()),
                    idempotent: options.idempotency_level.unwrap_or_default() != 0,
                    form: Form::Messages { request, reply, encoding },
                })
            }
            Knowledge::Nothing if matches!(encoding, Encoding::Protobuf) => {
                let text = format!(
                    "{} has no reflection, so its messages are unknown; with `?codec=json` behind \
                     the address JSON is sent as it is",
                    target.name
                );
                Err(Status::new(Code::Unimplemented, text).into())
            }
            Knowledge::Nothing => Ok(Self::unknown(name, None, encoding, hints)),
            Knowledge::Polywire(description) => {
                let Some(method) = description.method(path) else {
                    return Err(unknown(path, &paths(description)));
                };
                let mut found = Self::unknown(name, Some((description, method)), encoding, hints);
                found.kind = kind(method.client_streams, method.server_streams);
                found.idempotent = method.idempotent;
                Ok(found)
            }
        }
    }

    fn unknown(
        name: MethodName,
        known: Option<(&Description, &MethodInfo)>,
        encoding: Encoding,
        hints: Hints,
    ) -> Self {
        let form = match encoding {
            Encoding::Gob => Form::Gob {
                description: known.map(|(description, _)| description.clone()),
                request: known.map(|(_, method)| method.request),
                reply: known.map(|(_, method)| method.reply),
                hints,
            },
            encoding => Form::Json(encoding),
        };
        Self { name, kind: CallKind::Unary, idempotent: false, form }
    }

    /// One argument.
    ///
    /// # Errors
    /// Says what in the JSON does not fit.
    pub(crate) fn encode(&self, json: &Json) -> Result<Payload, String> {
        match &self.form {
            Form::Gob { description, request, hints, .. } => {
                to_payload(json, known(description.as_ref(), *request), hints)
            }
            Form::Messages { request, encoding, .. } => {
                let message = DynamicMessage::deserialize(request.clone(), json)
                    .map_err(|error| format!("the argument is no {}: {error}", request.name()))?;
                Ok(match encoding {
                    Encoding::Protobuf => Payload::new(*encoding, message.encode_to_vec().into()),
                    _ => Payload::new(*encoding, json.to_string().into()),
                })
            }
            Form::Json(encoding) => Ok(Payload::new(*encoding, json.to_string().into())),
        }
    }

    /// One result.
    pub(crate) fn decode(&self, payload: Payload) -> Result<Json, Failure> {
        match &self.form {
            Form::Gob { description, reply, .. } if payload.encoding == Encoding::Gob => {
                let table = payload.context.as_ref().map(TypeTable::from_context);
                let frame = Frame::new(payload.bytes, table.unwrap_or_default());
                let value = decode_value(&frame).map_err(|error| unreadable(&error))?;
                Ok(to_json(&value, known(description.as_ref(), *reply)))
            }
            Form::Messages { reply, .. } if payload.encoding == Encoding::Protobuf => {
                let message = DynamicMessage::decode(reply.clone(), payload.bytes)
                    .map_err(|error| unreadable(&error))?;
                // What is left out says nothing to people; numbers are shown as they are meant.
                let options = SerializeOptions::new().skip_default_fields(false);
                let json = message.serialize_with_options(serde_json::value::Serializer, &options);
                json.map_err(|error| unreadable(&error))
            }
            _ => serde_json::from_slice(&payload.bytes)
                .map_err(|error| unreadable(&JsonError::Serde(error.to_string()))),
        }
    }
}

const fn kind(client_streams: bool, server_streams: bool) -> CallKind {
    match (client_streams, server_streams) {
        (false, false) => CallKind::Unary,
        (true, false) => CallKind::ClientStreaming,
        (false, true) => CallKind::ServerStreaming,
        (true, true) => CallKind::BidiStreaming,
    }
}

fn known(description: Option<&Description>, position: Option<u32>) -> Option<Known<'_>> {
    Known::new(description?, position?)
}

/// The methods of a polywire server.
fn paths(description: &Description) -> Vec<String> {
    let of = |service: &ServiceInfo| {
        let path = |method: &MethodInfo| format!("{}.{}", service.name, method.name);
        service.methods.iter().map(path).collect::<Vec<_>>()
    };
    description.services.iter().flat_map(of).collect()
}

fn unknown(path: &str, known: &[String]) -> Failure {
    let text = suggest::unknown("method", path, path, known.iter().map(String::as_str));
    Status::new(Code::Unimplemented, text).into()
}

fn unreadable(error: &dyn std::error::Error) -> Failure {
    Status::new(Code::Internal, format!("the reply cannot be read: {error}")).into()
}
