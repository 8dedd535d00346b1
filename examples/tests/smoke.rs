//! Every example runs, and says what it should.

#[expect(dead_code, reason = "main is for the program")]
#[path = "../custom_layer.rs"]
mod custom_layer;
#[expect(dead_code, reason = "main is for the program")]
#[path = "../go_micro.rs"]
mod go_micro;
#[expect(dead_code, reason = "main is for the program")]
#[path = "../go_migration.rs"]
mod go_migration;
#[expect(dead_code, reason = "main is for the program")]
#[path = "../hello.rs"]
mod hello;
#[expect(dead_code, reason = "main is for the program")]
#[path = "../jsonrpc.rs"]
mod jsonrpc;

use polywire::Code;

#[tokio::test]
async fn hello_greets() {
    assert_eq!(hello::greet("Ann").await.unwrap(), "Hello, Ann!");
}

#[tokio::test]
async fn go_micro_answers_and_hears() {
    let registry = std::sync::Arc::new(polywire::registry::MemoryRegistry::new());
    let (greeting, event) = go_micro::greet("Ann", registry).await.unwrap();
    assert_eq!((&*greeting, &*event), ("Hello, Ann!", "Ann"));
}

#[tokio::test]
async fn go_migration_divides_over_every_wire() {
    let answers = go_migration::divide(17, 8).await.unwrap();
    assert_eq!(format!("{:?}", answers[0]), "Quotient { quotient: 2, remainder: 1 }");
    assert!(answers.len() == 3 && answers.iter().all(|answer| *answer == answers[0]));
    let error = go_migration::divide(1, 0).await.unwrap_err();
    assert!(error.to_string().contains("divide by zero"), "{error}");
}

#[tokio::test]
async fn custom_layer_asks_for_the_token() {
    let (refused, secret) = custom_layer::open().await.unwrap();
    assert_eq!(refused.code(), Code::Unauthenticated);
    assert_eq!(refused.message(), "Vault.Open needs a token");
    assert_eq!(secret, "42");
}

#[tokio::test]
async fn jsonrpc_converses() {
    let answers = jsonrpc::converse().await.unwrap();
    assert_eq!(answers[0], r#"{"jsonrpc":"2.0","result":3,"id":1}"#);
    assert_eq!(answers[1], r#"{"jsonrpc":"2.0","result":7,"id":"x"}"#);
    assert!(answers[2].contains(r#""code":-32601"#), "{}", answers[2]);
    assert_eq!(answers[3], r#"{"id":3,"result":11,"error":null}"#);
}
