//! OpenAPI for calls with JSON by POST.

use serde_json::{Map, Value as Json, json};

use super::ProtoFile;
use super::model::{File, Method, Service};
use super::schema::{definitions, path, refer};

const SCHEMAS: &str = "#/components/schemas/";

/// An OpenAPI 3.1 document of the unary methods of the files: `POST /package.Service/Method` with
/// canonical protobuf JSON, as Connect has it. Streams have no form in OpenAPI and are left out.
#[must_use]
pub fn openapi(files: &[ProtoFile], title: &str, version: &str) -> Json {
    let mut paths = Map::new();
    for file in files.iter().filter_map(ProtoFile::ours) {
        for service in &file.services {
            for method in service.methods.iter().filter(|method| is_unary(method)) {
                let operation = operation(file, service, method);
                let path = path(file, &service.name, method.name);
                paths.insert(path, json!({ "post": operation }));
            }
        }
    }
    let mut schemas = definitions(files, SCHEMAS);
    schemas.insert("polywire.Error".to_owned(), error());
    json!({
        "openapi": "3.1.0",
        "info": { "title": title, "version": version },
        "paths": paths,
        "components": { "schemas": schemas },
    })
}

fn is_unary(method: &Method) -> bool {
    !method.kind.client_streams() && !method.kind.server_streams()
}

fn operation(file: &File, service: &Service, method: &Method) -> Json {
    let service = file.full_name(&service.name);
    let content = |schema: Json| json!({ "application/json": { "schema": schema } });
    json!({
        "operationId": format!("{service}.{}", method.name),
        "tags": [service],
        "description": method.docs,
        "requestBody": { "required": true, "content": content(refer(&method.request, SCHEMAS)) },
        "responses": {
            "200": {
                "description": "The result.",
                "content": content(refer(&method.reply, SCHEMAS)),
            },
            "default": {
                "description": "The call failed.",
                "content": content(json!({ "$ref": format!("{SCHEMAS}polywire.Error") })),
            },
        },
    })
}

fn error() -> Json {
    json!({
        "type": "object",
        "description": "Why a call failed, in Connect's form.",
        "properties": { "code": { "type": "string" }, "message": { "type": "string" } },
    })
}
