//! `polywire subscribe`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use polywire::Event;
use serde_json::{Map, Value as Json, json};

use crate::args::SubscribeArgs;
use crate::failure::Failure;
use crate::{output, target};

/// Prints events as they come, one a line.
pub(crate) async fn run(args: &SubscribeArgs, registry: Option<&str>) -> Result<(), Failure> {
    let broker = target::broker(args.broker.broker.as_deref(), registry)?;
    let mut events = broker.subscribe(&args.topic, args.queue.as_deref()).await?;
    output::message(&format!("subscribed to {}", args.topic));
    let mut left = args.count.map(u64::from);
    while left != Some(0) {
        let delivery = tokio::select! {
            delivery = events.next() => delivery,
            () = polywire::asked_to_end() => break,
        };
        let Some(delivery) = delivery else {
            return Err(Failure::Environment("the broker has ended the subscription".to_owned()));
        };
        output::line(&as_json(&delivery.event).to_string());
        delivery.accept().await?;
        left = left.map(|left| left.saturating_sub(1));
    }
    Ok(events.unsubscribe().await?)
}

fn as_json(event: &Event) -> Json {
    let headers = event.headers.iter();
    let headers: Map<_, _> = headers.map(|(name, value)| (name.to_owned(), value.into())).collect();
    let mut line = json!({
        "topic": event.topic,
        "id": event.id,
        "content_type": event.content_type,
        "headers": headers,
    });
    let (key, body) = match (serde_json::from_slice(&event.body), std::str::from_utf8(&event.body))
    {
        (Ok(json), _) if event.content_type.contains("json") => ("body", json),
        (_, Ok(text)) => ("text", Json::from(text)),
        _ => ("base64", Json::from(STANDARD.encode(&event.body))),
    };
    if let Json::Object(members) = &mut line {
        members.insert(key.to_owned(), body);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_json_text_or_base64() {
        for (content_type, body, key, shown) in [
            ("application/json", &b"{\"a\":1}\n"[..], "body", json!({"a": 1})),
            ("application/json", b"nonsense", "text", json!("nonsense")),
            ("text/plain", b"7", "text", json!("7")),
            ("application/protobuf", b"\xff\x00", "base64", json!("/wA=")),
        ] {
            let line = as_json(&Event::new("t", content_type, body));
            assert_eq!(line[key], shown, "{line}");
        }
    }
}
