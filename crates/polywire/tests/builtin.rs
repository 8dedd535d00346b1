//! Health and reflection, which every app has beside its own services.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use polywire::codec::export::ProtoFile;
use polywire::grpc_reflection::{
    ServerReflectionAlphaClient, ServerReflectionClient, ServerReflectionRequest,
    ServerReflectionResponse,
};
use polywire::health::{HealthCheckRequest, HealthClient, ServingStatus};
use polywire::prelude::*;
use polywire::reflection::{ExportForm, ReflectionClient};
use polywire::registry::MemoryRegistry;

/// A greeting.
#[derive(Debug, Serialize, Deserialize, Schema)]
struct Greeting {
    /// A whole sentence.
    text: String,
}

struct Impl;

#[polywire::service(name = "Greeter", package = "greeter.v1")]
#[expect(clippy::unused_async, reason = "a method is async whether it waits or not")]
impl Impl {
    /// Says hello.
    #[rpc(idempotent)]
    pub(crate) async fn hello(&self, name: String) -> Result<Greeting, Status> {
        Ok(Greeting { text: format!("Hello, {name}!") })
    }

    /// Says hello to each.
    pub(crate) async fn all(
        &self,
        names: Streaming<String>,
    ) -> Result<BoxStream<Greeting>, Status> {
        Ok(Box::pin(names.map(|name| Ok(Greeting { text: name? }))))
    }
}

fn app() -> App {
    App::new("greeter").serve(ImplServer::new(Impl)).listen("127.0.0.1:0")
}

fn of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

#[tokio::test]
async fn the_health_of_each_service_is_told_over_every_wire() {
    let running = app().private().start().await.unwrap();
    for scheme in ["grpc", "connect", "netrpc"] {
        let url = format!("{scheme}://{}", running.address());
        let health = HealthClient::connect(&url).await.unwrap();
        for service in ["", "greeter.v1.Greeter", "Greeter"] {
            let answer = health.check(of(service)).await.unwrap();
            assert_eq!(answer.status, ServingStatus::Serving, "{scheme} {service}");
        }
        let status = health.check(of("nobody")).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound, "{scheme}");
        let mut watch = health.watch(of("nobody")).await.unwrap();
        let first = watch.message().await.unwrap().unwrap();
        assert_eq!(first.status, ServingStatus::ServiceUnknown, "{scheme}");
    }
    running.shutdown().await;
}

#[tokio::test]
async fn who_watches_the_health_hears_of_the_end_before_it_comes() {
    let registry = std::sync::Arc::new(MemoryRegistry::new());
    let running = app().registry(registry).lame_duck(Duration::from_millis(50)).start().await;
    let running = running.unwrap();
    let url = format!("grpc://{}", running.address());
    let health = HealthClient::connect(&url).await.unwrap();
    let mut watch = health.watch(of("greeter.v1.Greeter")).await.unwrap();
    assert_eq!(watch.message().await.unwrap().unwrap().status, ServingStatus::Serving);
    let (told, ()) = tokio::join!(
        async {
            let told = watch.message().await.unwrap().unwrap().status;
            (told, watch.message().await)
        },
        running.shutdown()
    );
    assert_eq!(told.0, ServingStatus::NotServing);
    assert!(matches!(told.1, Ok(None)), "the stream ends, so that the server can: {told:?}");
}

#[tokio::test]
async fn what_is_switched_off_is_not_there() {
    let app = app().private().without_health().without_reflection();
    let running = app.start().await.unwrap();
    let url = format!("grpc://{}", running.address());
    let health = HealthClient::connect(&url).await.unwrap();
    assert_eq!(health.check(of("")).await.unwrap_err().code(), Code::Unimplemented);
    let reflection = ServerReflectionClient::connect(&url).await.unwrap();
    let mut answers = reflection.server_reflection_info(stream::iter([list()])).await;
    let status = match &mut answers {
        Ok(answers) => answers.message().await.unwrap_err(),
        Err(status) => status.clone(),
    };
    assert_eq!(status.code(), Code::Unimplemented);
    running.shutdown().await;
}

fn list() -> ServerReflectionRequest {
    ServerReflectionRequest { list_services: Some(String::new()), ..Default::default() }
}

fn symbol(name: &str) -> ServerReflectionRequest {
    let file_containing_symbol = Some(name.to_owned());
    ServerReflectionRequest { file_containing_symbol, ..Default::default() }
}

fn file(name: &str) -> ServerReflectionRequest {
    let file_by_filename = Some(name.to_owned());
    ServerReflectionRequest { file_by_filename, ..Default::default() }
}

fn services(answer: &ServerReflectionResponse) -> Vec<&str> {
    let listed = answer.list_services_response.as_ref().expect("the services were asked for");
    listed.service.iter().map(|service| service.name.as_str()).collect()
}

#[tokio::test]
async fn both_versions_of_reflection_describe_code_first_services() {
    let running = app().private().start().await.unwrap();
    let url = format!("grpc://{}", running.address());
    let questions = [
        list(),
        symbol("greeter.v1.Greeter.All"),
        file("greeter/v1.proto"),
        file("google/protobuf/wrappers.proto"),
        symbol("greeter.v1.Nobody"),
    ];
    let v1 = ServerReflectionClient::connect(&url).await.unwrap();
    let v1 = v1.server_reflection_info(stream::iter(questions.clone())).await.unwrap();
    let alpha = ServerReflectionAlphaClient::connect(&url).await.unwrap();
    let alpha = alpha.server_reflection_info(stream::iter(questions)).await.unwrap();
    for answers in [v1, alpha] {
        let answers: Vec<_> = answers.map(Result::unwrap).collect().await;
        assert_eq!(
            services(&answers[0]),
            [
                "greeter.v1.Greeter",
                "grpc.health.v1.Health",
                "grpc.reflection.v1.ServerReflection",
                "grpc.reflection.v1alpha.ServerReflection",
                "polywire.Reflection",
            ]
        );
        let found = answers[1].file_descriptor_response.as_ref().unwrap();
        assert_eq!(found.file_descriptor_proto.len(), 2, "the file and what it imports");
        assert_eq!(Some(found), answers[2].file_descriptor_response.as_ref());
        let imported = answers[3].file_descriptor_response.as_ref().unwrap();
        assert_eq!(imported.file_descriptor_proto[0], found.file_descriptor_proto[1]);
        let server = ImplServer::new(Impl);
        let descriptor = polywire::ServiceDefinition::descriptor(&server);
        let own = ProtoFile::of([("Greeter", descriptor)])[0].to_descriptor();
        assert_eq!(found.file_descriptor_proto[0], own);
        let error = answers[4].error_response.as_ref().unwrap();
        assert_eq!(error.error_code, 5, "{}", error.error_message);
        assert_eq!(answers[4].original_request, Some(symbol("greeter.v1.Nobody")));
    }
    running.shutdown().await;
}

#[tokio::test]
async fn other_languages_get_files_over_any_wire() {
    let running = app().private().start().await.unwrap();
    let url = format!("netrpc://{}", running.address());
    let reflection = ReflectionClient::connect(&url).await.unwrap();
    let files = reflection.export(ExportForm::Proto, String::new()).await.unwrap();
    assert_eq!(files[0].name, "greeter/v1.proto");
    let rpc = "  // Says hello.\n  rpc Hello(google.protobuf.StringValue) returns (Greeting) {\n";
    assert!(files[0].text.contains(rpc), "{}", files[0].text);
    for (form, text) in [
        (ExportForm::OpenApi, "\"/greeter.v1.Greeter/Hello\""),
        (ExportForm::JsonSchema, "\"greeter.v1.Greeting\""),
    ] {
        let service = "greeter.v1.Greeter".to_owned();
        let files = reflection.export(form, service).await.unwrap();
        assert!(files[0].text.contains(text), "{}", files[0].text);
    }
    let nobody = reflection.export(ExportForm::Proto, "Nobody".to_owned()).await;
    assert_eq!(nobody.unwrap_err().code(), Code::NotFound);
    let streams = reflection.describe().await.unwrap();
    let all = streams.method("Greeter.All").unwrap();
    assert!(all.client_streams && all.server_streams);
    running.shutdown().await;
}

#[tokio::test]
async fn the_page_of_figures_tells_calls_and_the_place_in_the_registry() {
    let registry = MemoryRegistry::new();
    let running = app().registry(std::sync::Arc::new(registry)).start().await.unwrap();
    let url = format!("netrpc://{}", running.address());
    let client = ImplClient::connect(&url).await.unwrap();
    client.hello("Ada".to_owned()).await.unwrap();
    let page = get(running.address().as_str(), "/debug/metrics").await;
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    for line in [
        "content-type: text/plain; version=0.0.4; charset=utf-8",
        "# TYPE polywire_calls_total counter",
        "polywire_calls_total{service=\"Greeter\",method=\"Hello\"} 1",
        "polywire_registration_confirmed{service=\"greeter\"} 1",
        "polywire_registration_recoveries_total{service=\"greeter\"} 0",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
    }
    running.shutdown().await;
}

/// What is at a path, head and all.
async fn get(address: &str, path: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("connect");
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("write");
    let mut page = String::new();
    stream.read_to_string(&mut page).await.expect("read");
    page
}
