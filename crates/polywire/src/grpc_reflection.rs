//! `grpc.reflection.v1.ServerReflection` and its older version, which `grpcurl` and its like ask.
//!
//! Every [`App`](crate::App) answers both, on every wire, with what its services are in Protocol
//! Buffers, until [`App::without_reflection`](crate::App::without_reflection) switches them off.
//! The members of the protocol's `oneof`s are optional fields here, which is the same on the wire.

use std::sync::Arc;

use futures_util::StreamExt as _;
use polywire_codec::Streaming;
use polywire_codec::export::ProtoFile;
use polywire_core::{Code, ServiceDescriptor, Status};
use polywire_macros::Schema;
use polywire_server::BoxStream;
use serde::{Deserialize, Serialize};

/// The name the built-in service is registered under.
pub const V1: &str = "grpc.reflection.v1.ServerReflection";
/// The name of the older version, which has the same messages.
pub const V1_ALPHA: &str = "grpc.reflection.v1alpha.ServerReflection";

/// One question; exactly one of the fields behind the host asks it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
pub struct ServerReflectionRequest {
    /// The host that is asked, as the client knows it.
    pub host: String,
    /// Asks for the file of this name.
    #[schema(tag = 3)]
    pub file_by_filename: Option<String>,
    /// Asks for the file that defines this service, method, message or enum.
    #[schema(tag = 4)]
    pub file_containing_symbol: Option<String>,
    /// Asks for the file that defines an extension.
    #[schema(tag = 5)]
    pub file_containing_extension: Option<ExtensionRequest>,
    /// Asks for the tags of the extensions of this message.
    #[schema(tag = 6)]
    pub all_extension_numbers_of_type: Option<String>,
    /// Asks for the names of all services; the text means nothing.
    #[schema(tag = 7)]
    pub list_services: Option<String>,
}

/// An extension of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
pub struct ExtensionRequest {
    /// The full name of the message.
    pub containing_type: String,
    /// The tag.
    pub extension_number: i32,
}

/// One answer; exactly one of the fields behind the question holds it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
pub struct ServerReflectionResponse {
    /// The host that was asked.
    pub valid_host: String,
    /// The question.
    #[schema(tag = 2)]
    pub original_request: Option<ServerReflectionRequest>,
    /// Files.
    #[schema(tag = 4)]
    pub file_descriptor_response: Option<FileDescriptorResponse>,
    /// Tags of extensions.
    #[schema(tag = 5)]
    pub all_extension_numbers_response: Option<ExtensionNumberResponse>,
    /// The services.
    #[schema(tag = 6)]
    pub list_services_response: Option<ListServiceResponse>,
    /// Why there is no answer.
    #[schema(tag = 7)]
    pub error_response: Option<ErrorResponse>,
}

/// A file and those it imports.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
pub struct FileDescriptorResponse {
    /// Each an encoded `google.protobuf.FileDescriptorProto`.
    pub file_descriptor_proto: Vec<Vec<u8>>,
}

/// The extensions of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
pub struct ExtensionNumberResponse {
    /// The full name of the message.
    pub base_type_name: String,
    /// The tags.
    pub extension_number: Vec<i32>,
}

/// The services of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
pub struct ListServiceResponse {
    /// In the order of their names.
    pub service: Vec<ServiceResponse>,
}

/// A service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
pub struct ServiceResponse {
    /// The full name.
    pub name: String,
}

/// Why a question was not answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[schema(crate = "crate")]
pub struct ErrorResponse {
    /// The code of gRPC's statuses.
    pub error_code: i32,
    /// The text.
    pub error_message: String,
}

/// Describes the services of the server it runs on.
#[polywire_macros::service(name = "grpc.reflection.v1.ServerReflection", crate = "crate")]
pub trait ServerReflection {
    /// Answers questions one by one.
    async fn server_reflection_info(
        &self,
        questions: Streaming<ServerReflectionRequest>,
    ) -> Result<BoxStream<ServerReflectionResponse>, Status>;
}

/// Describes the services of the server it runs on, under the name that older clients know.
#[polywire_macros::service(name = "grpc.reflection.v1alpha.ServerReflection", crate = "crate")]
pub trait ServerReflectionAlpha {
    /// Answers questions one by one.
    async fn server_reflection_info(
        &self,
        questions: Streaming<ServerReflectionRequest>,
    ) -> Result<BoxStream<ServerReflectionResponse>, Status>;
}

/// Answers with what was described when the server was put together.
#[derive(Clone, Default)]
pub(crate) struct Files(Arc<Vec<Known>>);

struct Known {
    file: ProtoFile,
    descriptor: Vec<u8>,
}

impl Files {
    /// Describes services, each under the name it is registered under.
    pub(crate) fn of<'a>(
        services: impl IntoIterator<Item = (&'a str, &'static ServiceDescriptor)>,
    ) -> Self {
        let files = ProtoFile::of(services).into_iter().chain(ProtoFile::well_known());
        let known = files.map(|file| Known { descriptor: file.to_descriptor(), file });
        Self(Arc::new(known.collect()))
    }

    fn answers(
        &self,
        questions: Streaming<ServerReflectionRequest>,
    ) -> BoxStream<ServerReflectionResponse> {
        let files = self.clone();
        Box::pin(questions.map(move |question| question.map(|question| files.answer(question))))
    }

    fn answer(&self, question: ServerReflectionRequest) -> ServerReflectionResponse {
        let mut answer = ServerReflectionResponse::default();
        match self.look_up(&question) {
            Ok(Found::Files(files)) => answer.file_descriptor_response = Some(files),
            Ok(Found::Extensions(tags)) => answer.all_extension_numbers_response = Some(tags),
            Ok(Found::Services(services)) => answer.list_services_response = Some(services),
            Err((code, error_message)) => {
                let error_code = i32::from(code.number());
                answer.error_response = Some(ErrorResponse { error_code, error_message });
            }
        }
        answer.valid_host.clone_from(&question.host);
        answer.original_request = Some(question);
        answer
    }

    fn look_up(&self, question: &ServerReflectionRequest) -> Result<Found, (Code, String)> {
        let missing = |what, name: &str| (Code::NotFound, format!("no {what} `{name}`"));
        if let Some(name) = &question.file_by_filename {
            let found = self.with_imports(|file| file.name() == name);
            return found.map(Found::Files).ok_or_else(|| missing("file", name));
        }
        if let Some(symbol) = &question.file_containing_symbol {
            let found = self.with_imports(|file| file.defines(symbol));
            return found.map(Found::Files).ok_or_else(|| missing("symbol", symbol));
        }
        if let Some(extension) = &question.file_containing_extension {
            return Err(missing("extension of", &extension.containing_type));
        }
        if let Some(name) = &question.all_extension_numbers_of_type {
            if !self.0.iter().any(|known| known.file.defines(name)) {
                return Err(missing("type", name));
            }
            // No message of proto3 has any.
            let base_type_name = name.clone();
            let tags = ExtensionNumberResponse { base_type_name, extension_number: Vec::new() };
            return Ok(Found::Extensions(tags));
        }
        if question.list_services.is_some() {
            return Ok(Found::Services(self.services()));
        }
        Err((Code::InvalidArgument, "no question was asked".to_owned()))
    }

    /// The first such file, and behind it all that it needs.
    fn with_imports(&self, is_it: impl Fn(&ProtoFile) -> bool) -> Option<FileDescriptorResponse> {
        let mut found = vec![self.0.iter().find(|known| is_it(&known.file))?];
        let mut done = 0;
        while let Some(known) = found.get(done).copied() {
            for import in known.file.imports() {
                let named = |other: &&Known| other.file.name() == import;
                if let Some(next) = self.0.iter().find(named)
                    && !found.iter().any(named)
                {
                    found.push(next);
                }
            }
            done += 1;
        }
        let file_descriptor_proto = found.iter().map(|known| known.descriptor.clone()).collect();
        Some(FileDescriptorResponse { file_descriptor_proto })
    }

    fn services(&self) -> ListServiceResponse {
        let names = self.0.iter().flat_map(|known| known.file.services());
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        let service = names.into_iter().map(|name| ServiceResponse { name }).collect();
        ListServiceResponse { service }
    }
}

impl ServerReflection for Files {
    async fn server_reflection_info(
        &self,
        questions: Streaming<ServerReflectionRequest>,
    ) -> Result<BoxStream<ServerReflectionResponse>, Status> {
        Ok(self.answers(questions))
    }
}

impl ServerReflectionAlpha for Files {
    async fn server_reflection_info(
        &self,
        questions: Streaming<ServerReflectionRequest>,
    ) -> Result<BoxStream<ServerReflectionResponse>, Status> {
        Ok(self.answers(questions))
    }
}

/// What a question leads to.
enum Found {
    Files(FileDescriptorResponse),
    Extensions(ExtensionNumberResponse),
    Services(ListServiceResponse),
}
