//! Servers that describe themselves by gRPC's reflection, whoever wrote them.

mod print;

use std::collections::{HashMap, HashSet};

use futures_util::stream;
use polywire::grpc_reflection::{
    ServerReflectionAlphaClient, ServerReflectionClient, ServerReflectionRequest,
    ServerReflectionResponse,
};
use polywire::{Call, Channel, Code, Status, Streaming};
use prost::Message as _;
use prost_reflect::{DescriptorPool, MethodDescriptor};
use prost_types::{FileDescriptorProto, FileDescriptorSet};

pub(crate) use self::print::Printer;
use crate::args::ConnectArgs;
use crate::failure::Failure;

/// Whether a URL is of a wire whose servers may have gRPC's reflection.
pub(crate) fn is_grpc(url: &str) -> bool {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme).unwrap_or_default();
    let wire = scheme.split('+').next().unwrap_or_default();
    matches!(wire, "grpc" | "grpc-web" | "connect")
}

/// A server's reflection.
pub(crate) struct Reflection {
    channel: Channel,
    connect: ConnectArgs,
    version: Version,
    /// The names of all services.
    pub(crate) services: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V1,
    V1Alpha,
}

type Question = ServerReflectionRequest;
type Answer = ServerReflectionResponse;

impl Reflection {
    /// Asks the server for its services; `None` if it does not tell.
    ///
    /// Reflection streams both ways, which gRPC-Web cannot and Connect need not, so that it is
    /// asked by gRPC, whatever the URL says.
    pub(crate) async fn reach(url: &str, connect: &ConnectArgs) -> Result<Option<Self>, Failure> {
        let channel = crate::target::channel(&as_grpc(url), None, &connect.tls).await?;
        let mut reflection =
            Self { channel, connect: connect.clone(), version: Version::V1, services: Vec::new() };
        for version in [Version::V1, Version::V1Alpha] {
            reflection.version = version;
            let question = Question { list_services: Some("*".to_owned()), ..Question::default() };
            match reflection.ask(question).await {
                Ok(answer) => {
                    let listed = answer.list_services_response.unwrap_or_default();
                    let names = listed.service.into_iter().map(|service| service.name);
                    reflection.services = names.collect();
                    return Ok(Some(reflection));
                }
                Err(status) if is_missing(&status) => {}
                Err(status) => return Err(status.into()),
            }
        }
        Ok(None)
    }

    /// The files that define a symbol, and all those they need.
    pub(crate) async fn pool(&self, symbols: &[String]) -> Result<DescriptorPool, Failure> {
        let mut files = HashMap::new();
        for symbol in symbols {
            let file_containing_symbol = Some(symbol.clone());
            let question = Question { file_containing_symbol, ..Question::default() };
            self.fetch(question, &mut files).await?;
        }
        while let Some(missing) = missing(&files) {
            let file_by_filename = Some(missing.clone());
            let question = Question { file_by_filename, ..Question::default() };
            self.fetch(question, &mut files).await?;
            if !files.contains_key(&missing) {
                return Err(bad(&format!("the server does not have its file `{missing}`")));
            }
        }
        let file = files.into_values().collect();
        DescriptorPool::from_file_descriptor_set(FileDescriptorSet { file })
            .map_err(|error| bad(&error.to_string()))
    }

    /// The method of that name, such as `greeter.v1.Greeter.Hello`; `None` if there is none.
    pub(crate) async fn method(&self, path: &str) -> Result<Option<MethodDescriptor>, Failure> {
        let Some((service, method)) = path.rsplit_once('.') else { return Ok(None) };
        if !self.services.iter().any(|known| known == service) {
            return Ok(None);
        }
        let pool = self.pool(&[service.to_owned()]).await?;
        let service = pool.get_service_by_name(service);
        Ok(service.and_then(|service| service.methods().find(|known| known.name() == method)))
    }

    /// The names of all methods, for suggestions.
    pub(crate) async fn methods(&self) -> Result<Vec<String>, Failure> {
        let pool = self.pool(&self.services).await?;
        let known =
            pool.services().filter(|known| self.services.iter().any(|s| s == known.full_name()));
        Ok(known
            .flat_map(|service| {
                service.methods().map(|m| m.full_name().to_owned()).collect::<Vec<_>>()
            })
            .collect())
    }

    async fn fetch(
        &self,
        question: Question,
        files: &mut HashMap<String, FileDescriptorProto>,
    ) -> Result<(), Status> {
        let answer = self.ask(question).await?;
        for bytes in answer.file_descriptor_response.unwrap_or_default().file_descriptor_proto {
            let file = FileDescriptorProto::decode(bytes.as_slice()).map_err(|error| {
                Status::new(Code::Internal, format!("a file of the server's is malformed: {error}"))
            })?;
            files.insert(file.name().to_owned(), file);
        }
        Ok(())
    }

    async fn ask(&self, question: Question) -> Result<Answer, Status> {
        let question = stream::iter([question]);
        let mut answers = match self.version {
            Version::V1 => {
                let client = ServerReflectionClient::new(self.channel.clone());
                self.configured(client.server_reflection_info(question)).await?
            }
            Version::V1Alpha => {
                let client = ServerReflectionAlphaClient::new(self.channel.clone());
                self.configured(client.server_reflection_info(question)).await?
            }
        };
        let answer = answers.message().await?;
        let answer =
            answer.ok_or_else(|| Status::new(Code::Internal, "the server did not answer"))?;
        match answer.error_response {
            None => Ok(answer),
            Some(error) => {
                let code = u64::try_from(error.error_code).unwrap_or_default();
                Err(Status::new(Code::from_number(code), error.error_message))
            }
        }
    }

    fn configured<'c, S>(
        &self,
        call: Call<'c, S, Streaming<Question>, Streaming<Answer>>,
    ) -> Call<'c, S, Streaming<Question>, Streaming<Answer>> {
        let call = call.timeout(self.connect.patience());
        self.connect
            .headers
            .iter()
            .fold(call, |call, (name, value)| call.metadata(name.as_str(), value.as_str()))
    }
}

/// A URL with gRPC as what is spoken.
fn as_grpc(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let tls = if scheme.ends_with("+tls") { "+tls" } else { "" };
    let address = rest.split('?').next().unwrap_or_default();
    format!("grpc{tls}://{address}")
}

/// An import that is not there.
fn missing(files: &HashMap<String, FileDescriptorProto>) -> Option<String> {
    let imports: HashSet<&String> = files.values().flat_map(|file| &file.dependency).collect();
    imports.into_iter().find(|import| !files.contains_key(*import)).cloned()
}

/// Whether a status means that there is no such service.
fn is_missing(status: &Status) -> bool {
    matches!(status.code(), Code::Unimplemented | Code::NotFound)
}

fn bad(text: &str) -> Failure {
    Status::new(Code::Internal, format!("what the server says of itself is wrong: {text}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reflection_is_asked_by_grpc_at_the_same_address() {
        for (url, asked) in [
            ("connect://a:1?codec=json", "grpc://a:1"),
            ("grpc-web+tls://a:1", "grpc+tls://a:1"),
            ("grpc://[::1]:1", "grpc://[::1]:1"),
        ] {
            assert!(is_grpc(url), "{url}");
            assert_eq!(as_grpc(url), asked);
        }
        for url in ["netrpc://a:1", "a:1", "memory:grpc", "greeter"] {
            assert!(!is_grpc(url), "{url}");
        }
    }
}
