//! `polywire publish`.

use polywire::Event;
use serde_json::Value as Json;
use tokio::time;

use crate::args::PublishArgs;
use crate::failure::Failure;
use crate::target;

/// Publishes one event, and waits until it has left.
pub(crate) async fn run(args: &PublishArgs, registry: Option<&str>) -> Result<(), Failure> {
    let body: Json = serde_json::from_str(&args.json)
        .map_err(|error| Failure::Usage(format!("the event is no JSON: {error}")))?;
    let broker = target::broker(args.broker.broker.as_deref(), registry)?;
    let headers = args.headers.iter().cloned().collect();
    let event = Event::new(args.topic.as_str(), "application/json", body.to_string());
    let published = async {
        broker.publish(event.with_headers(headers)).await?;
        broker.flush().await
    };
    let late = |_elapsed| {
        let text = format!("the event did not reach everybody within {:?}", args.timeout);
        Failure::Environment(text)
    };
    Ok(time::timeout(args.timeout, published).await.map_err(late)??)
}
